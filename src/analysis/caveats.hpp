// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <vector>

#include "analysis/energy.hpp"
#include "model/summary.hpp"

namespace perun {

/// One energy sensor of a node and what came of it.
struct Metered {
  const Sensor* sensor;
  Energy energy;
};

/// What was found out about one node, in the order of RunSummary::nodes.
struct NodeFindings {
  Window window;
  std::vector<Metered> metered;
};

/// What a reader of `summary` must know, most important first; every text has its numbers.
[[nodiscard]] std::vector<Note> caveats(const RunSummary& summary, const std::vector<NodeFindings>& findings);

}  // namespace perun
