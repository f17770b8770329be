// SPDX-License-Identifier: BSD-3-Clause
// What a laptop takes from its batteries. That is the whole machine's power only while nothing else feeds it.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backends/backend.hpp"
#include "backends/bracket.hpp"
#include "backends/files.hpp"
#include "base/text.hpp"
#include "host/sysfs.hpp"

namespace perun {
namespace {

namespace fs = std::filesystem;

/// A number that may be negative: some drivers show a current out of the battery so. `missing` for what is none.
std::int64_t magnitude(const Fd& file) noexcept {
  std::int64_t value = missing;
  const bool done = files::each_line(file, [&](std::string_view line) {
    std::string_view digits = files::word(line);
    if (digits.starts_with('-')) digits.remove_prefix(1);
    if (!files::number(digits, value)) value = missing;
    return files::Next::stop;
  });
  return done ? value : missing;
}

bool says(const Fd& file, std::string_view wanted) noexcept {
  bool same = false;
  const bool done = files::each_line(file, [&](std::string_view line) {
    same = text::trim(line) == wanted;
    return files::Next::stop;
  });
  return done && same;
}

/// One battery: power, or voltage and current.
struct Cell {
  Fd status, power, voltage, current;

  /// uW that flow, in whatever direction.
  [[nodiscard]] std::int64_t microwatts() const noexcept {
    if (power) return magnitude(power);
    const std::int64_t microvolts = magnitude(voltage), microamperes = magnitude(current);
    if (microvolts == missing || microamperes == missing) return missing;
    std::int64_t product = 0;
    return __builtin_mul_overflow(microvolts / 1000, microamperes / 1000, &product) ? missing : product;
  }
};

class Battery final : public Backend {
 public:
  Battery(std::vector<Cell> cells, std::vector<Fd> mains, std::vector<Sensor> sensors, std::int64_t (*now_ns)())
      : cells_(std::move(cells)), mains_(std::move(mains)), sensors_(std::move(sensors)), now_ns_(now_ns) {}

  std::span<const Sensor> sensors() const noexcept override { return sensors_; }
  bool may_wait() const noexcept override { return true; }

  /// Batteries that feed the machine read as missing while they do not.
  void read(std::span<Reading> out) noexcept override {
    bool plugged = false;
    for (const Fd& online : mains_) plugged = plugged || !says(online, "0");
    for (std::size_t i = 0; i < cells_.size(); ++i) {
      const std::int64_t before = now_ns_();
      const bool feeds = sensors_[i].domain == Domain::supply;
      // One of two batteries may rest while the other is used: that is 0 W from it, not unknown.
      const bool rests = feeds && (says(cells_[i].status, "Full") || says(cells_[i].status, "Not charging"));
      const bool flows = !feeds || says(cells_[i].status, "Discharging");
      const std::int64_t raw = feeds && plugged ? missing : rests ? 0 : flows ? cells_[i].microwatts() : missing;
      out[i] = bracketed(before, now_ns_(), raw);
    }
  }

 private:
  std::vector<Cell> cells_;
  std::vector<Fd> mains_;
  std::vector<Sensor> sensors_;
  std::int64_t (*now_ns_)();
};

std::string model_of(const fs::path& folder) {
  std::string out = text::to_utf8(sysfs::line(folder / "model_name").value_or(""));
  std::erase_if(out, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
  return out;
}

/// Letters, digits and '_' of a name, as ids need it.
std::string plain(std::string_view s) {
  std::string out(s.substr(0, 64));
  std::replace_if(
      out.begin(), out.end(),
      [](char c) {
        return text::lower({&c, 1}).find_first_of("abcdefghijklmnopqrstuvwxyz0123456789") != 0;
      },
      '_');
  return out;
}

Sensor describe(const std::string& name, const fs::path& folder, std::size_t number, const std::string& why_not) {
  const std::string model = model_of(folder);
  Sensor s{.id = "battery:" + plain(name), .label = "battery " + text::to_utf8(name), .source = "power_supply"};
  s.quantity = Quantity::power;
  s.behavior = Behavior::gauge;
  s.domain = why_not.empty() ? Domain::supply : Domain::rail;
  s.index = static_cast<std::uint16_t>(number);
  s.scale = 1e-6;
  s.resolution = 1000;
  s.refresh_ns = 10'000'000'000;  // 1 to 30 s, by the embedded controller
  s.max_power_W = 500;
  s.systematic_percent = 5;
  s.note = why_not.empty() ? "renewed every 1 to 30 s" : why_not;
  if (!model.empty()) s.note = "model " + model + "; " + s.note;
  return s;
}

Probe probe(const ProbeContext& context) {
  if (!context.argument.empty()) return Invalid{"the backend battery takes no argument"};
  const auto root = context.host.at_sys("class/power_supply");
  std::vector<Cell> cells;
  std::vector<Fd> mains;
  std::vector<std::string> names;
  std::string source;  // of power beside the batteries
  bool discharging = false;
  for (const std::string& name : files::names(root)) {
    const auto folder = root / name;
    const auto type = sysfs::line(folder / "type").value_or("");
    if (type.starts_with("Mains") || type.starts_with("USB") || type == "Wireless") {
      Fd online = sysfs::open(folder / "online");
      if (!online) continue;
      if (!says(online, "0") && source.empty()) source = text::to_utf8(name);
      mains.push_back(std::move(online));
    }
    if (type != "Battery" || sysfs::line(folder / "scope") == "Device" || sysfs::line(folder / "present") == "0") continue;
    Cell cell{sysfs::open(folder / "status"), sysfs::open(folder / "power_now"), sysfs::open(folder / "voltage_now"),
              sysfs::open(folder / "current_now")};
    if (cell.microwatts() == missing) continue;
    discharging = discharging || says(cell.status, "Discharging");
    cells.push_back(std::move(cell));
    names.push_back(name);
  }
  if (cells.empty()) return Absent{};
  const std::string why_not = !source.empty() ? fmt::format("{} is connected: this is not what the machine uses", source)
                              : !discharging  ? "not discharging: this is not what the machine uses"
                                              : "";
  std::vector<Sensor> sensors;
  for (std::size_t i = 0; i < names.size(); ++i) sensors.push_back(describe(names[i], root / names[i], i, why_not));
  return std::make_unique<Battery>(std::move(cells), std::move(mains), std::move(sensors), context.host.now_ns);
}

}  // namespace

extern const BackendInfo battery_backend;
const BackendInfo battery_backend{"battery", "what a laptop takes from its batteries while nothing else feeds it",
                                  BackendInfo::Use::automatic, &probe};

}  // namespace perun
