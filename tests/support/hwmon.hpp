// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/tree.hpp"

namespace perun::test {

/// One hwmon chip with its files.
inline Tree& chip(Tree& tree, int number, std::string_view name,
                  const std::vector<std::pair<std::string, std::string>>& files) {
  const std::string at = "sys/class/hwmon/hwmon" + std::to_string(number) + "/";
  tree.file(at + "name", std::string(name) + "\n");
  for (const auto& [file, text] : files) tree.file(at + file, text + "\n");
  return tree;
}

/// Grace through ACPI power meters; with a GPU there is one for the whole superchip too.
inline Tree& grace(Tree& tree, bool hopper) {
  const auto meter = [&](int number, const char* what, const char* microwatts) {
    chip(tree, number, "power_meter",
         {{"device/power1_oem_info", std::string(what) + " Power Socket 0"},
          {"device/power1_average_interval", "50"},
          {"device/power1_average", microwatts}});
  };
  if (hopper) meter(1, "Module", "412000000");
  meter(2, "Grace", "98000000");
  meter(3, "CPU", "61000000");
  meter(4, "SysIO", "14000000");
  return tree;
}

}  // namespace perun::test
