// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <string_view>

#include "support/tree.hpp"

namespace perun::test {

/// A file of pm_counters.
inline Tree& cray_counter(Tree& tree, std::string_view file, std::int64_t value, std::string_view unit = "J") {
  return tree.file("sys/cray/pm_counters/" + std::string(file),
                   std::to_string(value) + " " + std::string(unit) + " 1700000000000000 us\n");
}

/// A blade with four accelerators.
inline Tree& cray(Tree& tree) {
  cray_counter(tree, "energy", 987'654'321);
  cray_counter(tree, "cpu_energy", 123'456'789);
  cray_counter(tree, "memory_energy", 45'678'901);
  for (int i = 0; i < 4; ++i) cray_counter(tree, "accel" + std::to_string(i) + "_energy", 100'000'000 + i);
  cray_counter(tree, "power", 1250, "W");
  return tree.file("sys/cray/pm_counters/raw_scan_hz", "10\n");
}

/// A battery that is being used, and the socket on the wall without current.
inline Tree& on_battery(Tree& tree) {
  tree.file("sys/class/power_supply/AC/type", "Mains\n").file("sys/class/power_supply/AC/online", "0\n");
  return tree.file("sys/class/power_supply/BAT0/type", "Battery\n")
      .file("sys/class/power_supply/BAT0/status", "Discharging\n")
      .file("sys/class/power_supply/BAT0/present", "1\n")
      .file("sys/class/power_supply/BAT0/model_name", "\xff\xfeLNV\n")
      .file("sys/class/power_supply/BAT0/power_now", "8123000\n");
}

}  // namespace perun::test
