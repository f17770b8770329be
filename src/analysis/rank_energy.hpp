// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <span>
#include <vector>

#include "model/readings.hpp"
#include "model/run.hpp"
#include "model/summary.hpp"

namespace perun {

/// J of its node that fall to each rank of a job: at any moment the ranks that run on a node have equal shares of its
/// power, so that those of a node add up to its energy but for the time in which none ran. In the order of the job's ranks;
/// NaN where it is not known. `nodes` are the figures of the run's nodes.
[[nodiscard]] std::vector<double> rank_energies(const Run& run, std::span<Readings* const> readings,
                                                std::span<const NodeSummary> nodes);

}  // namespace perun
