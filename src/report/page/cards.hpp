// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "base/json.hpp"
#include "model/summary.hpp"

namespace perun::page {

/// The headline figures: [{"label", "value", "error", "kind", "lines"}].
[[nodiscard]] Json cards(const RunSummary& run);

/// How the figures come about, with the numbers filled in: [{"name", "formula", "numbers", "source"}].
[[nodiscard]] Json formulas(const RunSummary& run);

}  // namespace perun::page
