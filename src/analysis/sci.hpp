// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/summary.hpp"

namespace perun {

/// Software carbon intensity, ISO/IEC 21031: (E x I + M) per R. E is the facility's energy, so PUE is in it.
struct Sci {
  struct PerUnit {
    std::string unit;   ///< of work: "tokens"
    double amount = 0;  ///< R
    double kg = 0;      ///< of one
  };
  double operational_kg = 0;  ///< E x I: the run's CO2e
  double embodied_kg = 0;     ///< M: the nodes' own, for the time of the run
  double node_s = 0;          ///< that time, of all nodes
  double run_kg = 0;          ///< both, for R = one run
  std::vector<PerUnit> per_unit;
};

/// Nothing without embodied emissions in the factors, or without an energy.
/// M = embodied_kg x time / lifespan x share, summed over the nodes.
[[nodiscard]] std::optional<Sci> sci_of(const RunSummary& run);

}  // namespace perun
