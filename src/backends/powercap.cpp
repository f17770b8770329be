// SPDX-License-Identifier: BSD-3-Clause
#include "backends/powercap.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <map>
#include <set>
#include <string_view>
#include <system_error>
#include <tuple>

#include "backends/files.hpp"
#include "base/text.hpp"
#include "host/sysfs.hpp"

namespace perun {

namespace {

namespace fs = std::filesystem;

/// More than any machine has (32 sockets x 4 dies x 4 zones); each costs one open file.
constexpr std::size_t most_zones = 512;

/// A folder of the flat list: "intel-rapl-mmio:0:1" is control type, parent zone and own number.
struct Entry {
  std::string folder;
  bool mmio = false;
  std::string parent;  ///< folder name of the zone around it; empty at the top
};

std::optional<Entry> parse_folder(const std::string& folder) {
  const auto colon = folder.find(':');
  if (colon == std::string::npos) return std::nullopt;
  const std::string_view type(folder.data(), colon);
  if (type != "intel-rapl" && type != "intel-rapl-mmio") return std::nullopt;
  if (folder.find_first_not_of("0123456789abcdef:", colon) != std::string::npos) return std::nullopt;
  const auto last = folder.rfind(':');
  return Entry{folder, type == "intel-rapl-mmio", last == colon ? std::string() : folder.substr(0, last)};
}

/// Cuts "WORD-NUMBER" off `rest`, e.g. "package-12".
bool numbered(std::string_view& rest, std::string_view word, std::uint16_t& number) {
  if (!rest.starts_with(word)) return false;
  const auto [end, error] = std::from_chars(rest.data() + word.size(), rest.data() + rest.size(), number);
  if (error != std::errc{}) return false;
  rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
  return true;
}

/// What a zone's name says, or nothing for a name we do not know.
std::optional<PowercapZone> parse_name(std::string_view name) {
  PowercapZone zone;
  zone.name = name;
  if (name == "core") return zone.domain = Domain::cores, zone;
  if (name == "uncore") return zone.domain = Domain::uncore, zone;
  if (name == "dram") return zone.domain = Domain::dram, zone;
  if (name == "psys") return zone.domain = Domain::platform, zone;
  if (numbered(name, "psys-", zone.socket) && name.empty()) return zone.domain = Domain::platform, zone;
  std::uint16_t die = 0;
  if (!numbered(name, "package-", zone.socket)) return std::nullopt;
  if (numbered(name, "-die-", die)) zone.die = die;
  return name.empty() ? std::optional(zone) : std::nullopt;
}

bool is_top(const PowercapZone& zone) {
  return zone.domain == Domain::package || zone.domain == Domain::platform;
}

/// Reads the names behind the folders of one control type.
class Reader {
 public:
  Reader(fs::path root, PowercapZones& out) : root_(std::move(root)), out_(out) {}

  void take(const std::vector<Entry>& entries) {
    for (const Entry& entry : entries) {
      auto zone = named(entry);
      if (!zone) continue;
      if (out_.zones.size() == most_zones) return problem(entry, "is one zone too many", "");
      if (is_top(*zone)) {
        tops_.emplace(entry.folder, *zone);
      } else if (const auto top = tops_.find(entry.parent); top != tops_.end() && top->second.domain == Domain::package) {
        std::tie(zone->package, zone->socket, zone->die) = std::tie(top->second.name, top->second.socket, top->second.die);
      } else {
        problem(entry, fmt::format("('{}') belongs to no package zone", zone->name), "");
        continue;
      }
      if (seen_.insert(zone->package + ":" + zone->name).second)
        out_.zones.push_back(std::move(*zone));
      else
        problem(entry, fmt::format("repeats the name '{}' and is not used", zone->name), "");
    }
  }

 private:
  std::optional<PowercapZone> named(const Entry& entry) {
    const fs::path folder = root_ / entry.folder;
    const auto text = sysfs::text(folder / "name", 64);
    if (!text) {
      const int error = errno;
      std::error_code failed;
      if (fs::is_symlink(fs::symlink_status(folder, failed)) && !fs::exists(folder, failed))
        problem(entry, "is hidden in this container",
                "run it with --security-opt systempaths=unconfined, or mount /sys/devices/virtual/powercap into it");
      else
        problem(entry, "has no readable name: " + files::reason(error), "");
      return std::nullopt;
    }
    auto zone = parse_name(text::trim(*text));
    if (!zone) {
      problem(entry, fmt::format("has the unknown name '{}'", text::printable(text::trim(*text))), "");
      return std::nullopt;
    }
    zone->folder = folder;
    zone->mmio = entry.mmio;
    return zone;
  }

  void problem(const Entry& entry, const std::string& what, std::string hint) {
    out_.problems.push_back({"rapl", "zone " + entry.folder + " " + what, std::move(hint)});
  }

  fs::path root_;
  PowercapZones& out_;
  std::map<std::string, PowercapZone> tops_;
  std::set<std::string> seen_;
};

/// Problems of the same kind as one, naming the first: ten thousand broken zones are one line.
std::vector<BlockedSource> merged(const std::vector<BlockedSource>& problems) {
  constexpr std::size_t told = 4;
  std::vector<BlockedSource> out(problems.begin(),
                                 problems.begin() + static_cast<std::ptrdiff_t>(std::min(told, problems.size())));
  if (problems.size() > told) out.back().reason += fmt::format(", and {} more zones cannot be used", problems.size() - told);
  return out;
}

constexpr double micro = 1e-6;

bool believable(double watts) {
  return watts >= 1 && watts <= 1500;
}

}  // namespace

PowercapZones powercap_zones(const Host& host) {
  const fs::path root = host.at_sys("class/powercap");
  std::vector<Entry> msr, mmio;
  for (const std::string& folder : files::names(root))
    if (auto entry = parse_folder(folder)) (entry->mmio ? mmio : msr).push_back(std::move(*entry));
  // Parents before their children.
  const auto shorter = [](const Entry& a, const Entry& b) { return a.parent.empty() && !b.parent.empty(); };
  PowercapZones found;
  for (auto* entries : {&msr, &mmio}) {
    std::stable_sort(entries->begin(), entries->end(), shorter);
    if (found.zones.empty()) Reader(root, found).take(*entries);
  }
  found.problems = merged(found.problems);
  const auto key = [](const PowercapZone& z) {
    return std::tuple(z.domain == Domain::platform, z.socket, z.die, !is_top(z), z.domain);
  };
  std::stable_sort(found.zones.begin(), found.zones.end(), [&](const auto& a, const auto& b) { return key(a) < key(b); });
  return found;
}

std::optional<double> powercap_tdp_W(const PowercapZone& zone) {
  const auto microwatts = sysfs::integer(zone.folder / "constraint_0_max_power_uw");
  if (!microwatts) return std::nullopt;
  const double watts = static_cast<double>(*microwatts) * micro;
  return believable(watts) ? std::optional(watts) : std::nullopt;
}

double powercap_max_power_W(const PowercapZone& zone) {
  const double unknown = powercap_unlimited_W(zone.domain);
  double highest = 0;
  for (const int i : {0, 1, 2})
    for (const std::string_view kind : {"max_power_uw", "power_limit_uw"}) {
      const auto microwatts = sysfs::integer(zone.folder / fmt::format("constraint_{}_{}", i, kind));
      const double watts = microwatts ? static_cast<double>(*microwatts) * micro : 0;
      if (watts > 1500) return unknown;  // a limit the firmware opened: nothing is known
      if (believable(watts)) highest = std::max(highest, watts);
    }
  return highest > 0 ? 2 * highest : unknown;
}

std::int64_t powercap_range_uj(const PowercapZone& zone) {
  return std::max<std::int64_t>(sysfs::integer(zone.folder / "max_energy_range_uj").value_or(0), 0);
}

}  // namespace perun
