// SPDX-License-Identifier: BSD-3-Clause
#include "backends/hwmon_scan.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <system_error>
#include <tuple>
#include <utility>

#include "backends/files.hpp"
#include "backends/hwmon_chips.hpp"
#include "base/text.hpp"
#include "host/sysfs.hpp"

namespace perun {

namespace {

namespace fs = std::filesystem;

std::string printable_line(const fs::path& file) {
  std::string out = text::to_utf8(sysfs::line(file).value_or(""));
  std::replace_if(
      out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  return out.substr(0, out.find('\0'));
}

/// "power12_average" -> "power12"; nothing for other files.
std::optional<std::string> key_of(std::string_view file, std::string_view kind, std::string_view suffix) {
  if (!file.starts_with(kind) || !file.ends_with(suffix) || file.size() <= kind.size() + suffix.size()) return std::nullopt;
  const auto digits = file.substr(kind.size(), file.size() - kind.size() - suffix.size());
  if (digits.size() > 4 || digits.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  return std::string(kind) + std::string(digits);
}

}  // namespace

std::vector<HwmonChip> hwmon_chips(const Host& host) {
  std::vector<fs::path> folders;
  const auto take_all = [&](const fs::path& parent) {
    for (const std::string& name : files::names(parent)) folders.push_back(parent / name);
  };
  take_all(host.at_sys("class/hwmon"));
  for (const std::string& card : files::names(host.at_sys("class/drm")))
    if (card.starts_with("card") && card.find('-') == std::string::npos)
      take_all(host.at_sys("class/drm") / card / "device/hwmon");
  for (const std::string& device : files::names(host.at_sys("bus/i2c/drivers/ina3221")))
    take_all(host.at_sys("bus/i2c/drivers/ina3221") / device / "hwmon");

  std::vector<HwmonChip> out;
  std::set<fs::path> seen;
  std::error_code failed;
  for (const fs::path& folder : folders) {
    const fs::path real = fs::canonical(folder, failed);
    if (failed || !seen.insert(real).second) continue;
    HwmonChip chip{folder, printable_line(folder / "name"), ""};
    if (chip.name.empty()) chip.name = printable_line(folder / "device/name");
    if (mirrors_power_supply(chip.name)) continue;
    const fs::path device = fs::canonical(folder / "device", failed);
    chip.device = failed || device.parent_path() == real ? folder.filename().string() : device.filename().string();
    out.push_back(std::move(chip));
  }
  std::stable_sort(out.begin(), out.end(), [](const HwmonChip& a, const HwmonChip& b) {
    return std::tie(a.name, a.device) < std::tie(b.name, b.device);
  });
  return out;
}

std::vector<HwmonChannel> hwmon_channels(const fs::path& folder, std::string_view chip) {
  std::map<std::string, HwmonChannel> found;  // by key
  for (const std::string& file : files::names(folder)) {
    if (const auto key = key_of(file, "energy", "_input")) found[*key] = {*key, file, ""};
    // The mean says more of the energy than a moment's value, so "average" goes before "input".
    if (const auto key = key_of(file, "power", "_average")) found[*key] = {*key, file, ""};
    if (const auto key = key_of(file, "power", "_input")) found.try_emplace(*key, HwmonChannel{*key, file, ""});
    if (chip == "ina3221")
      if (const auto key = key_of(file, "in", "_input")) found[*key] = {*key, file, ""};
  }
  std::vector<HwmonChannel> out;
  std::set<std::string> counted;  // labels of counters, which stand before "in" and "power"
  for (auto& [key, channel] : found) {
    channel.label = printable_line(folder / (key + "_label"));
    if (channel.label.empty()) channel.label = printable_line(folder / (key + "_oem_info"));
    if (channel.label == "NC" || channel.label == "sum of shunt voltages" || channel.label.starts_with("Ecore")) continue;
    if (key.starts_with("energy")) counted.insert(channel.label);
    if (key.starts_with("power") && !channel.label.empty() && counted.contains(channel.label)) continue;
    out.push_back(channel);
  }
  return out;
}

}  // namespace perun
