// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "analysis/energy.hpp"
#include "model/summary.hpp"

namespace perun {

/// Pure: the same run and factors always give the same summary. Uses run.factors.
[[nodiscard]] RunSummary summarize(const Run& run);

/// Energy, CO2e and cost of so many joules under factors: kWh = J / 3.6e6 x PUE; kg = kWh x emissions; ct = kWh x price.
[[nodiscard]] Footprint footprint(double joules, const Factors& factors);

/// The time of a run on a node's own monotonic clock.
[[nodiscard]] Window window_of(const Run& run, const NodeRecord& node);

}  // namespace perun
