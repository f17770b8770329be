// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <span>

#include "analysis/caveats.hpp"
#include "model/readings.hpp"
#include "model/run.hpp"
#include "model/summary.hpp"

namespace perun {

/// What the marks of a node tell: each region's calls, times and energy. `total` is the node's energy. Pure; the formulas are
/// in docs/accuracy.md ("Regions").
[[nodiscard]] RegionReport regions_of(const NodeRecord& node, Window window, std::span<const Metered> metered,
                                      Readings& readings, const Amount& total);

/// Of all nodes together, and what was done for the energy of the run: counters of the program and `stated` work.
[[nodiscard]] RegionReport regions_of_run(const std::vector<NodeSummary>& nodes,
                                          const std::vector<std::pair<std::string, double>>& stated, const Amount& total);

/// What a reader of the regions must know.
[[nodiscard]] std::vector<Note> region_caveats(const RegionReport& report);

}  // namespace perun
