// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

#include "model/sensor.hpp"

namespace perun {

/// What bounds the readings of a sensor, with a stated default where the sensor does not tell.
struct Limits {
  double max_power_W = 0;
  double refresh_s = 0;
  double averaging_s = 0;  ///< gauge: length of the mean that a value is
  double seen = 1;         ///< counter: share of the time that its energy was measured in
  double step_J = 0;       ///< counter: smallest step
  double step_W = 0;       ///< gauge: smallest step
  double range_J = 0;      ///< energy of one whole counter range; 0: never wraps
};
[[nodiscard]] Limits limits_of(const Sensor& sensor) noexcept;

/// The time between two good readings in a row and the energy in it.
struct Interval {
  std::int64_t from_ns = 0, to_ns = 0;
  double joules = 0;    ///< 0 when not valid
  double bend_J = 0;    ///< gauge: (last - first value) * time / 2, the trapezoid's slope; counter: 0
  double hidden_J = 0;  ///< energy of the whole counter ranges that may hide here
  double from_halfwidth_s = 0, to_halfwidth_s = 0;
  double stray_J2 = 0;  ///< of several that became one: what Unseen makes of their differences
  int strays = 0;       ///< and of how many
  bool valid = true;
  bool wrapped = false;
  bool bridged = false;  ///< a failed reading lies inside
  bool stuck = false;    ///< the sensor stood still for longer than any power does

  [[nodiscard]] double seconds() const noexcept { return static_cast<double>(to_ns - from_ns) * 1e-9; }
  [[nodiscard]] double watts() const noexcept { return joules / seconds(); }
  /// Share of the length that lies before `t_ns`, 0..1.
  [[nodiscard]] double fraction(std::int64_t t_ns) const noexcept;
  /// Energy between two moments inside.
  [[nodiscard]] double between(std::int64_t from, std::int64_t to) const noexcept;
};

/// Shortest time over which a power of about `watts` can be told from this sensor: ten refreshes, 10 ms and
/// 100 steps of a counter; a gauge's value is a mean already.
[[nodiscard]] double shortest_stretch_s(const Sensor& sensor, double watts) noexcept;

}  // namespace perun
