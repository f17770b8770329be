// SPDX-License-Identifier: BSD-3-Clause
// GPUs of AMD by the files of their kernel driver: the energy counter in gpu_metrics where it counts, else power. The
// library ROCm SMI helps where the table has a revision without known places.
#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "backends/backend.hpp"
#include "backends/bounded.hpp"
#include "backends/bracket.hpp"
#include "backends/files.hpp"
#include "backends/gpu_metrics.hpp"
#include "backends/hwmon_scan.hpp"
#include "backends/rocm_smi.hpp"
#include "base/text.hpp"
#include "host/sysfs.hpp"

namespace perun {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t ms = 1'000'000;
constexpr std::int64_t watch_ns = 30 * ms;  ///< the table is renewed about every ms
constexpr std::chrono::seconds patience{5};

/// One card with its open files.
struct Card {
  fs::path device, hwmon;
  std::string address;  ///< PCI: "0000:c1:00.0"
  Fd metrics, power;
  std::array<Fd, 5> state;  ///< as state_rows
  const RocmSmi* smi = nullptr;
  std::uint32_t smi_number = 0;
  Reading first{0, missing, 0};       ///< of its energy, when it was first looked at
  int energy_at = -1, power_at = -1;  ///< places of its readings
  std::array<int, 5> state_at{-1, -1, -1, -1, -1};
};

/// What explains a card's energy.
struct StateRow {
  std::string_view id, label;
  std::string_view file;  ///< of the device, or behind "hwmon/"
  Quantity quantity;
  double scale;
};
constexpr std::array<StateRow, 5> state_rows{{
    {"utilization", "utilization", "gpu_busy_percent", Quantity::utilization, 0.01},
    {"memory", "memory", "mem_info_vram_used", Quantity::bytes, 1},
    {"clock", "clock", "hwmon/freq1_input", Quantity::frequency, 1},
    {"temperature", "temperature", "hwmon/temp1_input", Quantity::temperature, 1e-3},
    {"limit", "power limit", "hwmon/power1_cap", Quantity::limit, 1e-6},
}};

GpuMetrics metrics_of(const Fd& file) noexcept {
  std::array<unsigned char, gpu_metrics_bytes> table;  // not zeroed: this runs at every tick
  const ssize_t n = file ? ::pread(file.get(), table.data(), table.size(), 0) : -1;
  return n <= 0 ? GpuMetrics{} : parse_gpu_metrics(std::span(table).first(static_cast<std::size_t>(n)));
}

/// The driver fetches the table for whoever reads it, and says when: that moment, where it lies within the read.
Reading at_table_time(std::int64_t before_ns, std::int64_t after_ns, std::int64_t boottime_ns, std::int64_t raw) noexcept {
  if (boottime_ns != missing) {
    const std::int64_t t_ns = boottime_ns - (clock_ns(CLOCK_BOOTTIME) - monotonic_ns());
    if (t_ns >= before_ns - 10 * ms && t_ns <= after_ns) return {t_ns, raw, 0};
  }
  return bracketed(before_ns, after_ns, raw);
}

struct Meters {
  std::int64_t energy = missing, power_mW = missing, boottime_ns = missing;
};

Meters meters_of(const Card& card) noexcept {
  Meters out;
  const GpuMetrics m = metrics_of(card.metrics);
  out = {m.energy, m.power_mW, m.boottime_ns};
  if (card.smi != nullptr && !m.known) out = {card.smi->energy(card.smi_number), card.smi->power_mW(card.smi_number), missing};
  if (const std::int64_t microwatts = sysfs::reread(card.power); card.power)
    out.power_mW = microwatts == missing ? missing : microwatts / 1000;
  return out;
}

class Amdgpu final : public Backend {
 public:
  Amdgpu(std::vector<Card> cards, std::vector<Sensor> sensors, std::vector<BlockedSource> blocked, Attributes facts,
         std::unique_ptr<RocmSmi> smi, std::int64_t (*now_ns)())
      : cards_(std::move(cards)),
        sensors_(std::move(sensors)),
        blocked_(std::move(blocked)),
        facts_(std::move(facts)),
        smi_(std::move(smi)),
        now_ns_(now_ns) {}

  std::span<const Sensor> sensors() const noexcept override { return sensors_; }
  std::span<const BlockedSource> blocked() const noexcept override { return blocked_; }
  std::span<const Attributes::value_type> facts() const noexcept override { return facts_; }
  /// The firmware answers, and on a busy card it may take its time.
  bool may_wait() const noexcept override { return true; }

  void read(std::span<Reading> out) noexcept override {
    for (const Card& card : cards_) {
      const std::int64_t before = now_ns_();
      const Meters m = meters_of(card);
      const std::int64_t after = now_ns_();
      if (card.energy_at >= 0)
        out[static_cast<std::size_t>(card.energy_at)] = at_table_time(before, after, m.boottime_ns, m.energy);
      if (card.power_at >= 0) out[static_cast<std::size_t>(card.power_at)] = bracketed(before, after, m.power_mW);
      for (std::size_t i = 0; i < card.state.size(); ++i) {
        if (card.state_at[i] < 0) continue;
        const std::int64_t start = now_ns_();
        const std::int64_t raw = sysfs::reread(card.state[i]);
        out[static_cast<std::size_t>(card.state_at[i])] = bracketed(start, now_ns_(), raw);
      }
    }
  }

  void recall(std::span<Reading> out) const noexcept override {
    for (const Card& card : cards_)
      if (card.energy_at >= 0 && card.first.raw != missing) out[static_cast<std::size_t>(card.energy_at)] = card.first;
  }

 private:
  std::vector<Card> cards_;
  std::vector<Sensor> sensors_;
  std::vector<BlockedSource> blocked_;
  Attributes facts_;
  std::unique_ptr<RocmSmi> smi_;
  std::int64_t (*now_ns_)();
};

/// Cards by /sys/class/drm, and those that only their hwmon chip shows (no display, no render node).
std::vector<Card> find_cards(const Host& host) {
  std::vector<Card> cards;
  std::set<fs::path> seen;
  std::error_code failed;
  const auto add = [&](const fs::path& device, fs::path hwmon) {
    const fs::path real = fs::canonical(device, failed);
    if (failed || !seen.insert(real).second) return;
    if (const fs::path chip = fs::canonical(hwmon, failed); !failed) seen.insert(chip);
    Card card{.device = device, .hwmon = std::move(hwmon), .address = {}, .metrics = {}, .power = {}, .state = {}};
    card.address = files::pci_address(device);
    cards.push_back(std::move(card));
  };
  for (const std::string& name : files::names(host.at_sys("class/drm"))) {
    const fs::path device = host.at_sys("class/drm") / name / "device";
    if (!name.starts_with("card") || name.find('-') != std::string::npos || sysfs::line(device / "vendor") != "0x1002")
      continue;
    const auto chips = files::names(device / "hwmon");
    add(device, device / "hwmon" / (chips.empty() ? "none" : chips.front()));
  }
  for (const HwmonChip& chip : hwmon_chips(host))
    if (chip.name == "amdgpu" && !seen.contains(fs::canonical(chip.folder, failed)))
      add(fs::exists(chip.folder / "device", failed) ? chip.folder / "device" : chip.folder, chip.folder);
  for (Card& card : cards) {
    card.metrics = sysfs::open(card.device / "gpu_metrics");
    for (const auto* file : {"power1_input", "power1_average"})
      if (!card.power) card.power = sysfs::open(card.hwmon / file);
    if (sysfs::reread(card.power) == missing) card.power.reset();
    for (std::size_t i = 0; i < state_rows.size(); ++i) {
      const std::string_view file = state_rows[i].file;
      const bool chip = file.starts_with("hwmon/");
      card.state[i] = sysfs::open(chip ? card.hwmon / file.substr(6) : card.device / file);
      if (sysfs::reread(card.state[i]) == missing) card.state[i].reset();
    }
  }
  return cards;
}

/// What is there at the start, and whether the counter is one: it turns, forward, and as the power says (0.1 to 10 times).
struct Seen {
  Meters first, last;
  std::int64_t ns = 0;

  [[nodiscard]] const char* distrust() const noexcept {
    if (last.energy == missing) return "cannot be read";
    if (last.energy == first.energy) return "stood still";
    if (last.energy < first.energy) return "went backward";
    const double joules = static_cast<double>(last.energy - first.energy) * gpu_metrics_step_J;
    const double expected = static_cast<double>(last.power_mW) * 1e-12 * static_cast<double>(ns);
    if (last.power_mW > 0 && (joules < 0.1 * expected || joules > 10 * expected)) return "does not fit the power";
    return nullptr;
  }
};

std::vector<Seen> watch(const Host& host, std::vector<Card>& cards) {
  constexpr timespec pause{0, ms};
  std::vector<Seen> seen(cards.size());
  const std::int64_t begin = host.now_ns();
  for (std::size_t i = 0; i < cards.size(); ++i) {
    const std::int64_t before = host.now_ns();
    const Meters& m = seen[i].first = meters_of(cards[i]);
    cards[i].first = at_table_time(before, host.now_ns(), m.boottime_ns, m.energy);
  }
  for (int i = 0; i < 30 && host.now_ns() - begin < watch_ns; ++i) ::nanosleep(&pause, nullptr);
  for (std::size_t i = 0; i < cards.size(); ++i) {
    seen[i].last = meters_of(cards[i]);
    seen[i].ns = host.now_ns() - begin;
  }
  return seen;
}

class Describer {
 public:
  Describer(const Host& host, std::vector<Card>& cards) : host_(host), cards_(cards) {}

  void describe() {
    std::vector<Seen> seen;
    if (std::any_of(cards_.begin(), cards_.end(), [](const Card& c) { return meters_of(c).energy != missing; }))
      seen = watch(host_, cards_);
    for (std::size_t i = 0; i < cards_.size(); ++i) add(cards_[i], seen.empty() ? Seen{} : seen[i]);
  }

  std::vector<Sensor> sensors;
  std::vector<BlockedSource> blocked;
  Attributes facts;

 private:
  static std::string word(const Card& card) {
    std::string id = sysfs::line(card.device / "unique_id").value_or("");
    if (id.empty() || id.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos) id = card.address;
    if (id.empty()) id = (card.device.filename() == "device" ? card.device.parent_path() : card.device).filename().string();
    std::replace_if(
        id.begin(), id.end(),
        [](char c) { return (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '.'; }, '-');
    return id;
  }

  /// A processor with graphics in one: only those have a supply called vddnb, and MI300A its own number.
  static Domain domain_of(const Card& card) {
    if (sysfs::line(card.device / "device") == "0x74a0") return Domain::module;
    if (sysfs::line(card.hwmon / "in1_label") == "vddnb" || metrics_of(card.metrics).apu) return Domain::apu;
    return Domain::gpu;
  }

  /// Two dies a card, and only one of them tells, for both (MI250, MI250X).
  static bool is_pair(const Card& card) {
    const auto number = sysfs::line(card.device / "device").value_or("");
    return number == "0x7408" || number == "0x740c";
  }

  Sensor& put(int& at, const std::string& id, std::string label, std::string source, Quantity quantity) {
    at = static_cast<int>(sensors.size());
    Sensor s{.id = fmt::format("amdgpu:{}:{}", word_, id), .label = std::move(label), .source = std::move(source)};
    s.quantity = quantity;
    s.behavior = quantity == Quantity::energy ? Behavior::counter : Behavior::gauge;
    s.domain = domain_;
    s.index = index_;
    sensors.push_back(std::move(s));
    return sensors.back();
  }

  void meter(Sensor& s, double scale, std::int64_t refresh_ns) const {
    s.scale = scale;
    s.refresh_ns = refresh_ns;
    s.systematic_percent = 5;
  }

  void add(Card& card, const Seen& seen) {
    word_ = word(card);
    domain_ = domain_of(card);
    index_ = next_[domain_]++;
    const std::string product = text::printable(sysfs::line(card.device / "product_name").value_or(""));
    const std::string kind = domain_ == Domain::apu ? " APU" : domain_ == Domain::module ? " module" : "";
    const std::string label =
        fmt::format("{}:{}{}{}{}", kind.empty() ? "gpu" : "cpu", index_, kind, product.empty() ? "" : " ", product);
    facts.emplace_back(fmt::format("amdgpu_{}", facts.size()),
                       fmt::format("{}, {}, {}", product.empty() ? "amdgpu" : product, word_, card.address));
    const Meters now = meters_of(card);
    const char* distrust = now.energy == missing ? nullptr : seen.distrust();
    const bool second_die = is_pair(card) && (now.power_mW == missing || now.power_mW == 0);
    if (!second_die) meters(card, label, now, distrust);
    if (second_die)
      facts.back().second += ", measured with the other die of its card";
    else if (card.energy_at < 0 && card.power_at < 0)
      blocked.push_back({"amdgpu", fmt::format("{} ({}): tells neither energy nor power", label, card.address), ""});
    state(card);
  }

  void meters(Card& card, const std::string& label, const Meters& now, const char* distrust) {
    const std::string table = card.smi != nullptr ? "rocm_smi" : "amdgpu gpu_metrics";
    const std::string both = is_pair(card) ? "both dies of the card" : "";
    const auto energy = [&] {
      Sensor& s = put(card.energy_at, "energy", label, table, Quantity::energy);
      meter(s, gpu_metrics_step_J, ms);
      s.note = distrust != nullptr ? fmt::format("{} when the run began: power counts in its place", distrust) : both;
      return s.id;
    };
    std::string whole;
    if (now.energy != missing && distrust == nullptr) whole = energy();
    if (now.power_mW != missing) {
      Sensor& s = put(card.power_at, "power", whole.empty() ? label : label + " power", card.power ? "amdgpu hwmon" : table,
                      Quantity::power);
      meter(s, 1e-3, 10 * ms);
      s.resolution = card.power ? 1 : 1000;
      s.part_of = whole;
      s.note = both;
      if (whole.empty()) whole = s.id;
    }
    if (now.energy != missing && distrust != nullptr) {
      card.first.raw = missing;
      energy();
      sensors.back().part_of = whole == sensors.back().id ? "" : whole;
    }
  }

  void state(Card& card) {
    for (std::size_t i = 0; i < state_rows.size(); ++i) {
      if (!card.state[i]) continue;
      const StateRow& row = state_rows[i];
      Sensor& s =
          put(card.state_at[i], std::string(row.id), fmt::format("gpu:{} {}", index_, row.label), "amdgpu", row.quantity);
      s.scale = row.scale;
      s.refresh_ns = 1000 * ms;
    }
  }

  const Host& host_;
  std::vector<Card>& cards_;
  std::string word_;
  Domain domain_ = Domain::gpu;
  std::uint16_t index_ = 0;
  std::map<Domain, std::uint16_t> next_;
};

/// For cards whose table is there but of no known revision.
std::unique_ptr<RocmSmi> ask_library(const Host& host, std::vector<Card>& cards) {
  const auto unknown = [](const Card& c) { return c.metrics && !metrics_of(c.metrics).known && !c.address.empty(); };
  if (std::none_of(cards.begin(), cards.end(), unknown)) return nullptr;
  auto answer = within(patience, [host] { return RocmSmi::open(host); });
  if (!answer || *answer == nullptr) return nullptr;
  for (Card& card : cards)
    if (unknown(card))
      if (const auto number = (*answer)->find(card.address)) card.smi = answer->get(), card.smi_number = *number;
  return std::move(*answer);
}

Probe probe(const ProbeContext& context) {
  if (!context.argument.empty()) return Invalid{"the backend amdgpu takes no argument"};
  std::vector<Card> cards = find_cards(context.host);
  std::erase_if(cards, [](const Card& c) { return !c.metrics && !c.power; });
  if (cards.empty()) return Absent{};
  auto smi = ask_library(context.host, cards);
  Describer all(context.host, cards);
  all.describe();
  if (all.sensors.empty() && !all.blocked.empty()) return Blocked{all.blocked.front().reason, ""};
  if (all.sensors.empty()) return Absent{};
  return std::make_unique<Amdgpu>(std::move(cards), std::move(all.sensors), std::move(all.blocked), std::move(all.facts),
                                  std::move(smi), context.host.now_ns);
}

/// The counters are watched for a while.
bool starts_slowly(const ProbeContext& context) {
  const auto drm = context.host.at_sys("class/drm");
  const auto names = files::names(drm);
  std::error_code failed;
  return context.argument.empty() && std::any_of(names.begin(), names.end(), [&](const std::string& name) {
           return name.find('-') == std::string::npos && fs::exists(drm / name / "device/gpu_metrics", failed);
         });
}

}  // namespace

extern const BackendInfo amdgpu_backend;
const BackendInfo amdgpu_backend{"amdgpu", "energy, power and state of AMD GPUs and APUs", BackendInfo::Use::automatic, &probe,
                                 &starts_slowly};

}  // namespace perun
