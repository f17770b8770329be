// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/track.hpp"

#include <algorithm>
#include <cmath>

namespace perun {

namespace {

constexpr double seconds(std::int64_t ns) noexcept {
  return static_cast<double>(ns) * 1e-9;
}

/// b - a without overflow, whatever garbage was read.
std::int64_t difference(std::int64_t b, std::int64_t a) noexcept {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(b) - static_cast<std::uint64_t>(a));
}

Interval counted(const Sensor& sensor, const Limits& limits, const Series& series, std::size_t a, std::size_t b) {
  Interval x;
  x.from_ns = series.t_ns[a];
  x.to_ns = series.t_ns[b];
  x.from_halfwidth_s = seconds(series.halfwidth_ns[a]);
  x.to_halfwidth_s = seconds(series.halfwidth_ns[b]);
  std::int64_t delta = difference(series.raw[b], series.raw[a]);
  if (delta < 0 && sensor.wraps_at > 0) {
    delta += sensor.wraps_at;
    x.wrapped = true;
  }
  // The counter may show energy of up to one refresh before the interval, in one step.
  const double slack_s = limits.refresh_s + x.from_halfwidth_s + x.to_halfwidth_s;
  const double most_J = limits.max_power_W * (x.seconds() + slack_s) + limits.step_J;
  const double energy = static_cast<double>(delta) * sensor.scale;
  x.valid = delta >= 0 && energy <= most_J;
  if (!x.valid) {
    x.wrapped = false;
    return x;
  }
  x.joules = energy;
  if (limits.range_J > 0) x.hidden_J = std::floor((most_J - energy) / limits.range_J) * limits.range_J;
  return x;
}

Interval gauged(const Sensor& sensor, const Series& series, std::size_t a, std::size_t b) {
  Interval x;
  x.from_ns = series.t_ns[a];
  x.to_ns = series.t_ns[b];
  x.from_halfwidth_s = seconds(series.halfwidth_ns[a]);
  x.to_halfwidth_s = seconds(series.halfwidth_ns[b]);
  const double first = static_cast<double>(series.raw[a]) * sensor.scale;
  const double last = static_cast<double>(series.raw[b]) * sensor.scale;
  x.joules = 0.5 * (first + last) * x.seconds();
  x.bend_J = 0.5 * (last - first) * x.seconds();
  return x;
}

}  // namespace

Limits limits_of(const Sensor& sensor) noexcept {
  Limits l;
  const bool whole = sensor.domain == Domain::node || sensor.domain == Domain::platform;
  const bool gpu = sensor.domain == Domain::gpu;
  l.max_power_W = sensor.max_power_W > 0 ? sensor.max_power_W : whole ? 10'000 : gpu ? 2'000 : 1'500;
  l.refresh_s = sensor.refresh_ns > 0 ? seconds(sensor.refresh_ns) : whole ? 1.0 : gpu ? 0.1 : 0.001;
  const double step = static_cast<double>(std::max<std::int64_t>(sensor.resolution, 1)) * sensor.scale;
  if (sensor.behavior == Behavior::gauge) {
    l.step_W = step;
  } else {
    l.step_J = step;
    l.range_J = static_cast<double>(sensor.wraps_at) * sensor.scale;
  }
  return l;
}

double Interval::fraction(std::int64_t t_ns) const noexcept {
  if (to_ns <= from_ns) return 0;
  return std::clamp(static_cast<double>(t_ns - from_ns) / static_cast<double>(to_ns - from_ns), 0.0, 1.0);
}

double Interval::between(std::int64_t from, std::int64_t to) const noexcept {
  const double f = fraction(from), g = fraction(to);
  return (g - f) * (joules - bend_J * (1 - f - g));
}

Interval EnergyTrack::before() const noexcept {
  const Interval& next = intervals.front();
  Interval x;
  x.to_ns = next.from_ns;
  x.from_ns = next.from_ns - (next.to_ns - next.from_ns) / 2;
  x.joules = next.watts() * x.seconds();
  x.valid = next.valid;
  return x;
}

Interval EnergyTrack::after() const noexcept {
  const Interval& last = intervals.back();
  Interval x;
  x.from_ns = last.to_ns;
  x.to_ns = last.to_ns + (last.to_ns - last.from_ns) / 2;
  x.joules = last.watts() * x.seconds();
  x.valid = last.valid;
  return x;
}

void read_track(const Sensor& sensor, const Series& series, EnergyTrack& track) {
  const Limits limits = limits_of(sensor);
  const bool gauge = sensor.behavior == Behavior::gauge;
  track.rejected = 0;
  track.intervals.clear();
  track.intervals.reserve(series.size());
  std::size_t before = series.size();
  bool bridged = false;
  for (std::size_t i = 0; i < series.size(); ++i) {
    bool good = series.raw[i] != missing;
    if (good && gauge) {
      const double watts = static_cast<double>(series.raw[i]) * sensor.scale;
      good = watts >= 0 && watts <= limits.max_power_W;
      if (!good) ++track.rejected;
    }
    if (!good) {
      bridged = true;
      continue;
    }
    if (before != series.size()) {
      if (series.t_ns[i] <= series.t_ns[before]) continue;
      track.intervals.push_back(gauge ? gauged(sensor, series, before, i) : counted(sensor, limits, series, before, i));
      track.intervals.back().bridged = bridged;
    }
    before = i;
    bridged = false;
  }
}

double shortest_stretch_s(const Sensor& sensor, double watts) noexcept {
  const Limits limits = limits_of(sensor);
  if (sensor.behavior == Behavior::gauge) return std::max(limits.refresh_s, 0.01);
  const double resolved = watts > 0 ? 100 * limits.step_J / watts : 0;
  return std::max({10 * limits.refresh_s, 0.01, resolved});
}

std::vector<std::int64_t> stretches(const EnergyTrack& track, Window window, double shortest_s) {
  std::vector<std::int64_t> edges{window.from_ns};
  const auto cut = [&](std::int64_t t_ns) {
    if (t_ns < window.to_ns && seconds(t_ns - edges.back()) >= shortest_s) edges.push_back(t_ns);
  };
  if (!track.intervals.empty()) cut(track.intervals.front().from_ns);
  for (const Interval& x : track.intervals) cut(x.to_ns);
  if (edges.size() > 1 && seconds(window.to_ns - edges.back()) < shortest_s) edges.pop_back();
  edges.push_back(window.to_ns);
  return edges;
}

void add_energy(const EnergyTrack& track, std::span<const std::int64_t> edges, std::int64_t shift_ns,
                std::span<double> joules) {
  if (track.intervals.empty()) return;
  std::size_t at = 0;
  const auto add = [&](const Interval& x) {
    while (at + 1 < edges.size() && edges[at + 1] + shift_ns <= x.from_ns) ++at;
    for (std::size_t i = at; i + 1 < edges.size() && edges[i] + shift_ns < x.to_ns; ++i)
      joules[i] += x.between(std::max(edges[i] + shift_ns, x.from_ns), std::min(edges[i + 1] + shift_ns, x.to_ns));
  };
  add(track.before());
  for (const Interval& x : track.intervals) add(x);
  add(track.after());
}

double highest_power(std::span<const std::int64_t> edges, std::span<const double> joules) noexcept {
  double highest = 0;
  for (std::size_t i = 0; i < joules.size(); ++i)
    if (edges[i + 1] > edges[i]) highest = std::max(highest, joules[i] / seconds(edges[i + 1] - edges[i]));
  return highest;
}

}  // namespace perun
