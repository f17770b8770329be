// SPDX-License-Identifier: BSD-3-Clause
#include <poll.h>
#include <unistd.h>

#include <array>
#include <limits>
#include <utility>

#include "host/machine.hpp"
#include "journal/job_folder.hpp"
#include "launch/attend.hpp"
#include "launch/detach.hpp"
#include "launch/job.hpp"
#include "launch/late_join.hpp"
#include "launch/node_part.hpp"
#include "launch/node_session.hpp"
#include "launch/region_watch.hpp"
#include "launch/streams.hpp"
#include "sampling/sampler.hpp"

namespace perun {

namespace {

/// Answers everybody who comes with an error, until nobody does.
void refuse_all(const Fd& listener, const Error& error) {
  pollfd fd{listener.get(), POLLIN, 0};
  while (::poll(&fd, 1, 200) > 0)
    while (auto channel = Meeting::accept(listener)) channel->send({.type = Message::Type::refused, .error = error});
}

Status live(const JobTask& task, const Meeting& meeting, Fd& listener) {
  serve_the_whole_node();
  std::string notice;
  const auto folder = enter_somewhere(task, notice);
  if (!folder) return folder.error();
  auto instruments = task.agent.open();
  if (!instruments) return instruments.error();
  if (!instruments->notice.empty()) notice += (notice.empty() ? "" : "; ") + instruments->notice;
  const auto node = node_id_of(task.place, task.agent.host);
  Past past = past_of(journal::folders_of_job(task.agent.data_out, task.agent.spool, folder->path.filename().string()), node);
  Run run = task.agent.run;
  run.id = folder->run_id;
  run.nodes.push_back(describe_node(task.agent, *instruments));
  if (!task.place.node_id.empty()) run.nodes.back().host = task.place.node_id;
  if (task.agent.baseline && past.segments == 0) {
    auto baseline = task.agent.baseline(run.nodes.back(), instruments->backends);
    if (!baseline) {
      leave_behind(*std::move(instruments));
      return baseline.error();
    }
    run.nodes.back().baseline = *std::move(baseline);
  }
  const journal::Part part{.job = {.launcher = task.place.launcher,
                                   .key = task.place.key,
                                   .size = task.place.size,
                                   .scheduler = task.place.scheduler},
                           .node_id = node,
                           .boot_id = task.place.node_id.empty() ? boot_id_of(task.agent.host) : "",
                           .segment = past.segments,
                           .clock_error_s = wall_clock_error_s(),
                           .local_size = task.place.local_size};
  auto writer = begin_part(task, folder->path, run, part, notice);
  if (!writer) return writer.error();
  writer->clock(now());
  const auto path = writer->path();
  const std::int64_t period = guarded_period_ns(run.frequency_hz, instruments->backends);
  const OverheadLimit limit{.percent = task.agent.max_overhead_percent,
                            .longest_period_ns = longest_period_ns(instruments->backends),
                            .cpu_ns = &own_cpu_ns};
  RegionWatch regions(run.nodes.back().sensors, task.agent.region_frequency_hz);
  LateJoin late(*instruments, run.nodes.back().sensors);
  Sampler sampler(std::move(instruments->backends), period, task.agent.host, limit, late.fd() >= 0 ? room_for_latecomers : 0);
  if (const auto ok = sampler.start(); !ok) {
    ::unlink(path.c_str());
    return ok;
  }
  Streams streams(task, folder->path);
  NodeSession session(task, sampler, regions, std::move(late), folder->run_id, *std::move(writer), std::move(listener),
                      std::move(past), streams);
  session.begin(notice);
  session.serve();
  const int ranks = session.finish();
  session.stop_listening();
  meeting.leave();  // whoever comes now starts anew
  Channel nobody{Fd()};
  Channel* const last = session.last();
  Channel& launcher = last != nullptr ? *last : nobody;
  streams.look(session.part(), session.has_rank_0(), std::numeric_limits<std::int64_t>::max());
  const auto ended = journal::end_part(session.part(), ranks);
  if (ended && streams.deliver(*ended, ranks)) {
    journal::discard_job(ended->parent_path());
    launcher.send({.type = Message::Type::bye});
    return Ok{};
  }
  if (!ended) {  // data_out is gone; the launchers were told
    launcher.send({.type = Message::Type::bye});
    return Ok{};
  }
  conclude_job(task, session.part().parent_path(), launcher,
               session.has_rank_0() && session.all_well() ? Patience::for_other_nodes : Patience::none, streams);
  return Ok{};
}

}  // namespace

void run_node_agent(const JobTask& task, const Meeting& meeting, const Fd& lock, Fd listener) {
  detach(std::array{lock.get(), listener.get()});
  prepare_heap();
  Status status = Ok{};
  try {
    meeting.sweep();
    status = live(task, meeting, listener);
  } catch (const std::exception& e) {  // a library's; the part stays for the next perun
    status = Error{Errc::io, std::string("the sampling process failed: ") + e.what()};
  }
  if (!status && listener) {
    refuse_all(listener, status.error());
    meeting.leave();
  }
  ::_exit(status ? 0 : 1);
}

}  // namespace perun
