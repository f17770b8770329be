// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "model/summary.hpp"

namespace perun {

/// Pure: the same run and factors always give the same summary. Uses run.factors.
[[nodiscard]] RunSummary summarize(const Run& run);

/// Energy, CO2e and cost of an energy under factors: kWh = J / 3.6e6 x PUE; kg = kWh x emissions; ct = kWh x price.
[[nodiscard]] Footprint footprint(const Amount& energy, const Factors& factors);

}  // namespace perun
