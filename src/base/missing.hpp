// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <limits>

namespace perun {

/// Stands in a row of raw numbers for one that could not be read. Never 0.
inline constexpr std::int64_t missing = std::numeric_limits<std::int64_t>::min();

}  // namespace perun
