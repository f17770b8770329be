// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "host/host.hpp"
#include "model/sensor.hpp"

namespace perun {

/// What /sys/bus/event_source/devices/power says of the RAPL counters (kernel: arch/x86/events/rapl.c).
struct PowerPmu {
  struct Event {
    std::string name;  ///< "energy-pkg"
    Domain domain = Domain::package;
    std::uint64_t config = 0;
    double scale = 0;  ///< joules per count
  };
  std::uint32_t type = 0;
  std::vector<int> cpus;              ///< one of each package, or of each die
  std::vector<Event> events;          ///< in the order of Domain, psys last
  std::vector<std::string> problems;  ///< events that are listed but make no sense
};

/// not_found where the kernel has no such PMU; format, and what is wrong, where its description makes no sense.
[[nodiscard]] Result<PowerPmu> find_power_pmu(const Host& host);

}  // namespace perun
