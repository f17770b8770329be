// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/track.hpp"

#include <algorithm>
#include <cmath>

#include "analysis/intervals.hpp"

namespace perun {

namespace {

constexpr double seconds(std::int64_t ns) noexcept {
  return static_cast<double>(ns) * 1e-9;
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
  track.rejected = 0;
  track.intervals.clear();
  track.intervals.reserve(series.size());
  if (sensor.behavior == Behavior::gauge)
    read_gauge(sensor, series, track);
  else
    read_counter(sensor, series, track);
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
