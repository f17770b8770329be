// SPDX-License-Identifier: BSD-3-Clause
// All backends on a made-up /sys and /proc: powercap zones, stat, meminfo, diskstats, net/dev and what comes after them.
#include <array>
#include <cmath>
#include <set>

#include "backends/list.hpp"
#include "backends/select.hpp"
#include "base/missing.hpp"
#include "base/text.hpp"
#include "fuzz/driver.hpp"
#include "fuzz/tree_input.hpp"

namespace perun::fuzz {

namespace {

void check_sensor(const Sensor& s) {
  check(!s.id.empty() && s.id == text::printable(s.id), "an id is not empty and can be shown");
  check(s.label == text::printable(s.label) && s.note == text::printable(s.note), "label and note can be shown");
  check(s.resolution >= 1 && s.wraps_at >= 0 && s.refresh_ns >= 0, "steps, ranges and periods are not negative");
  check(std::isfinite(s.scale) && s.scale > 0, "a scale is positive");
  check(std::isfinite(s.max_power_W) && s.max_power_W >= 0, "the greatest power is a power");
}

void check_list(const Sources& sources) {
  std::set<std::string> ids, counted;
  for (const Listed& l : sources.listed) {
    check_sensor(l.sensor);
    check(ids.insert(l.sensor.id).second, "ids are unique");
    if (l.sensor.counted) counted.insert(l.sensor.id);
  }
  for (const Listed& l : sources.listed)
    check(!l.sensor.counted || !counted.contains(l.sensor.part_of), "nothing counts beside what includes it");
  const std::string text = list_text(sources);
  for (const auto line : text::split(text, '\n')) check(line == text::printable(line), "the list can be shown");
  check(!list_json(sources).dump().empty(), "the list is JSON");
}

}  // namespace

void one_input(std::string_view input) {
  static TreeInput tree;
  tree.build(input);
  const auto sources = open_sources(tree.host(), {});
  check(static_cast<bool>(sources), "whatever a machine holds is no error of the user");
  check_list(*sources);
  for (int round = 0; round < 2; ++round)
    for (const auto& backend : sources->backends) {
      std::vector<Reading> readings(backend->sensors().size());
      backend->read(readings);
      for (const Reading& r : readings) check(r.raw == missing || r.raw >= 0, "a reading is missing or not negative");
    }
}

std::span<const std::string_view> dictionary() {
  static constexpr std::array<std::string_view, 24> words{"\n@sys/class/powercap/intel-rapl:1/name\npackage-1\n",
                                                          "\n@sys/class/powercap/intel-rapl:1/energy_uj\n7\n",
                                                          "\n@sys/class/powercap/intel-rapl:0/energy_uj/\n",
                                                          "\n@sys/class/powercap/intel-rapl:2 -> intel-rapl:2\n",
                                                          "package-",
                                                          "-die-",
                                                          "psys",
                                                          "dram",
                                                          "core",
                                                          "uncore",
                                                          "intel-rapl-mmio:",
                                                          ":0",
                                                          "energy_uj",
                                                          "max_energy_range_uj",
                                                          "constraint_0_max_power_uw",
                                                          "\n@proc/",
                                                          "cpu ",
                                                          "MemTotal:",
                                                          "MemAvailable:",
                                                          " kB\n",
                                                          "eth0:",
                                                          "\n   8       0 sda ",
                                                          "AuthenticAMD",
                                                          " -> ../"};
  return words;
}

}  // namespace perun::fuzz
