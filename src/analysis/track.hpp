// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "analysis/energy.hpp"

namespace perun {

/// What bounds the readings of a sensor, with a stated default where the sensor does not tell.
struct Limits {
  double max_power_W = 0;
  double refresh_s = 0;
  double step_J = 0;   ///< counter: smallest step
  double step_W = 0;   ///< gauge: smallest step
  double range_J = 0;  ///< energy of one whole counter range; 0: never wraps
};
[[nodiscard]] Limits limits_of(const Sensor& sensor) noexcept;

/// The time between two good readings in a row and the energy in it.
struct Interval {
  std::int64_t from_ns = 0, to_ns = 0;
  double joules = 0;    ///< 0 when not valid
  double bend_J = 0;    ///< gauge: (last - first value) * time / 2, the trapezoid's slope; counter: 0
  double hidden_J = 0;  ///< energy of the whole counter ranges that may hide here
  double from_halfwidth_s = 0, to_halfwidth_s = 0;
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

/// A series read as energy over time: intervals that follow each other without gaps.
struct EnergyTrack {
  std::vector<Interval> intervals;
  std::uint64_t rejected = 0;  ///< readings that cannot be right and were left out

  /// How far it is believed beyond its first and last reading: half the neighbouring interval.
  [[nodiscard]] Interval before() const noexcept;
  [[nodiscard]] Interval after() const noexcept;
};

/// Fills `track` anew; one that is used again keeps its memory.
void read_track(const Sensor& sensor, const Series& series, EnergyTrack& track);

/// As energy_between of energy.hpp, leaving the track behind.
[[nodiscard]] Energy energy_between(const Sensor& sensor, const Series& series, Window window, EnergyTrack& track);

/// Shortest time over which a power of about `watts` can be told from this sensor: ten refreshes, 10 ms and
/// 100 steps of a counter; a gauge's value is a mean already.
[[nodiscard]] double shortest_stretch_s(const Sensor& sensor, double watts) noexcept;

/// The window cut at readings of `track` into stretches of at least `shortest_s`; the remainder joins the last one.
[[nodiscard]] std::vector<std::int64_t> stretches(const EnergyTrack& track, Window window, double shortest_s);

/// Adds to `joules` the energy in each stretch between `edges`, both moved by `shift_ns` on this track's clock.
void add_energy(const EnergyTrack& track, std::span<const std::int64_t> edges, std::int64_t shift_ns, std::span<double> joules);

/// Highest mean power of the stretches.
[[nodiscard]] double highest_power(std::span<const std::int64_t> edges, std::span<const double> joules) noexcept;

}  // namespace perun
