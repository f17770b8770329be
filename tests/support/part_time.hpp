// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "model/sensor.hpp"
#include "support/rig.hpp"

namespace perun::test {

/// What a sensor shows that looks for a part of the time: at each renewal the mean of a while before it, or, as a counter, that
/// mean for all of the time since the last one.
class PartTime {
 public:
  PartTime(const Sensor& sensor, const Power& power, double phase_s, double until_s)
      : sensor_(sensor), phase_s_(phase_s), refresh_s_(static_cast<double>(sensor.refresh_ns) * 1e-9) {
    const double window_s = static_cast<double>(sensor.averaging_ns) * 1e-9;
    double sum_J = 500;
    for (double t = phase_s - 2 * refresh_s_; t < until_s + 1; t += refresh_s_) {
      const double watts = power.joules(t - window_s, t) / window_s;
      sum_J += watts * refresh_s_;
      shown_.push_back(std::llround((sensor.behavior == Behavior::counter ? sum_J : watts) / sensor.scale));
    }
  }
  [[nodiscard]] std::int64_t at(double t) const {
    return shown_.at(static_cast<std::size_t>(std::max(0.0, std::floor((t - phase_s_) / refresh_s_) + 2)));
  }

 private:
  Sensor sensor_;
  double phase_s_, refresh_s_;
  std::vector<std::int64_t> shown_;
};

/// A GPU that looks for `window_s` of every `refresh_s`.
inline Sensor part_time_gpu(bool gauge, double window_s, double refresh_s) {
  Sensor s = gauge ? power_gauge() : rapl(0);
  s.domain = Domain::gpu;
  s.scale = 1e-3;
  s.resolution = 1;
  s.refresh_ns = ns(refresh_s);
  s.averaging_ns = ns(window_s);
  s.max_power_W = 800;
  return s;
}

}  // namespace perun::test
