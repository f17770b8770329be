// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

#include "base/fd.hpp"
#include "host/clock.hpp"
#include "host/ipmi.hpp"
#include "host/library.hpp"
#include "host/perf_event.hpp"

namespace perun {

/// The machine as a backend may see it. Tests and containers give other roots; tests another clock and other events.
struct Host {
  std::filesystem::path sysfs = "/sys";
  std::filesystem::path procfs = "/proc";
  std::filesystem::path devfs = "/dev";
  /// The folder of vendors' libraries; empty: where the system looks; nothing: none is loaded.
  std::optional<std::filesystem::path> libraries = std::filesystem::path();
  std::int64_t (*now_ns)() = &monotonic_ns;
  Fd (*open_perf)(const PerfEvent&) = &open_perf_event;  ///< null: this machine has no performance events

  /// null: this machine has no management controller.
  int (*ask_ipmi)(const Fd&, const IpmiRequest&, std::span<std::uint8_t>) noexcept = &perun::ask_ipmi;

  /// Below /sys: at_sys("class/powercap").
  [[nodiscard]] std::filesystem::path at_sys(std::string_view relative) const { return sysfs / relative; }
  [[nodiscard]] std::filesystem::path at_proc(std::string_view relative) const { return procfs / relative; }
  [[nodiscard]] std::filesystem::path at_dev(std::string_view relative) const { return devfs / relative; }

  [[nodiscard]] Library library(std::string_view name) const { return libraries ? Library(*libraries, name) : Library(); }
};

/// The machine at other roots. A /sys that is not the kernel's own is made up: it has its /dev beside it, no performance
/// events, no vendors' libraries and no management controller, so that numbers of this machine are never taken for that
/// one's, and no code comes from it.
[[nodiscard]] Host host_at(const std::filesystem::path& sysfs, const std::filesystem::path& procfs);

}  // namespace perun
