// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/run.hpp"

namespace perun {

/// Sensors of a node that were read together, tick by tick, and so share a time axis.
struct Lane {
  std::vector<std::int64_t> t_ns;    ///< CLOCK_MONOTONIC of the first member's readings
  std::vector<std::size_t> members;  ///< positions in NodeRecord::sensors, ascending
};

/// Every sensor is in one lane: the first whose times differ from its own by less than 2^31 ns in every row.
/// There is always a lane 0, maybe without members.
[[nodiscard]] std::vector<Lane> lanes(const NodeRecord& node);

/// Power of all counted sensors together, W, at each row of lane 0: of counters the mean since the reading before, of
/// gauges the value. NaN where any of them is not known. Empty when no energy or power sensor is counted. A picture of
/// the run: the figures of a report come from the analysis, never from here.
[[nodiscard]] std::vector<double> total_power(const NodeRecord& node, const std::vector<Lane>& lanes);

/// `measured`, `estimated`, or `mixed`, of the counted sensors.
[[nodiscard]] Kind counted_kind(const NodeRecord& node);

}  // namespace perun
