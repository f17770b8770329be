// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "base/json.hpp"
#include "base/text.hpp"
#include "journal/join.hpp"
#include "launch/child.hpp"
#include "launch/job.hpp"
#include "launch/region_watch.hpp"

namespace perun {

namespace {

constexpr std::int64_t ms = 1'000'000;
constexpr std::int64_t patience_for_agent_ns = 10'000 * ms;
constexpr std::int64_t failed_rank_waits_ns = 250 * ms;
constexpr int most_agents = 5;  ///< that one rank sees killed before it goes on unmeasured

using Say = std::function<void(std::string_view)>;

/// Starts the node's sampling process as nobody's child. False when there is no process to be had.
bool start_agent(const JobTask& task, const Meeting& meeting, Fd lock) {
  auto listener = meeting.listen();
  if (!listener) return false;
  const pid_t pid = ::fork();
  if (pid == 0) {
    if (::fork() == 0) run_node_agent(task, meeting, lock, *std::move(listener));
    ::_exit(0);
  }
  if (pid < 0) return false;
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return true;
}

/// The rank's words with its node's sampling process, whichever that is at the time.
class Link {
 public:
  Link(const JobTask& task, Meeting meeting) : task_(task), meeting_(std::move(meeting)) {
    Json words = Json::array();
    for (const auto& word : task.agent.run.command) words.push_back(text::is_utf8(word) ? word : text::to_utf8(word));
    who_ = Json{{"app", text::to_utf8(task.agent.run.app)}, {"command", words}}.dump();
    if (who_.size() > 8000) who_ = Json{{"app", text::to_utf8(task.agent.run.app)}}.dump();
  }

  /// Calls the sampling process, or starts it. After its program has begun a rank also repeats that.
  bool join(std::int64_t within_ns) {
    const auto until = monotonic_ns() + within_ns;
    for (std::int64_t pause_ms = 1; monotonic_ns() < until; pause_ms = std::min<std::int64_t>(pause_ms + 1, 20)) {
      auto channel = meeting_.call();
      if (!channel) {
        if (auto lock = meeting_.try_lock(); lock && start_agent(task_, meeting_, *std::move(lock))) channel = meeting_.call();
      }
      if (channel) {
        channel_ = *std::move(channel);
        if (hello()) return true;
      }
      ::poll(nullptr, 0, static_cast<int>(pause_ms));
    }
    return false;
  }

  void begun(int pid, const Moment& at) {
    pid_ = pid;
    begin_ = at;
    channel_.send({.type = Message::Type::begun, .number = pid, .moment = at});
  }

  /// Finds or starts another sampling process when the one there was is gone.
  bool join_again() {
    if (++agents_ > most_agents) return false;
    return join(2000 * ms);
  }

  Channel& channel() noexcept { return channel_; }

 private:
  bool hello() {
    if (!channel_.send({.type = Message::Type::hello, .text = who_, .number = task_.place.rank, .moment = begin_}))
      return false;
    return begin_.mono_ns == 0 || channel_.send({.type = Message::Type::begun, .number = pid_, .moment = begin_});
  }

  const JobTask& task_;
  Meeting meeting_;
  std::string who_;
  Channel channel_{Fd()};
  Moment begin_;
  int pid_ = 0, agents_ = 0;
};

/// What is wrong with the command or the configuration is so on every node, and the job had better not begin.
bool same_everywhere(const Error& error) {
  return error.code == Errc::invalid || error.code == Errc::unsupported || error.code == Errc::format;
}

/// Tells the program where to mark and where to ask: each rank has its own marks, all of a node one socket.
void export_regions(const Message& message, const JobTask& task) {
  const Place& place = task.place;
  const auto line = message.text.find('\n');
  if (line == std::string::npos) return;
  const std::string folder = message.text.substr(0, line), id = message.text.substr(line + 1);
  auto paths = region_paths(folder, id, place.rank);
  const auto socket = region_paths(folder, id, static_cast<int>(message.number));
  for (std::size_t i = 0; i < paths.size(); ++i) paths[i].sock = socket[i].sock;
  export_region_paths(paths, place.key, task.agent.preload);
}

/// Waits for the agent's word. The value is 0, or the signal that ended the waiting.
Result<int> wait_until_ready(Link& link, const JobTask& task, SignalRelay& relay, const Say& say) {
  for (;;) {
    int signal = 0;
    const auto until_ns = monotonic_ns() + patience_for_agent_ns + task.agent.baseline_ns;
    const auto first = next_message(link.channel(), relay, until_ns, signal);
    if (first && first->type == Message::Type::ready) {
      if (!first->text.empty()) say(first->text);
      return 0;
    }
    if (first && first->type == Message::Type::refused) return first->error;
    if (first && first->type == Message::Type::regions) {
      export_regions(*first, task);
    } else if (first && !first->text.empty()) {
      say(first->text);
    }
    if (first) continue;
    if (signal != 0) return signal;
    if (!link.channel().closed()) break;
    if (!link.join_again()) break;  // it left, or was killed, just then
  }
  return Error{Errc::io, "the sampling process did not get ready", "perun sensors shows what it tries to read"};
}

/// The agent's answer to the end of the rank: nothing more to do, or the report of the job.
Measured collect(Link& link, SignalRelay& relay, const Message& end, const Say& say) {
  Measured measured{.exit_code = end.outcome.exit_code, .signal = end.outcome.signal};
  bool storing = false;
  std::string summary;
  const bool failed = end.outcome.exit_code != 0;
  const std::int64_t until = failed ? monotonic_ns() + failed_rank_waits_ns : 0;
  bool sent = link.channel().send(end);
  for (;;) {
    int signal = 0;
    auto message = next_message(link.channel(), relay, until, signal);
    if (message && message->type == Message::Type::storing) {
      storing = true;
    } else if (message && message->type == Message::Type::summary) {
      summary += message->text;
    } else if (message && message->type == Message::Type::trouble) {
      say(message->text);
    } else if (message && message->type == Message::Type::stored) {
      message->stored.summary = std::move(summary);
      measured.take(std::move(message->stored));
      return measured;
    } else if (message && message->type == Message::Type::kept) {
      const auto folders = folders_in(message->text);
      if (auto run = journal::read_job(folders)) measured.run = *std::move(run);
      measured.not_stored = message->error;
      measured.not_stored->hint = fmt::format("the run is kept in {}; the next perun command on this folder adds it",
                                              folders.empty() ? "" : folders.front().string());
      return measured;
    } else if (message && (message->type == Message::Type::bye || message->type == Message::Type::refused)) {
      if (!message->text.empty()) say(message->text);
      return measured;
    } else if (!message) {
      const bool killed = link.channel().closed() && signal == 0;
      if (!killed || storing || !link.join_again()) break;
      sent = link.channel().send(end) && sent;
    }
  }
  return measured;
}

Result<Measured> run_unmeasured_rank(const Program& program, SignalRelay& relay) {
  auto child = Child::start(program, relay.before());
  if (!child) return child.error();
  const Outcome o = outcome_of(attend(*child, relay, -1, [] { return -1; }));
  return Measured{.exit_code = o.exit_code, .signal = o.signal};
}

/// Tells why this rank is not measured, and runs it.
Result<Measured> give_up(const Program& program, SignalRelay& relay, const JobTask& task, const Error& why, const Say& say) {
  say(fmt::format("rank {} is not measured: {}{}", task.place.rank, why.what, why.hint.empty() ? "" : " (" + why.hint + ")"));
  return run_unmeasured_rank(program, relay);
}

}  // namespace

Result<Measured> measure_rank(const Program& program, const JobTask& task, SignalRelay& relay, const Say& say) {
  auto meeting = Meeting::at(task.place, node_id_of(task.place, task.agent.host));
  if (!meeting) return give_up(program, relay, task, meeting.error(), say);
  if (!task.agent.control.empty() && task.place.rank == 0)
    say("--control is for one program and not for the ranks of a job: no marks are taken from it");
  Link link(task, *std::move(meeting));
  if (!link.join(patience_for_agent_ns))
    return give_up(program, relay, task, {Errc::io, "no sampling process could be started"}, say);
  const auto ready = wait_until_ready(link, task, relay, say);
  if (!ready) {
    link.channel().close();
    if (same_everywhere(ready.error())) return ready.error();
    return give_up(program, relay, task, ready.error(), say);
  }
  if (*ready != 0) {
    link.channel().send({.type = Message::Type::cancel});
    return Measured{.exit_code = 128 + *ready};
  }
  ::setenv("PERUN_RUN", task.place.key.c_str(), 1);
  const Moment begin = now();
  auto child = Child::start(program, relay.before());
  if (!child) {
    const int code = child.error().code == Errc::not_found ? 127 : 126;
    link.channel().send({.type = Message::Type::end, .moment = now(), .outcome = {.finished = true, .exit_code = code}});
    return child.error();
  }
  link.begun(child->pid(), begin);
  const std::int64_t cpu_begin_ns = own_cpu_ns();
  // Not the files above stderr: a process manager takes the end of its own pipe (PMI_FD) for the end of the rank, and would
  // kill this process before it could tell how the rank ended.
  let_go({});

  const auto hear = [&] {
    while (const auto message = link.channel().receive())
      if (message->type == Message::Type::trouble) say(message->text + "; the program goes on, what fits is kept");
    if (!link.channel().closed() || link.join_again()) return link.channel().fd();
    say("the sampling process was killed again and again; the program goes on unmeasured, what was sampled is kept");
    return -1;
  };
  const auto change = attend(*child, relay, link.channel().fd(), hear);
  const Message end{
      .type = Message::Type::end, .number = own_cpu_ns() - cpu_begin_ns, .moment = change.at, .outcome = outcome_of(change)};
  relay.retire_canary();
  return collect(link, relay, end, say);
}

}  // namespace perun
