// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/sci.hpp"

namespace perun {

std::optional<Sci> sci_of(const RunSummary& run) {
  constexpr double year_s = 365.25 * 86'400;
  const Factors& f = run.factors;
  if (!run.footprint || !(f.embodied_kg > 0) || !(f.lifespan_years > 0)) return std::nullopt;
  Sci out;
  for (const auto& node : run.nodes) out.node_s += node.usage.duration_s;
  out.operational_kg = run.footprint->co2e_kg;
  out.embodied_kg = f.embodied_kg * out.node_s / (f.lifespan_years * year_s) * f.resource_share;
  out.run_kg = out.operational_kg + out.embodied_kg;
  for (const auto& work : run.regions.work)
    if (work.amount > 0) out.per_unit.push_back({work.name, work.amount, out.run_kg / work.amount});
  return out;
}

}  // namespace perun
