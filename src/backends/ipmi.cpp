// SPDX-License-Identifier: BSD-3-Clause
// What the whole machine takes, by its management controller (BMC) through the kernel's IPMI driver: an energy counter where
// the maker has one (Lenovo), else power by DCMI, else by Intel's Node Manager. Only when asked for: a request takes 5 to 200
// ms of the controller. Sources: IPMI 2.0; DCMI 1.5, section 6.6.1; Lenovo's OEM command as Slurm's and EAR's sources use it;
// Intel Node Manager 2.0, Get Node Manager Statistics, as EAR uses it.
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
constexpr std::int64_t lenovo = 0x004A66, intel = 0x000157;

std::int64_t number(const Bytes& bytes, std::size_t at, int count) noexcept {
  std::int64_t value = 0;
  for (int i = count; i-- > 0;) value = value << 8 | bytes[at + static_cast<std::size_t>(i)];
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

  [[nodiscard]] std::optional<std::int64_t> maker() const noexcept {
    Bytes answer{};
    if (ask({0x06, 0x01, {}}, answer) < 10) return std::nullopt;
    return number(answer, 7, 3);
  }

  /// Of the last question; empty when it was answered.
  [[nodiscard]] std::string trouble() const {
    if (error_ != 0) return files::reason(error_);
    if (code_ == 0) return "it does not measure at present";
    return code_ == 0xC1 ? "it does not know DCMI" : fmt::format("completion code {:#04x}", code_);
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
  mutable int error_ = 0, code_ = 0;
};

class Ipmi final : public Backend {
 public:
  Ipmi(Bmc bmc, std::vector<Sensor> sensors, bool by_node_manager, std::int64_t (*now_ns)())
      : bmc_(std::move(bmc)), sensors_(std::move(sensors)), by_node_manager_(by_node_manager), now_ns_(now_ns) {}

  std::span<const Sensor> sensors() const noexcept override { return sensors_; }
  bool may_wait() const noexcept override { return true; }

  void read(std::span<Reading> out) noexcept override {
    for (std::size_t i = 0; i < sensors_.size(); ++i) {
      const std::int64_t before = now_ns_();
      const std::int64_t raw = sensors_[i].quantity == Quantity::energy ? bmc_.energy_mJ()
                               : by_node_manager_                       ? bmc_.node_manager_W()
                                                                        : bmc_.power_W();
      out[i] = bracketed(before, now_ns_(), raw);
    }
  }

 private:
  Bmc bmc_;
  std::vector<Sensor> sensors_;
  bool by_node_manager_;
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

Probe probe(const ProbeContext& context) {
  if (!context.argument.empty()) return Invalid{"the backend ipmi takes no argument"};
  if (context.host.ask_ipmi == nullptr) return Absent{};
  Fd device;
  std::string path;
  int error = ENOENT;
  for (const auto* name : {"ipmi0", "ipmi/0", "ipmidev/0"}) {
    if (device) break;
    path = context.host.at_dev(name).string();
    device = Fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!device && errno != ENOENT) {
      error = errno;
      break;
    }
  }
  if (!device && error == ENOENT) return Absent{};
  if (!device)
    return Blocked{path + ": " + files::reason(error), error == EACCES ? "as root, or give yourself that device file" : ""};
  Bmc bmc(std::move(device), context.host.ask_ipmi);
  std::vector<Sensor> sensors;
  const auto maker = bmc.maker();
  if (!maker) return Blocked{"the BMC does not answer: " + bmc.trouble(), ""};
  if (*maker == lenovo && bmc.energy_mJ() != missing)
    sensors.push_back(sensor("ipmi:energy", "node", "ipmi energy", Quantity::energy));
  if (bmc.power_W() != missing) {
    sensors.push_back(sensor("ipmi:power", sensors.empty() ? "node" : "node power", "ipmi dcmi", Quantity::power));
    if (sensors.size() > 1) sensors.back().part_of = sensors.front().id;
  }
  const std::string trouble = bmc.trouble();  // of DCMI, which all should know
  const bool by_node_manager = sensors.empty() && *maker == intel && bmc.node_manager_W() != missing;
  if (by_node_manager) sensors.push_back(sensor("ipmi:power", "node", "ipmi node manager", Quantity::power));
  if (sensors.empty()) return Blocked{"the BMC tells no power: " + trouble, ""};
  return std::make_unique<Ipmi>(std::move(bmc), std::move(sensors), by_node_manager, context.host.now_ns);
}

}  // namespace

extern const BackendInfo ipmi_backend;
const BackendInfo ipmi_backend{"ipmi", "the whole machine by its management controller; --sensor ipmi",
                               BackendInfo::Use::on_request, &probe};

}  // namespace perun
