// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "model/sensor.hpp"

namespace perun {

/// Power of one meter over time. Times are microseconds from the run's begin, ascending, on the time of the whole run.
struct PowerTrack {
  std::size_t node = 0;  ///< in Run::nodes
  std::string id;        ///< of the sensor
  bool gauge = false;    ///< else a counter
  double unit = 1;       ///< counter: joules per step of `value`; gauge: watts
  std::vector<std::int64_t> t_us;
  /// One per time. Counter: energy since the first time. Gauge: power then; straight lines between.
  std::vector<std::int64_t> value;
  /// Thinned out: lowest and highest power between a time and the next, in steps of `range_W`; `value` is then an energy
  /// even of a gauge. Empty: nothing was left out.
  std::vector<std::int64_t> least, most;
  double range_W = 0;
  /// Numbers of the stretches between two times in which nothing was read, and whether their energy is known all the same.
  std::vector<std::pair<std::size_t, bool>> gaps;
  std::uint64_t readings = 0;  ///< that the track was made of
  double shortest_s = 0;       ///< time over which a power can be told from it; 0: any
  // What the error of a stretch's energy follows from (docs/accuracy.md).
  double refresh_s = 0, averaging_s = 0, step_J = 0, step_W = 0, highest_W = 0, halfwidth_s = 0;
  double seen = 1;  ///< of a counter: share of the time that it was measured in
};

/// Something else over time: utilisation, temperature, clock, memory, traffic.
struct StateTrack {
  std::size_t node = 0;
  std::string label;
  Quantity quantity = Quantity::utilization;
  bool rate = false;  ///< a value holds for the time up to it; else for that moment
  double unit = 1;    ///< SI units (of a rate: per second; of utilisation: 0..1) per step of `value`
  std::vector<std::int64_t> t_us, value;
};

/// A thread that marked regions.
struct RegionLane {
  std::size_t node = 0;
  std::int32_t rank = 0, pid = 0, tid = 0;
};

/// One call of a region, or several short ones after each other.
struct RegionCall {
  std::uint32_t lane = 0;
  std::uint32_t name = 0;  ///< in Timeline::names
  std::uint32_t depth = 0;
  std::uint32_t calls = 1;
  std::int64_t from_us = 0, to_us = 0;
};

/// What a run was like over time, as charts draw it.
struct Timeline {
  std::int64_t length_us = 0;
  std::uint64_t readings = 0;         ///< of all tracks
  bool thinned = false;               ///< tracks hold less than was read
  std::vector<std::int64_t> wall_ns;  ///< of each node: what its wall clock is ahead of the run's when the run begins
  std::vector<PowerTrack> power;
  std::vector<StateTrack> states;
  std::vector<std::string> names;  ///< of regions
  std::vector<RegionLane> lanes;
  std::vector<RegionCall> calls;  ///< by lane and begin
  bool calls_joined = false;      ///< short ones stand together
};

}  // namespace perun
