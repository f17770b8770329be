// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "host/host.hpp"
#include "model/run.hpp"
#include "model/sensor.hpp"

namespace perun {

/// What a RAPL counter covers, by whatever mechanism it is read. Named as powercap names its zones.
struct RaplDomain {
  std::string name;          ///< "package-0", "package-1-die-0", "dram", "psys"
  std::string package = {};  ///< name of the package around it; empty for package and psys
  Domain domain = Domain::package;
  std::uint16_t socket = 0;
  int die = -1;  ///< -1: the package is not told apart into dies
};

/// One RAPL zone of /sys/class/powercap. What it is comes from its file `name` alone: zone numbers are hexadecimal
/// and handed out in the order of registration (kernel: powercap_sys.c, intel_rapl_common.c).
struct PowercapZone : RaplDomain {
  std::filesystem::path folder = {};
  bool mmio = false;  ///< seen through intel-rapl-mmio, for want of intel-rapl
};

struct PowercapZones {
  std::vector<PowercapZone> zones;      ///< packages in order, each before its parts, psys last; names unique
  std::vector<BlockedSource> problems;  ///< zones that are there but mean nothing
};

/// Finds the RAPL zones. intel-rapl-mmio shows the same packages a second time and is used only where intel-rapl
/// is absent.
[[nodiscard]] PowercapZones powercap_zones(const Host& host);

/// The long-term power limit the vendor gives a zone (its TDP); world-readable. Nothing when absent or not
/// within 1..1500 W.
[[nodiscard]] std::optional<double> powercap_tdp_W(const PowercapZone& zone);

/// Twice the highest believable limit of a zone; powercap_unlimited_W when none says less.
[[nodiscard]] double powercap_max_power_W(const PowercapZone& zone);

/// More than any counter of the domain sees: 1.5 kW, psys 15 kW (it may feed accelerators).
[[nodiscard]] constexpr double powercap_unlimited_W(Domain domain) noexcept {
  return domain == Domain::platform ? 15'000 : 1500;
}

/// The value after which a zone's counter falls back to 0; 0 when it is not told.
[[nodiscard]] std::int64_t powercap_range_uj(const PowercapZone& zone);

}  // namespace perun
