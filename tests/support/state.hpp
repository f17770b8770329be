// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>

#include "support/hwmon.hpp"
#include "support/machines.hpp"

namespace perun::test {

/// Two sockets of two CPUs: clocks, temperatures (the second socket has no sensor of the whole), a limit, throttle counts.
inline Tree& processor_state(Tree& tree) {
  const std::string cpu = "sys/devices/system/cpu/";
  tree.file(cpu + "cpufreq/policy0/scaling_cur_freq", "2000000\n").file(cpu + "cpufreq/policy1/scaling_cur_freq", "3000000\n");
  for (int i = 0; i < 4; ++i) {
    const std::string one = cpu + "cpu" + std::to_string(i) + "/";
    tree.file(one + "topology/physical_package_id", std::to_string(i / 2) + "\n");
    tree.file(one + "thermal_throttle/package_throttle_count", i / 2 == 0 ? "5\n" : "7\n");
  }
  chip(tree, 20, "coretemp",
       {{"temp1_input", "71000"}, {"temp1_label", "Package id 0"}, {"temp2_input", "99000"}, {"temp2_label", "Core 0"}});
  chip(tree, 21, "coretemp", {{"temp1_input", "60000"}, {"temp2_input", "66000"}});
  zone(tree, "intel-rapl:0", "package-0", range_esu14, 3'000'000);
  return tree.file("sys/class/powercap/intel-rapl:0/constraint_0_power_limit_uw", "95000000\n");
}

}  // namespace perun::test
