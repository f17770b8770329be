// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.hpp"

namespace perun {

/// Which end of a day is meant by a date alone.
enum class DayEnd : unsigned char { first, last };

/// CLOCK_REALTIME ns of "2026-11-22", "2026-11-22T18:04", "2026-11-22 18:04:11" (UTC, a Z behind is allowed) or of a length
/// of time before `now_ns`: "7d", "12h", "30m". Errors: invalid.
[[nodiscard]] Result<std::int64_t> parse_when(std::string_view text, DayEnd end, std::int64_t now_ns);

}  // namespace perun
