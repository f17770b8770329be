// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "host/host.hpp"

namespace perun {

/// The CPUs of a kernel list such as "0,56" or "0-3,8", ascending and each once. Nothing when it is empty or no such list,
/// or names a CPU above 65535.
[[nodiscard]] std::optional<std::vector<int>> parse_cpu_list(std::string_view list);

/// Where a CPU sits.
struct CpuPlace {
  int cpu = 0;
  std::uint16_t package = 0;
  int die = 0;
  friend bool operator==(const CpuPlace&, const CpuPlace&) = default;
};

/// By /sys/devices/system/cpu/cpuN/topology; nothing when that is not there or makes no sense. A kernel that tells no die
/// has one a package.
[[nodiscard]] std::optional<CpuPlace> cpu_place(const Host& host, int cpu);

}  // namespace perun
