// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <vector>

#include "model/summary.hpp"

namespace perun {

/// What a reader could do about the figures, each with the numbers that say so. Plain rules, no guesses: mostly empty.
[[nodiscard]] std::vector<std::string> hints(const RunSummary& run);

}  // namespace perun
