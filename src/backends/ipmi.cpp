// SPDX-License-Identifier: BSD-3-Clause
// What the whole machine takes, by its management controller (BMC) through the kernel's IPMI driver: an energy counter where
// the maker has one (Lenovo, by its own command or by Node Manager's), else power by DCMI, else by Intel's Node Manager. Only
// when asked for: a request takes 5 to 200 ms of the controller. Sources: IPMI 2.0; DCMI 1.5, section 6.6.1; Lenovo's OEM
// command as Slurm's and EAR's sources use it; Intel Node Manager 2.0, Get Node Manager Statistics, and the energy that
// Lenovo's controllers add to it, as EAR uses them.
#include <fcntl.h>
#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "backends/backend.hpp"
#include "backends/bracket.hpp"
#include "backends/files.hpp"

namespace perun {
namespace {

constexpr std::int64_t second = 1'000'000'000;
using Bytes = std::array<std::uint8_t, 64>;

constexpr std::array<std::uint8_t, 4> dcmi_power{0xDC, 0x01, 0x00, 0x00};
constexpr std::array<std::uint8_t, 5> lenovo_energy{0x04, 0x02, 0x00, 0x00, 0x00};
constexpr std::array<std::uint8_t, 6> node_manager_power{0x57, 0x01, 0x00, 0x01, 0x00, 0x00};  ///< maker, power, the platform
constexpr std::array<std::uint8_t, 6> node_manager_place{0x66, 0x4A, 0x00, 0x00, 0x00, 0x01};  ///< maker; where it keeps what
constexpr std::int64_t lenovo = 0x004A66, intel = 0x000157;

std::int64_t number(const Bytes& bytes, std::size_t at, int count) noexcept {
  std::int64_t value = 0;
  for (int i = count; i-- > 0;) value = value << 8 | bytes[at + static_cast<std::size_t>(i)];
  return value;
}

/// The eight bytes that an answer of `n` ends with, the highest first.
std::uint64_t number_at_end(const Bytes& bytes, int n) noexcept {
  std::uint64_t value = 0;
  for (int i = n - 8; i < n; ++i) value = value << 8 | bytes[static_cast<std::size_t>(i)];
  return value;
}

/// The controller and the questions it is asked.
class Bmc {
 public:
  Bmc(Fd device, decltype(Host::ask_ipmi) seam) : device_(std::move(device)), ask_(seam) {}

  /// W; `missing` while it does not measure, and for 0: what is switched on draws more.
  [[nodiscard]] std::int64_t power_W() const noexcept {
    Bytes answer{};
    constexpr int whole = 19;
    if (ask({0x2C, 0x02, dcmi_power}, answer) < whole || answer[1] != 0xDC || (answer[18] & 0x40) == 0) return missing;
    const std::int64_t watts = number(answer, 2, 2);
    return watts > 0 ? watts : missing;
  }

  /// W, by Intel's Node Manager, which answers Intel's controllers only.
  [[nodiscard]] std::int64_t node_manager_W() const noexcept {
    Bytes answer{};
    constexpr int whole = 20;
    if (ask({0x2E, 0xC8, node_manager_power}, answer) < whole || number(answer, 1, 3) != intel) return missing;
    const std::int64_t watts = number(answer, 4, 2);
    return watts > 0 ? watts : missing;
  }

  /// mJ.
  [[nodiscard]] std::int64_t energy_mJ() const noexcept {
    Bytes answer{};
    constexpr int whole = 15;
    if (ask({0x3A, 0x32, lenovo_energy}, answer) < whole) return missing;
    const std::int64_t joules = number(answer, 3, 4), more = number(answer, 7, 2);
    return joules > 0 && more < 1000 ? joules * 1000 + more : missing;
  }

  /// mJ since the controller started, in 64 bits; Lenovo's controllers only. Where they keep it is asked once.
  [[nodiscard]] std::int64_t node_manager_mJ() const noexcept {
    Bytes answer{};
    if (place_ < 0) {
      constexpr int with_place = 8;
      if (ask({0x2E, 0x82, node_manager_place}, answer) < with_place || number(answer, 1, 3) != lenovo) return missing;
      place_ = answer[7];
    }
    const std::array<std::uint8_t, 8> question{0x66, 0x4A, 0x00, static_cast<std::uint8_t>(place_), 0x01, 0x82, 0x00, 0x08};
    constexpr int maker_and_number = 12;
    const int n = ask({0x2E, 0x81, question}, answer);
    if (n < maker_and_number || n > static_cast<int>(answer.size()) || number(answer, 1, 3) != lenovo) return missing;
    const std::uint64_t mJ = number_at_end(answer, n);
    return mJ > 0 && mJ <= INT64_MAX ? static_cast<std::int64_t>(mJ) : missing;
  }

  [[nodiscard]] std::optional<std::int64_t> maker() const noexcept {
    Bytes answer{};
    if (ask({0x06, 0x01, {}}, answer) < 10) return std::nullopt;
    return number(answer, 7, 3);
  }

  /// Why the last question had no good answer.
  [[nodiscard]] std::string trouble() const {
    if (error_ != 0) return files::reason(error_);
    return code_ == 0 ? "it does not measure at present" : fmt::format("completion code {:#04x}", code_);
  }

 private:
  /// Bytes of a good answer, else -1.
  int ask(const IpmiRequest& request, Bytes& answer) const noexcept {
    const int n = ask_(device_, request, answer);
    error_ = n < 0 ? errno : 0;
    code_ = n > 0 ? answer[0] : 0;
    return n > 0 && answer[0] == 0 ? n : -1;
  }

  Fd device_;
  decltype(Host::ask_ipmi) ask_;
  mutable int error_ = 0, code_ = 0, place_ = -1;
};

using Ask = std::int64_t (Bmc::*)() const noexcept;

class Ipmi final : public Backend {
 public:
  Ipmi(Bmc bmc, std::vector<Sensor> sensors, std::vector<Ask> questions, std::int64_t (*now_ns)())
      : bmc_(std::move(bmc)), sensors_(std::move(sensors)), questions_(std::move(questions)), now_ns_(now_ns) {}

  std::span<const Sensor> sensors() const noexcept override { return sensors_; }
  bool may_wait() const noexcept override { return true; }

  void read(std::span<Reading> out) noexcept override {
    for (std::size_t i = 0; i < sensors_.size(); ++i) {
      const std::int64_t before = now_ns_(), raw = (bmc_.*questions_[i])();
      out[i] = bracketed(before, now_ns_(), raw);
    }
  }

 private:
  Bmc bmc_;
  std::vector<Sensor> sensors_;
  std::vector<Ask> questions_;  ///< one for each sensor
  std::int64_t (*now_ns_)();
};

Sensor sensor(std::string id, std::string label, std::string source, Quantity quantity) {
  Sensor s{.id = std::move(id), .label = std::move(label), .source = std::move(source)};
  s.quantity = quantity;
  s.behavior = quantity == Quantity::energy ? Behavior::counter : Behavior::gauge;
  s.domain = Domain::node;
  s.scale = quantity == Quantity::energy ? 1e-3 : 1;
  s.refresh_ns = quantity == Quantity::energy ? second : 2 * second;
  s.max_power_W = 15'000;
  s.systematic_percent = 3;
  return s;
}

/// The controller's device file, or why it cannot be had.
std::variant<Fd, Absent, Blocked> open_device(const Host& host) {
  for (const auto* name : {"ipmi0", "ipmi/0", "ipmidev/0"}) {
    const std::string path = host.at_dev(name).string();
    Fd device(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (device) return device;
    if (errno != ENOENT)
      return Blocked{path + ": " + files::reason(errno), errno == EACCES ? "as root, or give yourself that device file" : ""};
  }
  return Absent{};
}

Probe probe(const ProbeContext& context) {
  if (!context.argument.empty()) return Invalid{"the backend ipmi takes no argument"};
  if (context.host.ask_ipmi == nullptr) return Absent{};
  auto device = open_device(context.host);
  if (auto* blocked = std::get_if<Blocked>(&device)) return std::move(*blocked);
  if (std::holds_alternative<Absent>(device)) return Absent{};
  Bmc bmc(std::get<Fd>(std::move(device)), context.host.ask_ipmi);
  std::vector<Sensor> sensors;
  std::vector<Ask> questions;
  std::string trouble;
  const auto tells = [&](Ask question, const char* source, Quantity quantity) {
    if ((bmc.*question)() == missing) {
      trouble += (trouble.empty() ? "" : ", ") + fmt::format("{} ({})", source, bmc.trouble());
      return false;
    }
    const bool energy = quantity == Quantity::energy;
    sensors.push_back(sensor(energy ? "ipmi:energy" : "ipmi:power", sensors.empty() ? "node" : "node power",
                             fmt::format("ipmi {}", source), quantity));
    questions.push_back(question);
    return true;
  };
  const auto maker = bmc.maker();
  if (!maker) return Blocked{"the BMC does not answer: " + bmc.trouble(), ""};
  const bool energy = *maker == lenovo && (tells(&Bmc::energy_mJ, "energy", Quantity::energy) ||
                                           tells(&Bmc::node_manager_mJ, "node manager energy", Quantity::energy));
  const std::string no_energy = energy ? "" : trouble;
  const bool power = tells(&Bmc::power_W, "dcmi", Quantity::power) ||
                     (!energy && *maker == intel && tells(&Bmc::node_manager_W, "node manager", Quantity::power));
  if (sensors.empty()) return Blocked{"the BMC tells no power: " + trouble, ""};
  if (energy && power) sensors.back().part_of = sensors.front().id;
  if (!no_energy.empty()) sensors.back().note = "power, as its counters of energy do not answer: " + no_energy;
  return std::make_unique<Ipmi>(std::move(bmc), std::move(sensors), std::move(questions), context.host.now_ns);
}

bool starts_slowly(const ProbeContext& context) {
  return context.argument.empty() && std::holds_alternative<Fd>(open_device(context.host));
}

}  // namespace

extern const BackendInfo ipmi_backend;
const BackendInfo ipmi_backend{"ipmi", "the whole machine by its management controller; --sensor ipmi",
                               BackendInfo::Use::on_request, &probe, &starts_slowly};

}  // namespace perun
