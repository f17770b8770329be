// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

#include "model/readings.hpp"
#include "model/sensor.hpp"

namespace perun {

/// A stretch of CLOCK_MONOTONIC time, ns.
struct Window {
  std::int64_t from_ns = 0, to_ns = 0;
  [[nodiscard]] double seconds() const noexcept { return static_cast<double>(to_ns - from_ns) * 1e-9; }
};

/// Energy of one sensor in a window. Formulas and their reasons: docs/accuracy.md.
struct Energy {
  bool available = false;  ///< false: fewer than two readings, or none near the window; every other field but
                           ///< stuck_s is then 0
  double joules = 0;
  double uncertainty_J = 0;  ///< half width of the statistical 95 % interval
  double lower_J = 0;        ///< hard bounds: the truth lies between, whatever happened
  double upper_J = 0;
  double max_W = 0;            ///< highest mean power over a stretch long enough to resolve one
  std::uint64_t wraps = 0;     ///< times the counter fell back and was unwrapped
  std::uint64_t missing = 0;   ///< readings that failed
  std::uint64_t invalid = 0;   ///< differences thrown out: counter reset or implausible jump; absurd values of a gauge
  double invalid_s = 0;        ///< time those differences cover; its energy is not in `joules` (but in upper_J)
  std::uint64_t rejected = 0;  ///< single readings of a counter left out; the difference across them is exact
  double stuck_s = 0;   ///< time in which the sensor stood still as no hardware does; treated as invalid_s (gauge: as a gap)
  double unseen_s = 0;  ///< time without any reading near, at the window's ends; likewise
  std::uint64_t ambiguous = 0;  ///< differences over so long a time that a whole counter range may hide in them; likewise
};

/// Joules of an energy counter or a power gauge between two moments.
/// Counter: integer differences, unwrapped by `wraps_at`; the first and last interval are shared out by
/// time when the window's edge falls inside. Gauge: time-weighted, each value holds for the time up to its
/// reading (trapezoid between neighbours). Failed readings are bridged. Nothing is extrapolated beyond
/// half a sampling interval outside the readings; pure.
[[nodiscard]] Energy energy_between(const Sensor& sensor, const SeriesCursor& series, Window window);

/// Difference of a never-wrapping counter in SI units (bytes read, busy seconds ...) between the readings that
/// enclose the window; 0 when there are fewer than two.
[[nodiscard]] double increase_between(const Sensor& sensor, SeriesCursor series, Window window);

}  // namespace perun
