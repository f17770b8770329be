// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "base/json.hpp"
#include "model/summary.hpp"

namespace perun {

/// The key `job` of a run's document: who started it, its ranks, and how far the nodes' clocks may be off. `run.job` is there.
[[nodiscard]] Json job_of(const RunSummary& run);

}  // namespace perun
