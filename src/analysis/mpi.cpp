// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/mpi.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "model/mpi_calls.h"

namespace perun {

namespace {

struct Known {
  std::string_view region;
  MpiKind kind;
};
constexpr Known known[] = {
#define CALL(name, arguments, kind, sizes) {"MPI_" #name, MpiKind::kind},
    PERUN_MPI_CALLS(CALL)
#undef CALL
};

using Ranks = std::map<std::pair<std::int32_t, std::int32_t>, MpiRank>;

MpiRank& rank_of(Ranks& ranks, const RegionThread& t) {
  MpiRank& r = ranks[{t.rank, t.pid}];
  r.rank = t.rank;
  r.pid = t.pid;
  return r;
}

void add_region(Ranks& ranks, const RegionSummary& region, MpiKind kind, MpiReport& out) {
  const auto i = static_cast<std::size_t>(kind);
  for (const RegionThread& t : region.threads) {
    const MpiUse use{t.calls, t.exclusive_s, t.exclusive_J};
    MpiRank& r = rank_of(ranks, t);
    r.in[i] += use;
    out.in[i] += use;
    if (kind != MpiKind::processes) r.waiting += use;
  }
  if (kind == MpiKind::processes) return;
  out.waiting += region.exclusive;
  out.waiting_s += region.exclusive_s;
}

/// Time outside of MPI tells who has more to do; a rank's waiting beyond the least one's is for somebody else.
void compare_ranks(MpiReport& out) {
  if (out.ranks.size() < 2) return;
  double sum_s = 0, longest_s = 0, least_wait_s = out.ranks.front().waiting.seconds;
  for (const MpiRank& r : out.ranks) {
    sum_s += r.outside_s;
    longest_s = std::max(longest_s, r.outside_s);
    least_wait_s = std::min(least_wait_s, r.waiting.seconds);
  }
  if (longest_s > 0) out.load_balance = sum_s / static_cast<double>(out.ranks.size()) / longest_s;
  for (const MpiRank& r : out.ranks)
    if (r.waiting.seconds > 0) out.imbalance_J += r.waiting.joules * (1 - least_wait_s / r.waiting.seconds);
}

}  // namespace

MpiUse& MpiUse::operator+=(const MpiUse& b) noexcept {
  calls += b.calls;
  seconds += b.seconds;
  joules += b.joules;
  return *this;
}

std::optional<MpiReport> mpi_of(const RegionReport& regions) {
  MpiReport out;
  Ranks ranks;
  for (const RegionSummary& region : regions.regions) {
    if (region.name == PERUN_MPI_WHOLE)
      for (const RegionThread& t : region.threads) rank_of(ranks, t).whole += MpiUse{t.calls, t.time_s, t.energy_J};
    const auto call = std::ranges::find(known, region.name, &Known::region);
    if (call != std::end(known)) add_region(ranks, region, call->kind, out);
  }
  for (auto& [key, r] : ranks) {
    if (r.whole.calls == 0) continue;
    const auto& processes = r.in[static_cast<std::size_t>(MpiKind::processes)];
    r.outside_s = std::max(0.0, r.whole.seconds - r.waiting.seconds - processes.seconds);
    out.ranks.push_back(r);
  }
  if (out.ranks.empty()) return std::nullopt;
  compare_ranks(out);
  out.spawned = regions.spawned;
  return out;
}

std::vector<Note> mpi_caveats(const RunSummary& run) {
  std::vector<Note> out;
  const bool asked = std::ranges::any_of(run.provenance, [](const auto& fact) { return fact.first == "mpi_hooks"; });
  if (asked && !mpi_of(run.regions))
    out.push_back(
        {Caveat::mpi,
         "--mpi-hooks saw no call of MPI: the program uses none, is linked statically, or is started by something that "
         "drops LD_PRELOAD"});
  if (const auto n = run.regions.spawned; n > 0)
    out.push_back(
        {Caveat::mpi, fmt::format("the program started {} more {} by MPI_Comm_spawn: what {} used on these nodes is in "
                                  "their energy, on others it is not measured; {} no {} of this job and {} no regions",
                                  n, n == 1 ? "process" : "processes", n == 1 ? "it" : "they", n == 1 ? "it is" : "they are",
                                  n == 1 ? "rank" : "ranks", n == 1 ? "has" : "have")});
  return out;
}

}  // namespace perun
