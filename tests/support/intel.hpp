// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdlib>
#include <string>

#include "support/nvidia.hpp"

namespace perun::test {

inline Tree& intel_card(Tree& tree, int number, const std::string& address) {
  const std::string at = "sys/class/drm/card" + std::to_string(number) + "/device/";
  return tree.file(at + "vendor", "0x8086\n").file(at + "uevent", "DRIVER=xe\nPCI_SLOT_NAME=" + address + "\n");
}

/// Level Zero with cards: lines as tests/support/fake/level_zero.cpp has them. One at a time.
inline Tree& level_zero(Tree& tree, const std::string& built, const std::string& lines) {
  tree.file("fake_ze", lines);
  ::setenv("FAKE_ZE", tree.at("fake_ze").c_str(), 1);
  return library(tree, "libze_loader.so.1", built);
}

}  // namespace perun::test
