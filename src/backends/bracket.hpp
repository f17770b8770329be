// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "model/sensor.hpp"

namespace perun {

/// The reading of a number that was fetched between two looks at the clock.
[[nodiscard]] constexpr Reading bracketed(std::int64_t before_ns, std::int64_t after_ns, std::int64_t raw) noexcept {
  constexpr std::int64_t widest = std::numeric_limits<std::int32_t>::max();
  const std::int64_t width = std::max<std::int64_t>(after_ns - before_ns, 0);
  return {before_ns + width / 2, raw, static_cast<std::int32_t>(std::min((width + 1) / 2, widest))};
}

}  // namespace perun
