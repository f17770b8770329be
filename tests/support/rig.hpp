// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <utility>
#include <vector>

#include "model/sensor.hpp"

namespace perun::test {

constexpr std::int64_t ns(double seconds) {
  return static_cast<std::int64_t>(seconds * 1e9 + (seconds < 0 ? -0.5 : 0.5));
}

/// Power over time whose energy is known exactly: constant pieces; the first one reaches back and the last one on
/// for ever.
class Power {
 public:
  /// Pieces as (length in s, W), starting at `from_s`.
  explicit Power(std::initializer_list<std::pair<double, double>> pieces, double from_s = 0)
      : Power(std::vector<std::pair<double, double>>(pieces), from_s) {}
  explicit Power(const std::vector<std::pair<double, double>>& pieces, double from_s = 0) {
    double at = from_s;
    double energy = 0;
    for (const auto& [length, watts] : pieces) {
      knots_.push_back({at, energy, watts});
      at += length;
      energy += length * watts;
    }
  }

  [[nodiscard]] double watts(double t) const { return knot(t).watts; }
  /// Joules since the first knot; negative before it.
  [[nodiscard]] double joules(double t) const {
    const Knot& k = knot(t);
    return k.joules + (t - k.at) * k.watts;
  }
  [[nodiscard]] double joules(double from, double to) const { return joules(to) - joules(from); }

 private:
  struct Knot {
    double at, joules, watts;
  };
  [[nodiscard]] const Knot& knot(double t) const {
    const auto next = std::upper_bound(knots_.begin(), knots_.end(), t, [](double v, const Knot& k) { return v < k.at; });
    return next == knots_.begin() ? *next : *(next - 1);
  }
  std::vector<Knot> knots_;
};

/// A RAPL-like counter: microjoules, renewed every millisecond, 61 uJ a step.
inline Sensor rapl(std::int64_t wraps_at = 262'143'328'850) {
  Sensor s;
  s.id = "rapl:package-0";
  s.label = "cpu:0 package";
  s.source = "rapl powercap";
  s.domain = Domain::package;
  s.scale = 1e-6;
  s.resolution = 61;
  s.wraps_at = wraps_at;
  s.refresh_ns = 1'000'000;
  s.counted = true;
  s.max_power_W = 500;
  s.systematic_percent = 5;
  return s;
}

/// A counter that is always up to date, for exact sums.
inline Sensor ideal_counter(std::int64_t wraps_at = 0) {
  Sensor s = rapl(wraps_at);
  s.resolution = 1;
  s.refresh_ns = 1;
  return s;
}

inline Sensor power_gauge() {
  Sensor s;
  s.id = "hwmon:board";
  s.label = "board";
  s.source = "hwmon";
  s.quantity = Quantity::power;
  s.behavior = Behavior::gauge;
  s.domain = Domain::node;
  s.scale = 1e-6;
  s.resolution = 1000;
  s.refresh_ns = 1'000'000;
  s.counted = true;
  s.max_power_W = 1000;
  return s;
}

/// What `sensor` shows at time `t`: its value at the last renewal, in whole steps, within its range.
inline std::int64_t shown(const Sensor& sensor, const Power& power, double t, double phase_s = 0, double start_J = 0) {
  const double refresh = static_cast<double>(sensor.refresh_ns) * 1e-9;
  const double renewed = sensor.refresh_ns > 1 ? std::floor((t - phase_s) / refresh) * refresh + phase_s : t;
  const double window = static_cast<double>(sensor.averaging_ns) * 1e-9;
  const double watts = window > 0 ? power.joules(renewed - window, renewed) / window : power.watts(renewed);
  const double si = sensor.behavior == Behavior::counter ? start_J + power.joules(renewed) : watts;
  const auto step = static_cast<double>(sensor.resolution);
  auto raw = static_cast<std::int64_t>(std::floor(si / sensor.scale / step + 1e-7) * step);
  if (sensor.wraps_at > 0) raw %= sensor.wraps_at;
  return raw;
}

/// Readings of `sensor` at the given times.
inline Series readings(const Sensor& sensor, const Power& power, const std::vector<double>& times, double start_J = 0) {
  Series s;
  for (const double t : times) s.push({ns(t), shown(sensor, power, t, 0, start_J), 0});
  return s;
}

/// 0, period, 2 period ... up to and including `end`.
inline std::vector<double> every(double period, double end) {
  std::vector<double> times;
  for (int i = 0; i * period < end - 1e-9; ++i) times.push_back(i * period);
  times.push_back(end);
  return times;
}

}  // namespace perun::test
