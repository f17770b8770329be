// SPDX-License-Identifier: BSD-3-Clause
#include "launch/node_session.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <utility>

#include "base/json.hpp"
#include "launch/attend.hpp"

namespace perun {

namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t clock_pair_every_ns = 10 * second;
constexpr std::int64_t worth_syncing_ns = second;
constexpr std::int64_t first_rank_within_ns = 5 * second;
constexpr std::int64_t missing_ranks_within_ns = 2 * second;
constexpr int git_patience_ms = 20;

}  // namespace

NodeSession::NodeSession(const JobTask& task, Sampler& sampler, RegionWatch& regions, LateJoin late, std::string run_id,
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

void NodeSession::begin(const std::string& notice) {
  notice_ = notice;
  sampler_.read_first();
  sampler_.go(-1);
  cpu_begin_ns_ = own_cpu_ns();
  begin_ns_ = quiet_since_ns_ = monotonic_ns();
  next_pair_ns_ = begin_ns_ + clock_pair_every_ns;
  take_readings();
}

void NodeSession::serve() {
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

int NodeSession::finish() {
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

Channel* NodeSession::last() {
  for (Guest& g : guests_)
    if (g.ended && !g.channel.closed()) return &g.channel;
  return nullptr;
}

bool NodeSession::all_well() const {
  return std::ranges::all_of(ranks_, [](const auto& r) { return r.second.status == RankStatus::ok; });
}

bool NodeSession::anybody() const {
  return std::ranges::any_of(guests_, [](const Guest& g) { return g.alive(); });
}

bool NodeSession::some_missing() const {
  return !awaited_.empty() || (task_.place.local_size && static_cast<int>(ranks_.size()) < *task_.place.local_size);
}

std::int64_t NodeSession::patience_ends_ns() const {
  if (anybody()) return next_pair_ns_;
  return quiet_since_ns_ + (!met_ ? first_rank_within_ns : some_missing() ? missing_ranks_within_ns : 0);
}

int NodeSession::patience_ms() const {
  const int marks_ms = regions_.patience_ms();
  const std::int64_t most_ms = marks_ms < 0 ? 10'000 : marks_ms;
  return static_cast<int>(std::clamp<std::int64_t>((patience_ends_ns() - monotonic_ns()) / 1'000'000 + 1, 1, most_ms));
}

void NodeSession::take_readings() {
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

void NodeSession::pair_clocks() {
  writer_.clock(now());
  report_trouble(writer_.sync());
  look_for_part();
  next_pair_ns_ = monotonic_ns() + clock_pair_every_ns;
}

void NodeSession::tidy() {
  if (anybody()) {
    quiet_since_ns_ = monotonic_ns();
    std::erase_if(guests_, [](const Guest& g) { return g.channel.closed(); });
  }
}

void NodeSession::write(const RankRecord& rank) {
  RankRecord& kept = ranks_[rank.rank];
  if (rank.status >= kept.status || kept.begin.mono_ns == 0) kept = rank;
  writer_.rank(rank);
  report_trouble(writer_.flush());
}

void NodeSession::settle(int number, RankStatus status) {
  RankRecord rank = ranks_[number];
  rank.status = status;
  rank.end = now();
  write(rank);
}

void NodeSession::hear(Guest& guest) {
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

void NodeSession::welcome(Guest& guest, const Message& hello) {
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

void NodeSession::let_mark(Guest& guest, int rank, bool again) {
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

void NodeSession::describe(RankRecord& rank, const std::string& text) const {
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

void NodeSession::begun(RankRecord& rank, const Message& message) {
  rank.pid = static_cast<int>(message.number);
  rank.begin = message.moment;
  write(rank);
  if (std::exchange(first_begun_, true)) return;
  // Of the node's first rank, and of the job by that of its lowest.
  if (const auto& found = circumstances_.look(rank.pid, task_.agent.run, task_.agent.host); !found.empty())
    writer_.provenance(found);
  if (task_.agent.prepare) prepared_ = std::async(std::launch::async, task_.agent.prepare);
}

void NodeSession::ended(Guest& guest, const Message& message) {
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

void NodeSession::report_trouble(const Status& status) {
  if (!status && trouble_.empty()) trouble_ = status.error().what + "; " + go_to_spool(writer_, task_.agent.spool);
  if (trouble_.empty() || told_) return;
  for (Guest& g : guests_)
    if (!g.channel.closed() && (told_ = g.channel.send({.type = Message::Type::trouble, .text = trouble_}))) return;
}

void NodeSession::look_for_part() {
  if (!writer_.in_place()) report_trouble(Error{Errc::not_found, fmt::format("{} was moved or deleted", part().string())});
}

}  // namespace perun
