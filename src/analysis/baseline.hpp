// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "analysis/energy.hpp"
#include "base/result.hpp"
#include "model/run.hpp"
#include "model/summary.hpp"

namespace perun {

/// Above this utilisation of all processors a node was not idle.
inline constexpr double idle_utilization = 0.05;

/// The baseline that a node's readings in a window show: mean power of the counted sensors, and its spread over up to ten
/// blocks of equal length. Errors: no counted sensor with readings, or a window too short for two blocks that the slowest of
/// them can tell apart.
[[nodiscard]] Result<Baseline> baseline_of(const NodeRecord& node, Window window);

/// Half width of the 95 % interval of the power that a node would have drawn idle for `seconds`.
[[nodiscard]] double baseline_uncertainty_W(const Baseline& baseline, double seconds) noexcept;

[[nodiscard]] Net net_of(const Usage& gross, const Baseline& baseline) noexcept;

/// Two nodes together: sums, uncertainties in quadrature.
Net& operator+=(Net& sum, const Net& other) noexcept;

}  // namespace perun
