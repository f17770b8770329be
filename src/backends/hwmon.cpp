// SPDX-License-Identifier: BSD-3-Clause
// Power and energy channels of hwmon chips. What a channel covers is told by the table of hwmon_chips.cpp; what is not in it
// is listed, and read only if it is named.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "backends/backend.hpp"
#include "backends/bracket.hpp"
#include "backends/files.hpp"
#include "backends/hwmon_chips.hpp"
#include "backends/hwmon_scan.hpp"
#include "base/text.hpp"
#include "host/sysfs.hpp"

namespace perun {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_sensors = 256;

/// A sensor with its open files.
struct Meter {
  Sensor sensor;
  Fd file, current;  ///< `current` only where power is voltage x current
  const HwmonRow* row = nullptr;
  std::string chip, label, device;
};

class Hwmon final : public Backend {
 public:
  Hwmon(std::vector<Meter> meters, std::vector<BlockedSource> blocked, std::int64_t (*now_ns)())
      : meters_(std::move(meters)), blocked_(std::move(blocked)), now_ns_(now_ns) {
    for (const Meter& m : meters_) {
      sensors_.push_back(m.sensor);
      may_wait_ = may_wait_ || m.row == nullptr || m.row->refresh_ns >= 50'000'000 || m.current;
    }
  }

  std::span<const Sensor> sensors() const noexcept override { return sensors_; }
  std::span<const BlockedSource> blocked() const noexcept override { return blocked_; }
  bool may_wait() const noexcept override { return may_wait_; }

  void read(std::span<Reading> out) noexcept override {
    std::int64_t before = now_ns_();
    for (std::size_t i = 0; i < meters_.size(); ++i) {
      const std::int64_t raw = value(meters_[i]);
      const std::int64_t after = now_ns_();
      out[i] = bracketed(before, after, raw);
      before = after;
    }
  }

 private:
  static std::int64_t value(const Meter& m) noexcept {
    const std::int64_t raw = sysfs::reread(m.file);
    if (raw == 0 && m.row != nullptr && m.row->zero_is_missing) return missing;
    if (!m.current || raw == missing) return raw;
    const std::int64_t milliamperes = sysfs::reread(m.current);
    std::int64_t product = 0;
    return milliamperes == missing || __builtin_mul_overflow(raw, milliamperes, &product) ? missing : product;
  }

  std::vector<Meter> meters_;
  std::vector<Sensor> sensors_;
  std::vector<BlockedSource> blocked_;
  std::int64_t (*now_ns_)();
  bool may_wait_ = false;
};

/// Letters, digits, '-', '_' and '.' of a name; everything else becomes '-'.
std::string plain(std::string_view s) {
  std::string out = text::lower(s.substr(0, 64));
  for (char& c : out)
    if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '.') c = '-';
  return out;
}

/// What a file with milliseconds says; 0: nothing that can be.
std::int64_t interval_ns(const fs::path& folder, const std::string& file) {
  const auto ms = sysfs::integer(folder / file);
  return ms && *ms > 0 && *ms < 3'600'000 ? *ms * 1'000'000 : 0;
}

std::int64_t refresh_ns(const fs::path& folder, const HwmonChannel& channel, const HwmonRow* row) {
  for (const std::string& file : {channel.key + "_average_interval", std::string("update_interval")})
    if (const auto ns = interval_ns(folder, file); ns > 0) return ns;
  return row != nullptr ? row->refresh_ns : 0;
}

/// Number at the end of a label: "Esocket1", "CPU Power Socket 1".
std::optional<std::uint16_t> number_of(std::string_view label) {
  const auto digits = label.substr(label.find_last_not_of("0123456789") + 1);
  const auto value = text::integer(digits);
  return value && *value < 65536 ? std::optional(static_cast<std::uint16_t>(*value)) : std::nullopt;
}

std::string label_of(const Meter& m) {
  const int n = m.sensor.index;
  switch (m.sensor.domain) {
    case Domain::package:
      return fmt::format("cpu:{} package", n);
    case Domain::uncore:
      return fmt::format("cpu:{} I/O", n);
    case Domain::module:
      return fmt::format("cpu:{} module", n);
    case Domain::superchip:
      return fmt::format("cpu:{} superchip", n);
    case Domain::apu:
      return fmt::format("cpu:{} APU", n);
    case Domain::gpu:
      return m.row->part_of.empty() ? fmt::format("gpu:{}", n) : fmt::format("gpu:{} {}", n, m.label);
    case Domain::node:
      return "node";
    case Domain::supply:
      return fmt::format("supply:{}", n);
    default:
      return m.label.empty() ? m.sensor.id.substr(6) : m.label;
  }
}

/// All meters of a machine as they are gathered.
class Collector {
 public:
  void add(const HwmonChip& chip) {
    for (const fs::path& folder : {chip.folder, chip.folder / "device"}) {
      const auto found = hwmon_channels(folder, chip.name);
      for (const HwmonChannel& channel : found) add(chip, folder, channel);
      if (!found.empty()) return;
    }
  }

  /// Numbers, names and containments, which depend on what else there is.
  void finish(bool jetson) {
    const bool input =
        std::any_of(meters.begin(), meters.end(), [](const Meter& m) { return m.sensor.domain == Domain::node; });
    std::map<std::pair<Domain, const HwmonRow*>, std::uint16_t> count;
    std::map<Domain, std::uint16_t> gpus;
    for (Meter& m : meters) {
      // Rails without an input are all there is on a Jetson AGX.
      if (jetson && !input && m.chip == "ina3221") m.sensor.domain = Domain::supply;
      auto& next =
          m.sensor.domain == Domain::gpu && m.row->part_of.empty() ? gpus[m.sensor.domain] : count[{m.sensor.domain, m.row}];
      const bool by_label = m.sensor.domain != Domain::gpu && m.sensor.domain != Domain::supply;
      m.sensor.index = (by_label ? number_of(m.label) : std::nullopt).value_or(next);
      ++next;
    }
    one_node_meter();
    name();
    for (Meter& m : meters) {
      if (m.row != nullptr && !m.row->part_of.empty() && m.sensor.domain != Domain::supply) m.sensor.part_of = container(m);
      m.sensor.label = label_of(m);
    }
  }

  std::vector<Meter> meters;
  std::vector<BlockedSource> blocked;

 private:
  void add(const HwmonChip& chip, const fs::path& folder, const HwmonChannel& channel) {
    if (meters.size() == most_sensors) return;
    Meter m;
    m.chip = chip.name;
    m.label = channel.label;
    m.device = chip.device;
    m.row = find_hwmon_row(chip.name, channel.label);
    const bool product = channel.key.starts_with("in");
    m.file = sysfs::open(folder / channel.value);
    int error = m.file ? 0 : errno;
    if (product) m.current = sysfs::open(folder / fmt::format("curr{}_input", channel.key.substr(2)));
    if (product && !m.current) return;  // a voltage alone
    errno = 0;
    if (m.file && sysfs::reread(m.file) == missing) error = errno != 0 ? errno : EINVAL;
    if (error != 0) {
      if (m.row != nullptr && m.row->domain != Domain::rail) refuse(folder / channel.value, error);
      return;
    }
    Sensor& s = m.sensor;
    s.id = plain(channel.label.empty() ? channel.key : channel.label);
    s.source = "hwmon " + (chip.name.empty() ? "without name" : chip.name);
    const bool counter = channel.key.starts_with("energy");
    s.quantity = counter ? Quantity::energy : Quantity::power;
    s.behavior = counter ? Behavior::counter : Behavior::gauge;
    s.scale = 1e-6;
    s.resolution = counter ? 1 : 1000;
    s.domain = m.row == nullptr ? Domain::rail : m.row->domain;
    s.refresh_ns = refresh_ns(folder, channel, m.row);
    if (channel.value.ends_with("_average")) s.averaging_ns = interval_ns(folder, channel.key + "_average_interval");
    s.note = m.row == nullptr ? "perun does not know this chip" : m.row->note;
    if (m.row != nullptr) {
      s.max_power_W = m.row->max_power_W;
      s.systematic_percent = m.row->systematic_percent;
    }
    meters.push_back(std::move(m));
  }

  void refuse(const fs::path& file, int error) {
    const bool denied = error == EACCES || error == EPERM;
    const std::string why = error == EINVAL ? "does not hold a number" : files::reason(error);
    blocked.push_back({"hwmon", file.string() + ": " + why,
                       denied ? fmt::format("sudo chmod a+r {} (until reboot; lets every user read it)", file.string()) : ""});
  }

  /// Of several meters that may each be the whole machine only the first can be believed to be it.
  void one_node_meter() {
    bool any = false;
    for (Meter& m : meters) {
      if (m.sensor.domain != Domain::node) continue;
      if (any) m.sensor.domain = Domain::rail;
      any = true;
    }
  }

  /// Ids from chip and label; where that is not unique, with the device.
  void name() {
    std::map<std::string, int> taken;
    for (const Meter& m : meters) ++taken[m.chip + ":" + m.sensor.id];
    std::set<std::string> used;
    for (Meter& m : meters) {
      std::string chip = m.chip.empty() ? "unnamed" : plain(m.chip);
      if (taken[m.chip + ":" + m.sensor.id] > 1) chip += "." + plain(m.device);
      const std::string id = fmt::format("hwmon:{}:{}", chip, m.sensor.id);
      m.sensor.id = id;
      for (int k = 2; !used.insert(m.sensor.id).second; ++k) m.sensor.id = fmt::format("{}.{}", id, k);
    }
  }

  /// The meter that includes `m`: by label, of the same chip (Jetson: of any), and with its number where there are several.
  [[nodiscard]] std::string container(const Meter& m) const {
    for (const Meter& whole : meters) {
      const bool numbered = m.sensor.domain != Domain::rail && m.sensor.domain != Domain::gpu;
      if (&whole == &m || whole.row == nullptr || whole.row == m.row || whole.chip != m.chip) continue;
      if (!text::glob(m.row->part_of, whole.label) || whole.sensor.domain == Domain::rail) continue;
      if (numbered ? whole.sensor.index == m.sensor.index : whole.device == m.device || whole.sensor.domain == Domain::node)
        return whole.sensor.id;
    }
    return "";
  }
};

Probe probe(const ProbeContext& context) {
  if (!context.argument.empty()) return Invalid{"the backend hwmon takes no argument"};
  Collector found;
  for (const HwmonChip& chip : hwmon_chips(context.host))
    if (chip.name != "amdgpu") found.add(chip);  // the backend amdgpu knows more of those
  found.finish(sysfs::text(context.host.at_proc("device-tree/model"), 256).value_or("").find("Jetson") != std::string::npos);
  if (!found.meters.empty())
    return std::make_unique<Hwmon>(std::move(found.meters), std::move(found.blocked), context.host.now_ns);
  if (found.blocked.empty()) return Absent{};
  return Blocked{found.blocked.front().reason, found.blocked.front().hint};
}

}  // namespace

extern const BackendInfo hwmon_backend;
const BackendInfo hwmon_backend{"hwmon", "power meters of sockets, cards, rails and whole machines (hwmon)",
                                BackendInfo::Use::automatic, &probe};

}  // namespace perun
