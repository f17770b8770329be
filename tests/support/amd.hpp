// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "support/tree.hpp"

namespace perun::test {

/// A table gpu_metrics of a revision: numbers of so many bytes at places, all else 0xff, which says "not supported".
struct Place {
  std::size_t at;
  int bytes;
  std::uint64_t value;
};
inline std::string gpu_metrics(unsigned char format, unsigned char content, const std::vector<Place>& places,
                               std::size_t size = 256) {
  std::string table(size, '\xff');
  const auto length = static_cast<std::uint16_t>(size);
  std::memcpy(table.data(), &length, 2);
  table[2] = static_cast<char>(format);
  table[3] = static_cast<char>(content);
  for (const Place& p : places) std::memcpy(table.data() + p.at, &p.value, static_cast<std::size_t>(p.bytes));
  return table;
}

/// One card with its PCI address, without a meter.
inline Tree& amd_card(Tree& tree, int number, const std::string& address, const std::string& device = "0x740f") {
  const std::string at = "sys/class/drm/card" + std::to_string(number) + "/device/";
  return tree.file(at + "vendor", "0x1002\n")
      .file(at + "device", device + "\n")
      .file(at + "uevent", "DRIVER=amdgpu\nPCI_SLOT_NAME=" + address + "\n")
      .file(at + "gpu_busy_percent", "42\n")
      .file(at + "mem_info_vram_used", "1234567168\n");
}
inline std::string amd_file(int number, const std::string& file) {
  return "sys/class/drm/card" + std::to_string(number) + "/device/" + file;
}
inline Tree& amd_power(Tree& tree, int number, int watts) {
  return tree.file(amd_file(number, "hwmon/hwmon5/name"), "amdgpu\n")
      .file(amd_file(number, "hwmon/hwmon5/power1_input"), std::to_string(watts) + "000000\n");
}

}  // namespace perun::test
