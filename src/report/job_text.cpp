// SPDX-License-Identifier: BSD-3-Clause
#include "report/job_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <vector>

#include "base/units.hpp"
#include "model/outside.hpp"
#include "report/layout.hpp"
#include "report/wording.hpp"

namespace perun::job_text {

namespace {

using layout::printable;

std::string host_of(const RunSummary& run, const RankRecord& rank) {
  const auto i = static_cast<std::size_t>(rank.node);
  return rank.node >= 0 && i < run.nodes.size() ? printable(run.nodes[i].host) : "a node that is not known";
}

std::string fate(const RankRecord& r) {
  if (r.status == RankStatus::failed) return wording::ending({.finished = true, .exit_code = r.exit_code, .signal = r.signal});
  return r.status == RankStatus::lost ? "killed with its perun" : "not seen to end";
}

/// What did not go well, in the order of time.
std::vector<const RankRecord*> troubled(const JobRecord& job) {
  std::vector<const RankRecord*> out;
  for (const auto& r : job.ranks)
    if (r.status != RankStatus::ok) out.push_back(&r);
  std::stable_sort(out.begin(), out.end(), [](const auto* a, const auto* b) {
    if (a->status != b->status) return a->status > b->status;  // failed ones are the cause, lost ones the effect
    return a->end.real_ns < b->end.real_ns;
  });
  return out;
}

std::string counts(const JobRecord& job) {
  std::array<std::size_t, rank_status_names.size()> n{};
  for (const auto& r : job.ranks) ++n[static_cast<std::size_t>(r.status)];
  std::string out;
  const auto say = [&](std::size_t count, std::string_view what) {
    if (count > 0) out += fmt::format("{}{} {}", out.empty() ? "" : ", ", count, what);
  };
  for (std::size_t i = n.size(); i-- > 0;) say(n[i], rank_status_names[i]);
  const auto size = static_cast<std::size_t>(std::max(job.size, 0));
  say(size > job.ranks.size() ? size - job.ranks.size() : 0, "never seen");
  return out;
}

}  // namespace

std::string ending(const RunSummary& run) {
  if (!run.job) return wording::ending(run.outcome);
  const auto bad = troubled(*run.job);
  if (!bad.empty() && bad.front()->status == RankStatus::failed)
    return from_outside(*run.job) ? fate(*bad.front()) : fmt::format("rank {}: {}", bad.front()->rank, fate(*bad.front()));
  const auto lost = static_cast<std::size_t>(std::max(run.job->size, 0)) - (run.job->ranks.size() - bad.size());
  if (lost > 0) return fmt::format("{} {} lost", lost, lost == 1 ? "rank" : "ranks");
  return "exit 0";
}

std::string ranks(const RunSummary& run) {
  constexpr std::size_t most = 4;
  if (!run.job || from_outside(*run.job)) return "";
  const JobRecord& job = *run.job;
  std::string out = fmt::format("{} by {}: {}", job.size, printable(job.launcher), counts(job));
  const auto bad = troubled(job);
  for (std::size_t i = 0; i < std::min(most, bad.size()); ++i) {
    const RankRecord& r = *bad[i];
    out += fmt::format("; rank {} on {}: {}", r.rank, host_of(run, r), fate(r));
    if (r.end.mono_ns == 0) continue;
    const auto i_node = static_cast<std::size_t>(std::max(r.node, 0));
    out += fmt::format(" at {} UTC", units::iso8601(r.end.real_ns).substr(11, 8));
    if (i_node < run.nodes.size() && r.begin.mono_ns != 0)
      out += fmt::format(", {} after its start", units::duration(static_cast<double>(r.end.mono_ns - r.begin.mono_ns) * 1e-9));
  }
  if (bad.size() > most) out += fmt::format("; and {} more", bad.size() - most);
  return out;
}

std::string outside(const RunSummary& run) {
  if (!run.job || !from_outside(*run.job)) return "";
  std::string out =
      "all nodes of the allocation, from before srun to after it; the program's own ranks, CPU time and memory are not known";
  if (const auto bad = troubled(*run.job); !bad.empty() && bad.front()->status != RankStatus::failed)
    out += "; of them " + counts(*run.job);
  return out;
}

namespace {

/// What calls of MPI tell of the wall clocks, unless that is less than `known_s` tells already; nothing where they tell
/// nothing.
std::string clocks_by_mpi(const RunSummary& run, std::optional<double> known_s) {
  double apart_s = 0, error_s = 0, within_s = 0;
  std::size_t unknown = 0;
  for (std::size_t i = 1; i < run.nodes.size(); ++i) {
    const auto& ahead = run.nodes[i].clock_ahead;
    if (!ahead) {
      ++unknown;
      continue;
    }
    const double drift_s = std::abs(ahead->drift_s);
    if (ahead->proven()) {
      apart_s = std::max(apart_s, std::abs(ahead->s));
      error_s = std::max(error_s, ahead->error_s + drift_s);
    }
    within_s = std::max(within_s, std::abs(ahead->s) + ahead->error_s + drift_s);
  }
  if (apart_s > 0)
    return fmt::format(
        "wall clocks up to {} off the first node's, by calls of MPI that end together (right to {}){}; the runtime and the "
        "timeline are put right by that, stored times are not shifted",
        units::si(apart_s, "s", 2), units::si(error_s, "s", 2),
        unknown > 0 ? fmt::format("; of {} {} nothing is known", unknown, unknown == 1 ? "node" : "nodes") : "");
  if (unknown > 0 || (known_s && *known_s < within_s)) return "";
  return fmt::format("wall clocks agree with the first node's to {}, by calls of MPI that end together; no time was shifted",
                     units::si(within_s, "s", 2));
}

}  // namespace

std::string clocks(const RunSummary& run) {
  if (!run.job || run.nodes.size() < 2) return "";
  double most_s = 0;
  std::vector<std::string> off;
  for (const auto& node : run.nodes) {
    if (node.clock_error_s)
      most_s = std::max(most_s, *node.clock_error_s);
    else
      off.push_back(printable(node.host));
  }
  if (const auto told = clocks_by_mpi(run, off.empty() ? std::optional(2 * most_s) : std::nullopt); !told.empty()) return told;
  if (off.empty())
    return fmt::format("wall clocks of all nodes synchronized, each right to {}; no time was shifted",
                       units::si(most_s, "s", 2));
  const std::string where = off.size() == run.nodes.size() ? "of all nodes"
                            : off.size() == 1              ? "of " + off.front()
                                                           : fmt::format("of {} and {} more", off.front(), off.size() - 1);
  return fmt::format(
      "wall clocks {} not synchronized (as the kernel tells): times of different nodes may differ; no time was "
      "shifted, and each node's energy is by its own clock",
      where);
}

std::string scheduler(const RunSummary& run) {
  if (!run.job) return "";
  std::string out;
  const auto say = [&](std::string_view key, std::string_view before) {
    for (const auto& [name, value] : run.job->scheduler)
      if (name == key && !value.empty()) out += fmt::format("{}{}{}", out.empty() ? "" : ", ", before, printable(value));
  };
  say("job_id", "job ");
  say("step_id", "step ");
  say("job_name", "");
  say("partition", "partition ");
  say("account", "account ");
  return out;
}

}  // namespace perun::job_text
