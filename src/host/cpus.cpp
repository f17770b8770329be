// SPDX-License-Identifier: BSD-3-Clause
#include "host/cpus.hpp"

#include <algorithm>
#include <limits>
#include <string>

#include "base/text.hpp"
#include "host/sysfs.hpp"

namespace perun {

namespace {

constexpr int highest_cpu = 65535;

std::optional<int> cpu_number(std::string_view digits) {
  const auto n = text::integer(digits);
  return n && *n >= 0 && *n <= highest_cpu ? std::optional(static_cast<int>(*n)) : std::nullopt;
}

}  // namespace

std::optional<std::vector<int>> parse_cpu_list(std::string_view list) {
  std::vector<int> cpus;
  for (const auto part : text::split(text::trim(list), ',')) {
    const auto dash = part.find('-');
    const auto first = cpu_number(part.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : cpu_number(part.substr(dash + 1));
    if (!first || !last || *first > *last || cpus.size() > std::size_t{highest_cpu}) return std::nullopt;
    for (int cpu = *first; cpu <= *last; ++cpu) cpus.push_back(cpu);
  }
  std::sort(cpus.begin(), cpus.end());
  cpus.erase(std::unique(cpus.begin(), cpus.end()), cpus.end());
  return cpus;
}

std::optional<CpuPlace> cpu_place(const Host& host, int cpu) {
  const auto folder = host.at_sys("devices/system/cpu/cpu" + std::to_string(cpu)) / "topology";
  const auto package = sysfs::integer(folder / "physical_package_id");
  if (!package || *package < 0 || *package > std::numeric_limits<std::uint16_t>::max()) return std::nullopt;
  const auto die = sysfs::integer(folder / "die_id").value_or(0);
  if (die < 0 || die > highest_cpu) return std::nullopt;
  return CpuPlace{cpu, static_cast<std::uint16_t>(*package), static_cast<int>(die)};
}

}  // namespace perun
