// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/baseline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "analysis/share.hpp"
#include "analysis/statistics.hpp"
#include "analysis/track.hpp"
#include "base/units.hpp"

namespace perun {

namespace {

constexpr int most_blocks = 10;

bool counts(const Sensor& s) noexcept {
  return s.counted && (s.quantity == Quantity::energy || s.quantity == Quantity::power);
}

/// Shortest block: what the slowest counted sensor resolves, and one of its reading intervals.
double shortest_block_s(const NodeRecord& node, Window window) {
  double shortest = 0;
  for (std::size_t i = 0; i < node.sensors.size() && i < node.series.size(); ++i) {
    const Sensor& sensor = node.sensors[i];
    if (!counts(sensor)) continue;
    const double mean_W = energy_between(sensor, node.series[i], window).joules / std::max(window.seconds(), 1e-9);
    const auto intervals = static_cast<double>(std::max<std::size_t>(node.series[i].size(), 2) - 1);
    shortest = std::max({shortest, shortest_stretch_s(sensor, mean_W), 0.99 * window.seconds() / intervals});
  }
  return shortest;
}

double deviation(const std::vector<double>& values) {
  double mean = 0, squares = 0;
  for (const double v : values) mean += v / static_cast<double>(values.size());
  for (const double v : values) squares += (v - mean) * (v - mean);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

}  // namespace

Result<Baseline> baseline_of(const NodeRecord& node, Window window) {
  Baseline b;
  b.host = node.host;
  const double seconds = window.seconds(), shortest = shortest_block_s(node, window);
  if (shortest <= 0) return Error{Errc::unsupported, "no sensor that counts shows an idle power", {}};
  const int blocks = static_cast<int>(std::clamp(std::floor(seconds / shortest), 0.0, double{most_blocks}));
  if (blocks < 2)
    return Error{Errc::invalid, fmt::format("{} are too short for a baseline with these sensors", units::duration(seconds)),
                 fmt::format("at least {}", units::duration(2 * shortest))};
  std::vector<double> block_W(static_cast<std::size_t>(blocks));
  Amount total, cpu;
  for (std::size_t i = 0; i < node.sensors.size() && i < node.series.size(); ++i) {
    const Sensor& sensor = node.sensors[i];
    if (!counts(sensor)) continue;
    const Energy whole = energy_between(sensor, node.series[i], window);
    if (!whole.available || whole.invalid > 0 || whole.unseen_s > 0.1 * seconds)
      return Error{Errc::io, sensor.label + " could not be read well enough for a baseline", {}};
    Amount amount;
    amount.kind = sensor.kind;
    (sensor.kind == Kind::estimated ? amount.estimated_J : amount.measured_J) = whole.joules;
    amount.uncertainty_J = whole.uncertainty_J;
    total += amount;
    if (follows_cpu_time(sensor.domain)) cpu += amount;
    b.sensors.push_back(sensor.id);
    for (std::size_t k = 0; k < block_W.size(); ++k) {
      const auto edge = [&](std::size_t n) {
        return window.from_ns + std::llround(seconds * 1e9 * static_cast<double>(n) / static_cast<double>(blocks));
      };
      const Window part{edge(k), edge(k + 1)};
      block_W[k] += energy_between(sensor, node.series[i], part).joules / part.seconds();
    }
  }
  b.blocks = blocks;
  b.seconds = seconds;
  b.power_W = total.joules() / seconds;
  b.cpu_W = cpu.joules() / seconds;
  b.reading_W = total.uncertainty_J / seconds;
  b.spread_W = deviation(block_W);
  b.kind = total.kind;
  SeriesInMemory series(node.series);
  const auto times = node_cpu_times(node, series, window);
  if (times && times->total_s > 0) b.cpu_busy = std::clamp(times->busy_s / times->total_s, 0.0, 1.0);
  return b;
}

double baseline_uncertainty_W(const Baseline& b, double seconds) noexcept {
  if (b.blocks < 2) return 0;
  // The idle power of the run's own time is another mean, over `during` blocks, of what spreads so.
  const double during = std::max(1.0, seconds / (b.seconds / b.blocks));
  const double spread_W =
      statistics::student_quantile(0.95, b.blocks - 1) * b.spread_W * std::sqrt(1.0 / b.blocks + 1.0 / during);
  return std::hypot(spread_W, b.reading_W);
}

Net net_of(const Usage& gross, const Baseline& baseline) noexcept {
  Net net;
  net.baseline_J = baseline.power_W * gross.duration_s;
  net.net_J = gross.energy.joules() - net.baseline_J;
  net.baseline_uncertainty_J = baseline_uncertainty_W(baseline, gross.duration_s) * gross.duration_s;
  net.uncertainty_J = std::hypot(gross.energy.uncertainty_J, net.baseline_uncertainty_J);
  return net;
}

Net& operator+=(Net& sum, const Net& other) noexcept {
  sum.baseline_J += other.baseline_J;
  sum.net_J += other.net_J;
  sum.baseline_uncertainty_J = std::hypot(sum.baseline_uncertainty_J, other.baseline_uncertainty_J);
  sum.uncertainty_J = std::hypot(sum.uncertainty_J, other.uncertainty_J);
  return sum;
}

}  // namespace perun
