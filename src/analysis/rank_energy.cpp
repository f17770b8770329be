// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/rank_energy.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <numeric>

#include "analysis/summarize.hpp"
#include "analysis/track_reader.hpp"
#include "model/domains.hpp"
#include "model/outside.hpp"

namespace perun {

namespace {

/// A rank's time on its node.
struct Stay {
  std::size_t rank;  ///< position among the job's
  std::int64_t from_ns, to_ns;
};

/// J of all counted sensors between each two edges.
std::vector<double> flow_between(const NodeRecord& node, Readings& readings, std::span<const std::int64_t> edges) {
  std::vector<double> joules(edges.size() - 1, 0);
  for (std::size_t i = 0; i < std::min(node.sensors.size(), readings.sensors()); ++i)
    if (node.sensors[i].counted && is_meter(node.sensors[i]))
      EnergyFlow(node.sensors[i], readings.cursor(i)).add_to(joules, edges);
  return joules;
}

void share(const NodeRecord& node, Readings& readings, double total_J, Window window, std::span<const Stay> stays,
           std::vector<double>& energies) {
  std::vector<std::int64_t> edges{window.from_ns, window.to_ns};
  for (const Stay& s : stays) edges.insert(edges.end(), {s.from_ns, s.to_ns});
  std::ranges::sort(edges);
  edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
  if (edges.size() < 2) return;
  const auto at = [&](std::int64_t t) { return static_cast<std::size_t>(std::ranges::lower_bound(edges, t) - edges.begin()); };
  const auto joules = flow_between(node, readings, edges);
  std::vector<std::int64_t> running(edges.size(), 0);  // first what comes and goes at an edge
  for (const Stay& s : stays) ++running[at(s.from_ns)], --running[at(s.to_ns)];
  std::partial_sum(running.begin(), running.end(), running.begin());
  // What each of those that run gets, from the first edge on. Faults of a sensor are in the total alone.
  const double sum_J = std::accumulate(joules.begin(), joules.end(), 0.0), scale = sum_J > 0 ? total_J / sum_J : 0;
  std::vector<double> got(edges.size(), 0);
  for (std::size_t k = 0; k < joules.size(); ++k)
    got[k + 1] = got[k] + (running[k] > 0 ? joules[k] * scale / static_cast<double>(running[k]) : 0);
  for (const Stay& s : stays) energies[s.rank] = got[at(s.to_ns)] - got[at(s.from_ns)];
}

}  // namespace

std::vector<double> rank_energies(const Run& run, std::span<Readings* const> readings, std::span<const NodeSummary> nodes) {
  if (!run.job || from_outside(*run.job)) return {};
  std::vector<double> energies(run.job->ranks.size(), std::numeric_limits<double>::quiet_NaN());
  std::vector<std::vector<Stay>> stays(run.nodes.size());
  for (std::size_t i = 0; i < energies.size(); ++i) {
    const RankRecord& r = run.job->ranks[i];
    const auto n = static_cast<std::size_t>(r.node);
    if (r.node < 0 || n >= nodes.size() || nodes[n].usage.energy.kind == Kind::unavailable || r.begin.mono_ns == 0) continue;
    const Window w = window_of(run, run.nodes[n], *readings[n]);
    const std::int64_t end = r.end.mono_ns != 0 ? r.end.mono_ns : w.to_ns;
    const std::int64_t from = std::clamp(r.begin.mono_ns, w.from_ns, w.to_ns);
    stays[n].push_back({i, from, std::clamp(end, from, w.to_ns)});
  }
  for (std::size_t n = 0; n < stays.size(); ++n)
    if (!stays[n].empty())
      share(run.nodes[n], *readings[n], nodes[n].usage.energy.joules(), window_of(run, run.nodes[n], *readings[n]), stays[n],
            energies);
  return energies;
}

}  // namespace perun
