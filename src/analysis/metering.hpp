// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "analysis/energy.hpp"
#include "analysis/tally.hpp"

namespace perun {

/// All that one sensor's readings tell.
struct Metering {
  Energy energy;
  Tally tally;
};

/// energy_between() with what else is seen on the way. Reads the series once, or as often as it takes to know whether the
/// sensor was stuck; needs the same memory whatever its length.
[[nodiscard]] Metering meter(const Sensor& sensor, const SeriesCursor& series, Window window);

}  // namespace perun
