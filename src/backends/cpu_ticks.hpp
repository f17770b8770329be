// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/fd.hpp"

namespace perun {

/// Time of all CPUs since boot in USER_HZ ticks.
struct CpuTicks {
  std::int64_t busy = 0;   ///< user + nice + system + irq + softirq + steal; guest is part of user
  std::int64_t total = 0;  ///< busy + idle + iowait
};

/// The first line of /proc/stat; nothing when it is something else. Neither allocates nor throws.
[[nodiscard]] std::optional<CpuTicks> parse_cpu_ticks(std::string_view line) noexcept;

/// The same from an open /proc/stat.
[[nodiscard]] std::optional<CpuTicks> read_cpu_ticks(const Fd& stat) noexcept;

}  // namespace perun
