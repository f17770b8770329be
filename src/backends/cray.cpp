// SPDX-License-Identifier: BSD-3-Clause
// Counters of HPE Cray blades in /sys/cray/pm_counters: energy of the node and of parts of it, renewed ten times a second.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backends/backend.hpp"
#include "backends/bracket.hpp"
#include "backends/files.hpp"
#include "host/sysfs.hpp"

namespace perun {
namespace {

/// The number of a file like "987654321 J 1700000000000000 us". The unit must be joule.
std::int64_t read_joules(const Fd& file) noexcept {
  std::int64_t joules = missing;
  const bool done = files::each_line(file, [&](std::string_view line) {
    std::int64_t value = 0;
    if (files::number(line, value) && files::word(line) == "J") joules = value;
    return files::Next::stop;
  });
  return done ? joules : missing;
}

class Cray final : public Backend {
 public:
  Cray(std::vector<Sensor> sensors, std::vector<Fd> files, std::vector<BlockedSource> blocked, std::int64_t (*now_ns)())
      : sensors_(std::move(sensors)), files_(std::move(files)), blocked_(std::move(blocked)), now_ns_(now_ns) {}

  std::span<const Sensor> sensors() const noexcept override { return sensors_; }
  std::span<const BlockedSource> blocked() const noexcept override { return blocked_; }

  void read(std::span<Reading> out) noexcept override {
    std::int64_t before = now_ns_();
    for (std::size_t i = 0; i < files_.size(); ++i) {
      const std::int64_t joules = read_joules(files_[i]);
      const std::int64_t after = now_ns_();
      out[i] = bracketed(before, after, joules);
      before = after;
    }
  }

 private:
  std::vector<Sensor> sensors_;
  std::vector<Fd> files_;
  std::vector<BlockedSource> blocked_;
  std::int64_t (*now_ns_)();
};

/// A file and what it counts.
struct Counter {
  std::string file, id, label;
  Domain domain;
  std::uint16_t index = 0;
};

std::vector<Counter> counters(const std::vector<std::string>& names) {
  std::vector<Counter> out{{"energy", "node", "node", Domain::node},
                           {"cpu_energy", "cpu", "cpu", Domain::cpu},
                           {"memory_energy", "memory", "memory", Domain::memory}};
  std::erase_if(out, [&](const Counter& c) { return !std::binary_search(names.begin(), names.end(), c.file); });
  for (const std::string& name : names) {
    std::string_view rest = name;
    if (!rest.starts_with("accel") || !rest.ends_with("_energy")) continue;
    rest = rest.substr(5, rest.size() - 12);
    std::int64_t number = 0;
    std::string_view digits = rest;
    if (!files::number(digits, number) || !digits.empty() || number > 999) continue;
    out.push_back({name, fmt::format("accel{}", number), fmt::format("gpu:{} module", number), Domain::gpu,
                   static_cast<std::uint16_t>(number)});
  }
  return out;
}

Sensor describe(const Counter& counter, bool node, std::int64_t refresh_ns) {
  Sensor s{.id = "cray:" + counter.id, .label = counter.label, .source = "cray pm_counters"};
  s.domain = counter.domain;
  s.index = counter.index;
  s.refresh_ns = refresh_ns;
  s.max_power_W = counter.domain == Domain::node ? 15'000 : 3000;
  s.systematic_percent = 3;
  if (node && counter.domain != Domain::node) s.part_of = "cray:node";
  return s;
}

Probe probe(const ProbeContext& context) {
  if (!context.argument.empty()) return Invalid{"the backend cray takes no argument"};
  const auto folder = context.host.at_sys("cray/pm_counters");
  const auto found = counters(files::names(folder));
  if (found.empty()) return Absent{};
  const std::int64_t hz = std::clamp<std::int64_t>(sysfs::integer(folder / "raw_scan_hz").value_or(10), 1, 1000);
  std::vector<Sensor> sensors;
  std::vector<Fd> open;
  std::vector<BlockedSource> blocked;
  bool node = false;
  for (const Counter& counter : found) {
    const auto path = folder / counter.file;
    Fd file = sysfs::open(path);
    const int error = file ? 0 : errno;
    if (read_joules(file) == missing) {
      blocked.push_back({"cray", path.string() + ": " + (error != 0 ? files::reason(error) : "does not hold joules"), ""});
      continue;
    }
    node = node || counter.domain == Domain::node;
    sensors.push_back(describe(counter, node, 1'000'000'000 / hz));
    open.push_back(std::move(file));
  }
  if (sensors.empty()) return Blocked{blocked.front().reason, blocked.front().hint};
  return std::make_unique<Cray>(std::move(sensors), std::move(open), std::move(blocked), context.host.now_ns);
}

}  // namespace

extern const BackendInfo cray_backend;
const BackendInfo cray_backend{"cray", "energy of HPE Cray nodes, processors, memory and accelerators",
                               BackendInfo::Use::automatic, &probe};

}  // namespace perun
