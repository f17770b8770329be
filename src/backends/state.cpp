// SPDX-License-Identifier: BSD-3-Clause
// What explains an energy without being one: clock, temperature, power limit and throttling of the processors. A few
// numbers a node, and each is looked at no more than once a second, since a look may wake a resting core.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backends/backend.hpp"
#include "backends/bracket.hpp"
#include "backends/files.hpp"
#include "backends/hwmon_scan.hpp"
#include "backends/powercap.hpp"
#include "base/text.hpp"
#include "host/sysfs.hpp"

namespace perun {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t shortest_ns = 1'000'000'000;
constexpr std::size_t most_files = 32;  ///< of one sensor; a larger machine is represented by as many, evenly spread

enum class Combine : unsigned char { mean, highest, sum };

/// One number out of several files.
struct Gathered {
  Combine combine;
  std::vector<Fd> files;
  Reading last{0, missing, 0};

  [[nodiscard]] std::int64_t value() const noexcept {
    std::int64_t sum = 0, highest = missing, good = 0;
    for (const Fd& file : files) {
      const std::int64_t raw = sysfs::reread(file);
      if (raw == missing) continue;
      if (__builtin_add_overflow(sum, raw, &sum)) return missing;
      highest = std::max(highest, raw);
      ++good;
    }
    if (good == 0) return missing;
    if (combine == Combine::highest) return highest;
    if (combine == Combine::mean) return sum / good;
    return static_cast<std::size_t>(good) == files.size() ? sum : missing;  // without one of them a sum would fall
  }
};

class State final : public Backend {
 public:
  State(std::vector<Gathered> all, std::vector<Sensor> sensors, std::int64_t (*now_ns)())
      : all_(std::move(all)), sensors_(std::move(sensors)), now_ns_(now_ns) {}

  std::span<const Sensor> sensors() const noexcept override { return sensors_; }

  void read(std::span<Reading> out) noexcept override {
    std::int64_t before = now_ns_();
    for (std::size_t i = 0; i < all_.size(); ++i) {
      Gathered& g = all_[i];
      // In between, the last reading is told again, with the time that it was made at.
      if (g.last.raw == missing || before - g.last.t_ns >= shortest_ns) {
        const std::int64_t raw = g.value();
        const std::int64_t after = now_ns_();
        g.last = bracketed(before, after, raw);
        before = after;
      }
      out[i] = g.last;
    }
  }

 private:
  std::vector<Gathered> all_;
  std::vector<Sensor> sensors_;
  std::int64_t (*now_ns_)();
};

/// Opens at most `most_files` of the paths, evenly spread; only what holds a number.
std::vector<Fd> open_some(const std::vector<fs::path>& paths) {
  std::vector<Fd> out;
  const std::size_t n = std::min(paths.size(), most_files);
  for (std::size_t i = 0; i < n; ++i) {
    Fd file = sysfs::open(paths[i * paths.size() / n]);
    if (file && sysfs::reread(file) != missing) out.push_back(std::move(file));
  }
  return out;
}

std::vector<fs::path> below(const fs::path& parent, std::string_view prefix, std::string_view file) {
  std::vector<fs::path> out;
  for (const std::string& name : files::names(parent)) {
    if (!name.starts_with(prefix)) continue;
    const auto number = std::string_view(name).substr(prefix.size());
    if (number.empty() || number.find_first_not_of("0123456789") != std::string_view::npos) continue;
    out.push_back(parent / name / file);
  }
  return out;
}

class Collector {
 public:
  explicit Collector(const Host& host) : host_(host) {}

  void clock() {
    const auto policies = below(host_.at_sys("devices/system/cpu/cpufreq"), "policy", "scaling_cur_freq");
    Sensor s = sensor("frequency", "CPU clock", "cpufreq", Quantity::frequency, Domain::cpu, 1e3);
    if (policies.size() > most_files) s.note = fmt::format("mean of {} of {} clock domains", most_files, policies.size());
    add(std::move(s), Combine::mean, policies);
  }

  /// The sensor of the whole package where it has one, else the hottest of its cores.
  void temperature() {
    std::uint16_t package = 0;
    for (const HwmonChip& chip : hwmon_chips(host_)) {
      if (chip.name != "coretemp" && chip.name != "k10temp" && chip.name != "zenpower") continue;
      std::vector<fs::path> inputs, whole;
      for (const fs::path& folder : {chip.folder, chip.folder / "device"})
        for (const std::string& file : files::names(folder)) {
          if (!file.starts_with("temp") || !file.ends_with("_input")) continue;
          inputs.push_back(folder / file);
          const auto label = sysfs::line(folder / (file.substr(0, file.size() - 5) + "label")).value_or("");
          if (label.starts_with("Package id") || label == "Tdie" || label == "Tctl") whole.push_back(folder / file);
        }
      add_temperature(package++, "hwmon " + chip.name, whole.empty() ? inputs : whole);
    }
    if (package > 0) return;
    std::map<std::string, std::vector<fs::path>> zones;  // by type
    for (const fs::path& type : below(host_.at_sys("class/thermal"), "thermal_zone", "type"))
      if (const auto name = sysfs::line(type).value_or(""); name == "x86_pkg_temp" || name.starts_with("cpu"))
        zones[name == "x86_pkg_temp" ? type.string() : "cpu"].push_back(type.parent_path() / "temp");
    for (const auto& [type, temps] : zones) add_temperature(package++, "thermal zone", temps);
  }

  void power_limit() {
    for (const PowercapZone& zone : powercap_zones(host_).zones)
      if (zone.domain == Domain::package && zone.die <= 0)
        add(sensor(fmt::format("power_limit:{}", zone.socket), fmt::format("cpu:{} power limit", zone.socket), "powercap",
                   Quantity::limit, Domain::package, 1e-6, zone.socket),
            Combine::highest, {zone.folder / "constraint_0_power_limit_uw"});
  }

  /// The packages' counts, told by the first CPU of each.
  void throttling() {
    std::map<std::int64_t, fs::path> packages;
    for (const fs::path& id : below(host_.at_sys("devices/system/cpu"), "cpu", "topology/physical_package_id"))
      if (const auto package = sysfs::integer(id))
        packages.emplace(*package, id.parent_path().parent_path() / "thermal_throttle/package_throttle_count");
    std::vector<fs::path> counts;
    counts.reserve(packages.size());
    for (const auto& [package, count] : packages) counts.push_back(count);
    Sensor s = sensor("throttled", "CPU throttled", "thermal_throttle", Quantity::events, Domain::cpu, 1);
    s.behavior = Behavior::counter;
    s.note = "times a package was slowed down for its temperature";
    add(std::move(s), Combine::sum, counts);
  }

  std::vector<Gathered> all;
  std::vector<Sensor> sensors;

 private:
  static Sensor sensor(std::string_view id, std::string_view label, std::string_view source, Quantity quantity, Domain domain,
                       double scale, std::uint16_t index = 0) {
    Sensor s{.id = "state:" + std::string(id), .label = std::string(label), .source = std::string(source)};
    s.quantity = quantity;
    s.behavior = Behavior::gauge;
    s.domain = domain;
    s.index = index;
    s.scale = scale;
    s.refresh_ns = shortest_ns;
    return s;
  }

  void add_temperature(std::uint16_t package, const std::string& source, const std::vector<fs::path>& files) {
    Sensor s = sensor(fmt::format("temperature:{}", package), fmt::format("cpu:{} temperature", package), source,
                      Quantity::temperature, Domain::package, 1e-3, package);
    s.resolution = 1000;
    add(std::move(s), Combine::highest, files);
  }

  void add(Sensor s, Combine combine, const std::vector<fs::path>& paths) {
    auto files = open_some(paths);
    if (files.empty()) return;
    all.push_back({combine, std::move(files)});
    sensors.push_back(std::move(s));
  }

  const Host& host_;
};

Probe probe(const ProbeContext& context) {
  if (!context.argument.empty()) return Invalid{"the backend state takes no argument"};
  Collector found(context.host);
  found.clock();
  found.temperature();
  found.power_limit();
  found.throttling();
  if (found.sensors.empty()) return Absent{};
  return std::make_unique<State>(std::move(found.all), std::move(found.sensors), context.host.now_ns);
}

}  // namespace

extern const BackendInfo state_backend;
const BackendInfo state_backend{"state", "clock, temperature, power limit and throttling of the processors",
                                BackendInfo::Use::automatic, &probe};

}  // namespace perun
