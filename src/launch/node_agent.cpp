// SPDX-License-Identifier: BSD-3-Clause
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <future>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/json.hpp"
#include "host/machine.hpp"
#include "journal/job_folder.hpp"
#include "launch/attend.hpp"
#include "launch/circumstances.hpp"
#include "launch/detach.hpp"
#include "launch/job.hpp"
#include "launch/late_join.hpp"
#include "launch/node_part.hpp"
#include "launch/region_watch.hpp"
#include "launch/streams.hpp"
#include "sampling/sampler.hpp"

namespace perun {

namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t clock_pair_every_ns = 10 * second;
constexpr std::int64_t worth_syncing_ns = second;
constexpr std::int64_t first_rank_within_ns = 5 * second;
constexpr std::int64_t missing_ranks_within_ns = 2 * second;
constexpr int git_patience_ms = 20;

/// A launcher and its rank.
struct Guest {
  Channel channel;
  std::optional<RankRecord> rank = {};  ///< since its hello
  bool ended = false;
  [[nodiscard]] bool alive() const { return !ended && !channel.closed(); }
};

/// The ranks of the node from the first that comes to the last that goes.
class NodeSession {
 public:
  NodeSession(const JobTask& task, Sampler& sampler, RegionWatch& regions, LateJoin late, std::string run_id,
              journal::Writer writer, Fd listener, Past past, Streams& streams)
      : task_(task),
        streams_(streams),
        sampler_(sampler),
        regions_(regions),
        late_(std::move(late)),
        run_id_(std::move(run_id)),
        writer_(std::move(writer)),
        listener_(std::move(listener)),
        ranks_(std::move(past.ranks)),
        counted_(past.counted) {
    for (const auto& [number, rank] : ranks_)
      if (rank.status == RankStatus::unfinished) awaited_.insert(number);
  }

  void begin(const std::string& notice) {
    notice_ = notice;
    sampler_.read_first();
    sampler_.go(-1);
    cpu_begin_ns_ = own_cpu_ns();
    begin_ns_ = quiet_since_ns_ = monotonic_ns();
    next_pair_ns_ = begin_ns_ + clock_pair_every_ns;
    take_readings();
  }

  /// Until the last rank has gone.
  void serve() {
    while (!over()) {
      std::vector<pollfd> fds{
          {listener_.get(), POLLIN, 0}, {sampler_.ready_fd(), POLLIN, 0}, {regions_.fd(), POLLIN, 0}, {late_.fd(), POLLIN, 0}};
      const std::size_t before_guests = fds.size();
      for (const Guest& g : guests_) fds.push_back({g.channel.closed() ? -1 : g.channel.fd(), POLLIN, 0});
      const int n = ::poll(fds.data(), fds.size(), patience_ms());
      if (fds[2].revents != 0) static_cast<void>(regions_.hear(sampler_));
      if (fds[3].revents != 0) late_.take(sampler_, regions_, writer_);
      if (fds[1].revents != 0 || fds[2].revents != 0 || n == 0) take_readings();
      for (std::size_t i = 0; i < guests_.size(); ++i)
        if (fds[i + before_guests].revents != 0) hear(guests_[i]);
      if (fds[0].revents != 0)
        while (auto channel = Meeting::accept(listener_)) guests_.push_back({*std::move(channel)});
      tidy();
      if (monotonic_ns() >= next_pair_ns_) pair_clocks();
      streams_.look(writer_.path(), has_rank_0(), monotonic_ns() - begin_ns_);
    }
  }

  /// The last readings; how many ranks this part adds to the job's count.
  int finish() {
    Quality quality = sampler_.stop();
    take_readings();
    late_.give_up(writer_);
    for (const int number : awaited_) settle(number, RankStatus::lost);
    const Moment end = now();
    writer_.marks(regions_.finish(end.mono_ns));
    writer_.clock(end);
    quality.lost += writer_.dropped();
    quality.agent_cpu_ns = own_cpu_ns() - cpu_begin_ns_;
    quality.launcher_cpu_ns = launcher_cpu_ns_;
    if (const auto& found = circumstances_.finish(git_patience_ms); !found.empty()) writer_.provenance(found);
    writer_.quality(quality);
    writer_.end();
    report_trouble(end.mono_ns - begin_ns_ > worth_syncing_ns ? writer_.sync() : writer_.flush());
    look_for_part();
    const auto over = std::ranges::count_if(ranks_, [](const auto& r) { return r.second.status != RankStatus::unfinished; });
    if (prepared_.valid()) prepared_.get();
    return static_cast<int>(over) - counted_;
  }

  /// The launcher that is kept waiting since its rank was the last one; null when it is gone.
  [[nodiscard]] Channel* last() {
    for (Guest& g : guests_)
      if (g.ended && !g.channel.closed()) return &g.channel;
    return nullptr;
  }
  [[nodiscard]] bool has_rank_0() const { return ranks_.contains(0); }
  [[nodiscard]] bool all_well() const {
    return std::ranges::all_of(ranks_, [](const auto& r) { return r.second.status == RankStatus::ok; });
  }
  void stop_listening() { listener_.reset(); }
  [[nodiscard]] const std::filesystem::path& part() const noexcept { return writer_.path(); }

 private:
  [[nodiscard]] bool anybody() const {
    return std::ranges::any_of(guests_, [](const Guest& g) { return g.alive(); });
  }

  /// Ranks of this node that are to be expected and not here.
  [[nodiscard]] bool some_missing() const {
    return !awaited_.empty() || (task_.place.local_size && static_cast<int>(ranks_.size()) < *task_.place.local_size);
  }

  [[nodiscard]] std::int64_t patience_ends_ns() const {
    if (anybody()) return next_pair_ns_;
    return quiet_since_ns_ + (!met_ ? first_rank_within_ns : some_missing() ? missing_ranks_within_ns : 0);
  }

  [[nodiscard]] int patience_ms() const {
    const int marks_ms = regions_.patience_ms();
    const std::int64_t most_ms = marks_ms < 0 ? 10'000 : marks_ms;
    return static_cast<int>(std::clamp<std::int64_t>((patience_ends_ns() - monotonic_ns()) / 1'000'000 + 1, 1, most_ms));
  }

  [[nodiscard]] bool over() const { return !anybody() && monotonic_ns() >= patience_ends_ns(); }

  void take_readings() {
    sampler_.drain([&](std::span<const RingSample> samples) {
      batch_.clear();
      for (const auto& s : samples) batch_.push_back({s.sensor, s.reading});
      writer_.samples(batch_);
      regions_.add(samples);
    });
    regions_.answer(begin_ns_);
    writer_.marks(regions_.drain(sampler_, monotonic_ns()));
    report_trouble(writer_.flush());
  }

  void pair_clocks() {
    writer_.clock(now());
    report_trouble(writer_.sync());
    look_for_part();
    next_pair_ns_ = monotonic_ns() + clock_pair_every_ns;
  }

  /// Ranks that have gone need no guest; the last one is kept for its answer.
  void tidy() {
    if (anybody()) {
      quiet_since_ns_ = monotonic_ns();
      std::erase_if(guests_, [](const Guest& g) { return g.channel.closed(); });
    }
  }

  void write(const RankRecord& rank) {
    RankRecord& kept = ranks_[rank.rank];
    if (rank.status >= kept.status || kept.begin.mono_ns == 0) kept = rank;
    writer_.rank(rank);
    report_trouble(writer_.flush());
  }

  void settle(int number, RankStatus status) {
    RankRecord rank = ranks_[number];
    rank.status = status;
    rank.end = now();
    write(rank);
  }

  void hear(Guest& guest) {
    while (const auto message = guest.channel.receive()) {
      switch (message->type) {
        case Message::Type::hello:
          welcome(guest, *message);
          break;
        case Message::Type::begun:
          if (guest.rank) begun(*guest.rank, *message);
          break;
        case Message::Type::cancel:
          if (guest.rank) static_cast<void>(regions_.leave(guest.rank->rank, monotonic_ns()));
          guest.rank.reset();
          guest.ended = true;
          break;
        case Message::Type::end:
          if (guest.rank) ended(guest, *message);
          break;
        default:
          break;
      }
    }
    if (!guest.channel.closed() || guest.ended) return;
    guest.ended = true;
    if (!guest.rank) return;
    guest.rank->status = RankStatus::lost;  // its launcher was killed, and the program dies with that
    guest.rank->end = now();
    if (guest.rank->begin.mono_ns == 0) guest.rank->begin = guest.rank->end;
    take_readings();
    writer_.marks(regions_.leave(guest.rank->rank, guest.rank->end.mono_ns));
    write(*guest.rank);
  }

  void welcome(Guest& guest, const Message& hello) {
    RankRecord rank;
    rank.rank = static_cast<int>(hello.number);
    const bool again = hello.moment.mono_ns != 0;  // its program has been running for a while, under another agent
    const auto known = ranks_.find(rank.rank);
    const bool here =
        std::ranges::any_of(guests_, [&](const Guest& g) { return g.alive() && g.rank && g.rank->rank == rank.rank; });
    if (here || (!again && known != ranks_.end() && known->second.status != RankStatus::unfinished)) {
      guest.ended = true;
      guest.channel.send(
          {.type = Message::Type::refused,
           .error = {Errc::busy, fmt::format("rank {} of the job {} is measured already", rank.rank, task_.place.key),
                     "give each run a PERUN_RUN_KEY of its own"}});
      return;
    }
    met_ = true;
    awaited_.erase(rank.rank);
    describe(rank, hello.text);
    let_mark(guest, rank.rank, again);
    guest.rank = std::move(rank);
    guest.channel.send({.type = Message::Type::ready, .text = std::exchange(notice_, ""), .moment = now()});
  }

  /// Makes the rank's marks, or goes on with those of an agent that was killed.
  void let_mark(Guest& guest, int rank, bool again) {
    const auto folder = writer_.path().parent_path();
    const auto paths = region_paths(folder, run_id_, rank);
    const auto ready = again ? regions_.adopt(paths, rank) : regions_.open(paths, rank);
    if (!socket_rank_ && regions_.fd() >= 0) socket_rank_ = rank;
    if (!again)
      guest.channel.send(
          {.type = Message::Type::regions, .text = folder.string() + "\n" + run_id_, .number = socket_rank_.value_or(rank)});
    if (!ready)
      guest.channel.send({.type = Message::Type::trouble,
                          .text = fmt::format("rank {}: {}: there will be no regions of it", rank, ready.error().what)});
  }

  /// Ranks may run programs of their own (MPMD).
  void describe(RankRecord& rank, const std::string& text) const {
    const auto json = Json::parse(text, nullptr, false);
    if (!json.is_object()) return;
    try {
      const auto app = json.value("app", std::string());
      const auto command = json.value("command", std::vector<std::string>());
      if (app != task_.agent.run.app) rank.app = app;
      if (!command.empty() && command != task_.agent.run.command) rank.command = command;
    } catch (const nlohmann::json::exception&) {  // not one of ours
    }
  }

  void begun(RankRecord& rank, const Message& message) {
    rank.pid = static_cast<int>(message.number);
    rank.begin = message.moment;
    write(rank);
    if (std::exchange(first_begun_, true)) return;
    // Of the node's first rank, and of the job by that of its lowest.
    if (const auto& found = circumstances_.look(rank.pid, task_.agent.run, task_.agent.host); !found.empty())
      writer_.provenance(found);
    if (task_.agent.prepare) prepared_ = std::async(std::launch::async, task_.agent.prepare);
  }

  void ended(Guest& guest, const Message& message) {
    RankRecord& rank = *guest.rank;
    rank.status = message.outcome.exit_code == 0 ? RankStatus::ok : RankStatus::failed;
    rank.exit_code = message.outcome.exit_code;
    rank.signal = message.outcome.signal;
    rank.end = message.moment;
    if (rank.begin.mono_ns == 0) rank.begin = rank.end;  // it could not even be executed
    rank.user_s = message.outcome.user_s;
    rank.system_s = message.outcome.system_s;
    rank.max_rss_bytes = message.outcome.max_rss_bytes;
    launcher_cpu_ns_ += message.number;
    take_readings();
    writer_.marks(regions_.leave(rank.rank, rank.end.mono_ns));
    write(rank);
    guest.ended = true;
    if (anybody() || some_missing()) {
      guest.channel.send({.type = Message::Type::bye});
      guest.channel.close();
    }
  }

  /// The second place is tried once; what cannot be written there either is tried again where it is. One rank tells it.
  void report_trouble(const Status& status) {
    if (!status && trouble_.empty()) trouble_ = status.error().what + "; " + go_to_spool(writer_, task_.agent.spool);
    if (trouble_.empty() || told_) return;
    for (Guest& g : guests_)
      if (!g.channel.closed() && (told_ = g.channel.send({.type = Message::Type::trouble, .text = trouble_}))) return;
  }

  void look_for_part() {
    if (!writer_.in_place()) report_trouble(Error{Errc::not_found, fmt::format("{} was moved or deleted", part().string())});
  }

  const JobTask& task_;
  Streams& streams_;
  Sampler& sampler_;
  RegionWatch& regions_;
  LateJoin late_;
  std::string run_id_;
  std::optional<int> socket_rank_;  ///< whose name the socket bears
  journal::Writer writer_;
  Fd listener_;
  std::vector<Guest> guests_;
  std::map<int, RankRecord> ranks_;  ///< of this node, all of its parts
  std::set<int> awaited_;            ///< of those: they had begun when an earlier agent was killed, and have not come again
  int counted_;
  std::vector<journal::Sample> batch_;
  std::string notice_;
  std::future<void> prepared_;
  Circumstances circumstances_;
  std::string trouble_;
  std::int64_t begin_ns_ = 0, quiet_since_ns_ = 0, next_pair_ns_ = 0, cpu_begin_ns_ = 0, launcher_cpu_ns_ = 0;
  bool met_ = false, told_ = false, first_begun_ = false;
};

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
