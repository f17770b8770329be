// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/track.hpp"

#include <algorithm>
#include <cmath>

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
    l.averaging_s = seconds(std::max<std::int64_t>(sensor.averaging_ns, 0));
  } else {
    l.step_J = step;
    if (part_time(sensor)) l.seen = seconds(sensor.averaging_ns) / l.refresh_s;
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

double shortest_stretch_s(const Sensor& sensor, double watts) noexcept {
  const Limits limits = limits_of(sensor);
  if (sensor.behavior == Behavior::gauge) return std::max(limits.refresh_s, 0.01);
  const double resolved = watts > 0 ? 100 * limits.step_J / watts : 0;
  return std::max({10 * limits.refresh_s, 0.01, resolved});
}

}  // namespace perun
