// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "analysis/energy.hpp"
#include "model/summary.hpp"

namespace perun {

/// One energy sensor of a node and what came of it.
struct Metered {
  const Sensor* sensor;
  Energy energy;
  std::size_t readings = 0;
  std::int64_t first_ns = 0;     ///< of the first reading
  double typical_bracket_s = 0;  ///< mean time that a reading took
};

/// What was found out about one node, in the order of RunSummary::nodes.
struct NodeFindings {
  Window window;
  std::vector<Metered> metered;
  double clock_jump_s = 0;  ///< wall time that passed beyond monotonic time
};

/// Which factors are the defaults; nothing when none is, or when none is used. The last of all notes.
[[nodiscard]] std::optional<Note> about_factors(const RunSummary& summary);

/// What a reader of `summary` must know, most important first; every text has its numbers.
[[nodiscard]] std::vector<Note> caveats(const RunSummary& summary, const std::vector<NodeFindings>& findings);

}  // namespace perun
