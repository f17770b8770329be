// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "host/host.hpp"

namespace perun {

/// A folder with channels. Its number changes from boot to boot, so it is known by chip and device.
struct HwmonChip {
  std::filesystem::path folder;
  std::string name, device;
};

/// One power, energy, or voltage times current of a chip.
struct HwmonChannel {
  std::string key;    ///< "power1", "energy2", "in3": what stands before the underscore
  std::string value;  ///< the file: "power1_average"
  std::string label;
};

/// All chips but those that mirror batteries, each once however many ways lead to it, in the order of names and devices.
[[nodiscard]] std::vector<HwmonChip> hwmon_chips(const Host& host);

/// The channels of power and energy in a folder. Left out: what has no label worth reading (NC), single cores, and a power
/// whose label a counter has too.
[[nodiscard]] std::vector<HwmonChannel> hwmon_channels(const std::filesystem::path& folder, std::string_view chip);

}  // namespace perun
