// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <span>
#include <string>
#include <vector>

#include "model/sensor.hpp"

namespace perun {

/// Whether a sensor's joules go into the node's total.
struct InTotal {
  bool counted = false;
  std::string why_not = {};  ///< "part of cpu:0 package"; empty when counted
};

/// Takes each joule once. What another sensor of the list includes (part_of) never counts. Then: a node meter alone; else
/// all packages, dram and GPUs; else, without a package, psys alone; else what there is. psys beside packages does not
/// count, because what it covers depends on the board. Pure; one verdict per sensor.
[[nodiscard]] std::vector<InTotal> judge_total(std::span<const Sensor> sensors);

/// Writes the verdicts into `counted`.
void choose_counted(std::vector<Sensor>& sensors);

/// The domains that no sensor covers and an estimate may fill.
struct Gaps {
  bool cpu = false, dram = false;
};
[[nodiscard]] Gaps find_gaps(std::span<const Sensor> sensors);

}  // namespace perun
