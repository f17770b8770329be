// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <string_view>

#include "model/sensor.hpp"

namespace perun {

/// What a channel of a known hwmon chip measures. Sources: the kernel's Documentation/hwmon and drivers/hwmon.
struct HwmonRow {
  std::string_view chip;   ///< glob over the file `name`
  std::string_view label;  ///< glob over label or oem_info of the channel; "*" also takes one without
  Domain domain = Domain::rail;
  std::string_view part_of = "";  ///< label glob of the channel that includes it, on any chip that `chip` matches
  std::int64_t refresh_ns = 0;    ///< where the chip does not tell
  double max_power_W = 0;         ///< 0: as usual for the domain
  double systematic_percent = 0;  ///< 0: unknown
  bool zero_is_missing = false;   ///< what is switched on never draws 0 W
  std::string_view note = "";
};

/// The row of a channel, or null for a chip that is not known.
[[nodiscard]] const HwmonRow* find_hwmon_row(std::string_view chip, std::string_view label) noexcept;

/// True for chips that show a battery or a charger once more, which belong to the backend battery.
[[nodiscard]] bool mirrors_power_supply(std::string_view chip) noexcept;

}  // namespace perun
