// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/fold.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <list>

#include "analysis/summarize.hpp"
#include "analysis/track_reader.hpp"
#include "model/domains.hpp"

namespace perun {

namespace {

/// Sums of a run: what was used while each value held.
struct Sums {
  double weighted = 0, known = 0, all = 0;
};

/// Where values change inside of a node's time, on its monotonic clock, with both ends.
std::vector<std::int64_t> edges_of(const FactorSeries& series, Window window, std::int64_t ahead_ns) {
  std::vector<std::int64_t> edges{window.from_ns};
  for (const auto& value : series.values)
    if (const auto at = value.real_ns - ahead_ns; at > window.from_ns && at < window.to_ns) edges.push_back(at);
  edges.push_back(window.to_ns);
  return edges;
}

void add(Sums& sums, const FactorSeries& series, std::span<const std::int64_t> edges, std::int64_t ahead_ns,
         std::span<const double> weights) {
  for (std::size_t i = 0; i + 1 < edges.size(); ++i) {
    const double weight = std::max(weights[i], 0.0);
    sums.all += weight;
    const auto value = series.at(edges[i] + ahead_ns);
    if (!value) continue;
    sums.known += weight;
    sums.weighted += weight * *value;
  }
}

/// What held between two moments.
std::vector<FactorStep> steps_between(const FactorSeries& series, std::int64_t from_ns, std::int64_t to_ns) {
  std::vector<FactorStep> steps{{from_ns, series.at(from_ns)}};
  for (const FactorStep& step : series.values)
    if (step.real_ns > from_ns && step.real_ns < to_ns && step.value != steps.back().value) steps.push_back(step);
  return steps.size() > 1 ? steps : std::vector<FactorStep>();
}

}  // namespace

std::optional<double> FactorSeries::at(std::int64_t real_ns) const noexcept {
  const auto after = std::ranges::upper_bound(values, real_ns, {}, &FactorStep::real_ns);
  return after == values.begin() ? std::nullopt : std::prev(after)->value;
}

Folded fold(const Run& run, std::span<Readings* const> readings, const FactorSeries& series) {
  Sums energy, time;
  std::int64_t first_ns = std::numeric_limits<std::int64_t>::max(), last_ns = std::numeric_limits<std::int64_t>::min();
  for (std::size_t n = 0; n < run.nodes.size(); ++n) {
    const NodeRecord& node = run.nodes[n];
    const Window window = window_of(run, node, *readings[n]);
    const std::int64_t ahead_ns = ahead_of(run, node);
    const auto edges = edges_of(series, window, ahead_ns);
    first_ns = std::min(first_ns, window.from_ns + ahead_ns);
    last_ns = std::max(last_ns, window.to_ns + ahead_ns);
    std::vector<double> joules(edges.size() - 1), seconds(edges.size() - 1);
    for (std::size_t i = 0; i + 1 < edges.size(); ++i) {
      seconds[i] = static_cast<double>(edges[i + 1] - edges[i]) * 1e-9;
      joules[i] = run.factors.overhead_power_W * seconds[i];
    }
    for (std::size_t i = 0; i < std::min(node.sensors.size(), readings[n]->sensors()); ++i)
      if (node.sensors[i].counted && is_meter(node.sensors[i]))
        EnergyFlow(node.sensors[i], readings[n]->cursor(i)).add_to(joules, edges);
    add(energy, series, edges, ahead_ns, joules);
    add(time, series, edges, ahead_ns, seconds);
  }
  const Sums& sums = energy.all > 0 ? energy : time;
  if (sums.known <= 0) return {};
  return {sums.weighted / sums.known, sums.known / sums.all, steps_between(series, first_ns, last_ns)};
}

Folded fold(const Run& run, const FactorSeries& series) {
  std::list<SeriesInMemory> in_memory;
  std::vector<Readings*> readings;
  for (const NodeRecord& node : run.nodes) readings.push_back(&in_memory.emplace_back(node.series));
  return fold(run, readings, series);
}

}  // namespace perun
