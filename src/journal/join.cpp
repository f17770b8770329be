// SPDX-License-Identifier: BSD-3-Clause
#include "journal/join.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>
#include <tuple>
#include <utility>

#include "journal/job_folder.hpp"
#include "model/clock_alignment.hpp"

namespace perun::journal {

namespace fs = std::filesystem;

namespace {

/// The readings of one node's parts that stay in them. Sensors are known by their ids; what is not later than the part
/// before tells is left out.
class JoinedRecording : public Recording {
 public:
  void add(const Recording& part, std::vector<std::uint32_t> sensors) { parts_.push_back({&part, std::move(sensors)}); }

  Status replay(const std::function<void(std::span<const Sample>)>& take) const override {
    std::vector<std::int64_t> told_ns, last_ns;
    std::vector<Sample> batch;
    for (const auto& [part, sensors] : parts_) {
      for (const std::uint32_t s : sensors)
        if (s >= last_ns.size()) last_ns.resize(s + std::size_t{1}, std::numeric_limits<std::int64_t>::min());
      told_ns = last_ns;
      const auto read = part->replay([&, &to = sensors](std::span<const Sample> samples) {
        batch.clear();
        for (Sample s : samples) {
          if (s.sensor >= to.size() || s.reading.t_ns <= told_ns[to[s.sensor]]) continue;
          s.sensor = to[s.sensor];
          last_ns[s.sensor] = s.reading.t_ns;
          batch.push_back(s);
        }
        take(batch);
      });
      if (!read) return read;
    }
    return Ok{};
  }

 private:
  struct Part {
    const Recording* recording;
    std::vector<std::uint32_t> sensors;  ///< what the part's sensors are in the node
  };
  std::vector<Part> parts_;
};

/// All parts of one machine.
struct Machine {
  NodeRecord record;
  std::string node_id, boot_id;
  std::vector<RankRecord> ranks;
  std::vector<std::string> other_names;  ///< hosts that are this machine too
  std::int64_t last_reading_ns = 0;
  std::unique_ptr<JoinedRecording> recording = {};  ///< where the record's is of several parts
  [[nodiscard]] std::int64_t span_ns() const {
    return record.clock.empty() ? 0 : record.clock.back().mono_ns - record.clock.front().mono_ns;
  }
};

void append(Series& to, const Series& from) {
  const std::int64_t last = to.size() > 0 ? to.t_ns.back() : std::numeric_limits<std::int64_t>::min();
  for (std::size_t i = 0; i < from.size(); ++i)
    if (from.t_ns[i] > last) to.push({from.t_ns[i], from.raw[i], from.halfwidth_ns[i]});
}

/// The sensors and readings of a later segment; what its sensors are in the whole.
std::vector<std::uint32_t> append_sensors(NodeRecord& to, NodeRecord& from) {
  std::vector<std::uint32_t> places;
  for (std::size_t i = 0; i < from.sensors.size(); ++i) {
    const auto same =
        std::find_if(to.sensors.begin(), to.sensors.end(), [&](const Sensor& s) { return s.id == from.sensors[i].id; });
    const auto place = static_cast<std::size_t>(same - to.sensors.begin());
    places.push_back(static_cast<std::uint32_t>(place));
    if (same == to.sensors.end()) to.sensors.push_back(std::move(from.sensors[i]));
    if (from.series.empty()) continue;
    if (place < to.series.size())
      append(to.series[place], from.series[i]);
    else
      to.series.push_back(std::move(from.series[i]));
  }
  return places;
}

/// A later segment of the same node: its sampling process was started anew.
void append(Machine& machine, NodeRecord&& from) {
  NodeRecord& to = machine.record;
  const std::size_t before = to.sensors.size();
  const auto places = append_sensors(to, from);
  if (to.recording != nullptr && from.recording != nullptr) {
    if (machine.recording == nullptr) {
      std::vector<std::uint32_t> own(before);
      std::iota(own.begin(), own.end(), 0U);
      machine.recording = std::make_unique<JoinedRecording>();
      machine.recording->add(*to.recording, std::move(own));
      to.recording = machine.recording.get();
    }
    machine.recording->add(*from.recording, places);
  }
  to.clock.insert(to.clock.end(), from.clock.begin(), from.clock.end());
  Quality& q = to.quality;
  const Quality& f = from.quality;
  q.ticks += f.ticks;
  q.late += f.late;
  q.lost += f.lost;
  q.reading_ns += f.reading_ns;
  q.agent_cpu_ns += f.agent_cpu_ns;
  q.launcher_cpu_ns += f.launcher_cpu_ns;
  q.latency_p50_ns = std::max(q.latency_p50_ns, f.latency_p50_ns);
  q.latency_p99_ns = std::max(q.latency_p99_ns, f.latency_p99_ns);
  q.period_ns = std::max(q.period_ns, f.period_ns);
  if (q.period_begin_ns == 0) q.period_begin_ns = f.period_begin_ns;
  to.marks.join(from.marks);
  if (!to.baseline) to.baseline = std::move(from.baseline);
}

/// Of all that was written of a rank the highest status counts, and of those the last; a begin is never forgotten.
std::vector<RankRecord> settle(std::vector<RankRecord> ranks) {
  std::stable_sort(ranks.begin(), ranks.end(), [](const RankRecord& a, const RankRecord& b) {
    return std::tuple(a.rank, a.status) < std::tuple(b.rank, b.status);
  });
  std::vector<RankRecord> out;
  for (RankRecord& r : ranks) {
    if (out.empty() || out.back().rank != r.rank) {
      out.push_back(std::move(r));
      continue;
    }
    const Moment begin = out.back().begin;
    out.back() = std::move(r);
    if (begin.mono_ns != 0 && (out.back().begin.mono_ns == 0 || begin.mono_ns < out.back().begin.mono_ns))
      out.back().begin = begin;
  }
  return out;
}

std::vector<Machine> machines_of(std::vector<Contents>& parts) {
  std::stable_sort(parts.begin(), parts.end(), [](const Contents& a, const Contents& b) {
    return std::tie(a.part->node_id, a.part->segment) < std::tie(b.part->node_id, b.part->segment);
  });
  std::vector<Machine> machines;
  for (Contents& c : parts) {
    const Part& part = *c.part;
    if (machines.empty() || machines.back().node_id != part.node_id || machines.back().boot_id != part.boot_id) {
      machines.push_back({std::move(c.run.nodes.front()), part.node_id, part.boot_id, {}, {}});
      machines.back().record.clock_error_s = part.clock_error_s;
    } else {
      append(machines.back(), std::move(c.run.nodes.front()));
    }
    machines.back().last_reading_ns = std::max(machines.back().last_reading_ns, c.last_reading_ns);
    machines.back().ranks.insert(machines.back().ranks.end(), c.ranks.begin(), c.ranks.end());
  }
  for (Machine& m : machines) m.ranks = settle(std::move(m.ranks));
  return machines;
}

/// Containers on one kernel have read the same counters: the longest curve stands for the machine.
void count_once(std::vector<Machine>& machines) {
  std::stable_sort(machines.begin(), machines.end(),
                   [](const Machine& a, const Machine& b) { return a.span_ns() > b.span_ns(); });
  std::vector<Machine> kept;
  for (Machine& m : machines) {
    const auto same =
        std::find_if(kept.begin(), kept.end(), [&](const Machine& k) { return !m.boot_id.empty() && k.boot_id == m.boot_id; });
    if (same == kept.end()) {
      kept.push_back(std::move(m));
      continue;
    }
    if (m.record.host != same->record.host) same->other_names.push_back(m.record.host);
    same->record.marks.join(m.record.marks);
    same->ranks.insert(same->ranks.end(), m.ranks.begin(), m.ranks.end());
  }
  std::sort(kept.begin(), kept.end(), [](const Machine& a, const Machine& b) { return a.node_id < b.node_id; });
  machines = std::move(kept);
}

std::int64_t last_reading_ns(const Machine& m) {
  std::int64_t last = m.last_reading_ns;
  for (const Series& s : m.record.series)
    if (s.size() > 0) last = std::max(last, s.t_ns.back());
  return last;
}

Moment at(const NodeRecord& node, std::int64_t mono_ns) {
  const Moment& pair = node.clock.front();
  return {mono_ns, pair.real_ns + (mono_ns - pair.mono_ns)};
}

/// From the begin of its first rank to the end of its last one; of one whose end nobody saw, to the last reading.
void set_window(Machine& m) {
  NodeRecord& node = m.record;
  std::int64_t begin = std::numeric_limits<std::int64_t>::max(), end = 0;
  for (const RankRecord& r : m.ranks) {
    if (r.begin.mono_ns != 0) begin = std::min(begin, r.begin.mono_ns);
    end = std::max(end, r.end.mono_ns != 0 ? r.end.mono_ns : last_reading_ns(m));
  }
  if (begin == std::numeric_limits<std::int64_t>::max()) begin = node.clock.front().mono_ns;
  node.begin = at(node, begin);
  node.end = at(node, std::max(begin, end));
}

/// The time from the first begin to the last end. Wall clocks, put right where MPI tells, are believed where they make the
/// nodes run at one time, or all are synchronized; else the longest node's own time is all that is known.
std::pair<Moment, std::int64_t> extent(const std::vector<NodeRecord>& nodes) {
  const auto begin = [](const NodeRecord& n) { return aligned_ns(n, n.begin.real_ns); };
  const auto end = [](const NodeRecord& n) { return aligned_ns(n, n.end.real_ns); };
  const auto [first_node, last_node] = std::ranges::minmax_element(nodes, {}, begin);
  const Moment first{first_node->begin.mono_ns, begin(*first_node)};
  const std::int64_t last_begin = begin(*last_node);
  const std::int64_t first_end = end(*std::ranges::min_element(nodes, {}, end));
  const std::int64_t last_end = end(*std::ranges::max_element(nodes, {}, end));
  const bool synchronized =
      std::all_of(nodes.begin(), nodes.end(), [](const NodeRecord& n) { return n.clock_error_s.has_value(); });
  std::int64_t longest = 0;
  for (const NodeRecord& n : nodes) longest = std::max(longest, n.end.mono_ns - n.begin.mono_ns);
  return {first, last_begin <= first_end || synchronized ? std::max(longest, last_end - first.real_ns) : longest};
}

/// "rank 3", "ranks 3, 5 and 7", "ranks 3, 5, 7 and 12 more".
std::string listed(const std::vector<int>& ranks) {
  constexpr std::size_t most = 8;
  std::string out = ranks.size() == 1 ? "rank " : "ranks ";
  for (std::size_t i = 0; i < ranks.size() && i < most; ++i)
    out += (i == 0 ? "" : i + 1 == ranks.size() ? " and " : ", ") + std::to_string(ranks[i]);
  return ranks.size() > most ? out + fmt::format(" and {} more", ranks.size() - most) : out;
}

/// The job as one program: its status is that of the rank that failed first.
Outcome outcome_of(const JobRecord& job, const std::vector<NodeRecord>& nodes) {
  Outcome o;
  const RankRecord* failed = nullptr;
  std::vector<int> lost, unfinished, unseen;
  std::size_t next = 0;
  for (int rank = 0; rank < job.size && unseen.size() < 1'000'000; ++rank) {
    if (next < job.ranks.size() && job.ranks[next].rank == rank)
      ++next;
    else
      unseen.push_back(rank);
  }
  const auto end = [&](const RankRecord& r) { return aligned_ns(nodes[static_cast<std::size_t>(r.node)], r.end.real_ns); };
  for (const RankRecord& r : job.ranks) {
    if (r.status == RankStatus::failed && (failed == nullptr || end(r) < end(*failed))) failed = &r;
    if (r.status == RankStatus::lost) lost.push_back(r.rank);
    if (r.status == RankStatus::unfinished) unfinished.push_back(r.rank);
    o.user_s += r.user_s;
    o.system_s += r.system_s;
    o.max_rss_bytes = std::max(o.max_rss_bytes, r.max_rss_bytes);
  }
  if (failed != nullptr) {
    o.exit_code = failed->exit_code;
    o.signal = failed->signal;
  }
  const auto say = [&](const std::vector<int>& ranks, std::string_view what) {
    if (!ranks.empty()) o.interrupted_by += fmt::format("{}{} {}", o.interrupted_by.empty() ? "" : "; ", listed(ranks), what);
  };
  say(lost, "killed together with perun");
  say(unfinished, "not seen to end");
  say(unseen, "never seen");
  o.finished = o.interrupted_by.empty();
  return o;
}

}  // namespace

Joined join(std::vector<Contents> parts) {
  const auto lowest = std::min_element(parts.begin(), parts.end(), [](const Contents& a, const Contents& b) {
    const auto rank = [](const Contents& c) {
      int least = std::numeric_limits<int>::max();
      for (const RankRecord& r : c.ranks) least = std::min(least, r.rank);
      return least;
    };
    return rank(a) < rank(b);
  });
  Joined joined{lowest->run, {}};
  Run& run = joined.run;
  run.nodes.clear();
  JobRecord job = lowest->part->job;
  auto machines = machines_of(parts);
  count_once(machines);
  for (Machine& m : machines) {
    if (m.ranks.empty()) continue;  // nothing of the job ran there
    set_window(m);
    for (const auto& other : m.other_names) m.record.attributes.emplace_back("also_known_as", other);
    for (RankRecord& r : m.ranks) {
      r.node = static_cast<int>(run.nodes.size());
      job.ranks.push_back(std::move(r));
    }
    if (m.recording != nullptr) joined.recordings.push_back(std::move(m.recording));
    run.nodes.push_back(std::move(m.record));
  }
  for (Contents& c : parts)
    if (c.recording != nullptr) joined.recordings.push_back(std::move(c.recording));
  align_clocks(run.nodes);
  job.ranks = settle(std::move(job.ranks));
  if (!job.ranks.empty()) {
    job.size = std::max(job.size, job.ranks.back().rank + 1);
    if (!job.ranks.front().app.empty()) run.app = job.ranks.front().app;
    if (!job.ranks.front().command.empty()) run.command = job.ranks.front().command;
    const auto [begin, length_ns] = extent(run.nodes);
    run.begin = begin;
    run.end = {begin.mono_ns + length_ns, begin.real_ns + length_ns};
  }
  run.outcome = outcome_of(job, run.nodes);
  run.job = std::move(job);
  return joined;
}

namespace {

template <class Read>
Result<Joined> join_all(std::span<const fs::path> folders, const std::string& run_id, Read&& read_part) {
  std::vector<Contents> parts;
  std::map<std::tuple<std::string, std::string, int>, std::size_t> places;
  for (const auto& folder : folders)
    for (const auto& file : parts_of(folder)) {
      auto contents = read_part(file.path);
      // Killed, or cut off from its node, before anything came.
      if (!contents && contents.error().code == Errc::format && !file.ended) continue;
      if (!contents) return contents.error();
      if (!contents->part)
        return Error{Errc::format, fmt::format("{} does not say which part of a job it is", file.path.string())};
      if (!parts.empty() &&
          (contents->part->job.key != parts.front().part->job.key || contents->part->job.size != parts.front().part->job.size))
        return Error{Errc::format, fmt::format("{} belongs to the job {} of {} ranks, others to {} of {}", file.path.string(),
                                               contents->part->job.key, contents->part->job.size, parts.front().part->job.key,
                                               parts.front().part->job.size)};
      // What rank 0's node took in is a copy of what its own node may still have; one of them is longer.
      const auto [place, fresh] =
          places.try_emplace({contents->part->node_id, contents->part->boot_id, contents->part->segment}, parts.size());
      if (fresh)
        parts.push_back(*std::move(contents));
      else if (contents->whole > parts[place->second].whole)
        parts[place->second] = *std::move(contents);
    }
  const bool begun = std::any_of(parts.begin(), parts.end(), [](const Contents& c) { return !c.ranks.empty(); });
  if (!begun) return Error{Errc::not_found, fmt::format("no process of the job in {} had begun", folders.front().string())};
  Joined joined = join(std::move(parts));
  if (!run_id.empty()) joined.run.id = run_id;
  return joined;
}

}  // namespace

Result<Run> read_job(std::span<const fs::path> folders, const std::string& run_id) {
  auto joined = join_all(folders, run_id, [](const fs::path& part) { return read(part); });
  if (!joined) return joined.error();
  return std::move(joined->run);
}

Result<Joined> open_job(std::span<const fs::path> folders, const std::string& run_id) {
  return join_all(folders, run_id, [](const fs::path& part) { return open(part, Hold::by_name); });
}

}  // namespace perun::journal
