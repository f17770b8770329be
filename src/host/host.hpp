// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "host/clock.hpp"

namespace perun {

/// The machine as a backend may see it. Tests and containers give other roots; tests another clock.
struct Host {
  std::filesystem::path sysfs = "/sys";
  std::filesystem::path procfs = "/proc";
  std::int64_t (*now_ns)() = &monotonic_ns;

  /// Below /sys: at_sys("class/powercap").
  [[nodiscard]] std::filesystem::path at_sys(std::string_view relative) const { return sysfs / relative; }
  [[nodiscard]] std::filesystem::path at_proc(std::string_view relative) const { return procfs / relative; }
};

}  // namespace perun
