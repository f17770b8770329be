// SPDX-License-Identifier: BSD-3-Clause
// Graphics cards of Intel by Level Zero Sysman (libze_loader.so.1), where their kernel driver shows no energy in hwmon.
// Numbers and layouts as in Intel's Level Zero specification, version 1.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backends/backend.hpp"
#include "backends/bounded.hpp"
#include "backends/bracket.hpp"
#include "backends/files.hpp"
#include "base/text.hpp"
#include "host/sysfs.hpp"

namespace perun {
namespace {

constexpr std::chrono::seconds patience{5};

using Handle = void*;
using Status = int;  // 0: done

/// `first` is the kind of structure, and a pointer to more of it follows; the rest is read at known places.
template <std::size_t bytes>
struct alignas(8) Structure {
  explicit Structure(std::int32_t kind) noexcept { std::memcpy(data.data(), &kind, sizeof kind); }
  template <class T>
  [[nodiscard]] T at(std::size_t offset) const noexcept {
    T value;
    std::memcpy(&value, data.data() + offset, sizeof value);
    return value;
  }
  [[nodiscard]] std::string text(std::size_t offset) const {
    const auto* begin = reinterpret_cast<const char*>(data.data()) + offset;
    return perun::text::printable({begin, ::strnlen(begin, 64)});
  }
  std::array<unsigned char, bytes> data{};
};
using DeviceProperties = Structure<776>;
using PciProperties = Structure<64>;
using PowerProperties = Structure<40>;

/// Energy in uJ and when it was so, in us of a clock of the card's own.
struct Energy {
  std::uint64_t microjoules, microseconds;
};

struct Api {
  Library library = {};
  Status (*init)(std::uint32_t) = nullptr;
  Status (*drivers)(std::uint32_t*, Handle*) = nullptr;
  Status (*devices)(Handle, std::uint32_t*, Handle*) = nullptr;
  Status (*properties)(Handle, DeviceProperties*) = nullptr;
  Status (*pci)(Handle, PciProperties*) = nullptr;
  Status (*card)(Handle, Handle*) = nullptr;
  Status (*domains)(Handle, std::uint32_t*, Handle*) = nullptr;
  Status (*power_properties)(Handle, PowerProperties*) = nullptr;
  Status (*energy)(Handle, Energy*) = nullptr;
  const char* missing = nullptr;  ///< a function that the library lacks
};

Api load(const Host& host) {
  Api api{.library = host.library("libze_loader.so.1")};
  const auto need = [&](const char* name, auto& function) {
    api.library.find(name, function);
    if (function == nullptr && api.missing == nullptr) api.missing = name;
  };
  need("zesInit", api.init);
  need("zesDriverGet", api.drivers);
  need("zesDeviceGet", api.devices);
  need("zesDeviceGetProperties", api.properties);
  need("zesDevicePciGetProperties", api.pci);
  need("zesDeviceEnumPowerDomains", api.domains);
  need("zesPowerGetProperties", api.power_properties);
  need("zesPowerGetEnergyCounter", api.energy);
  api.library.find("zesDeviceGetCardPowerDomain", api.card);  // not in the first versions
  return api;
}

class LevelZero final : public Backend {
 public:
  LevelZero(Api api, std::vector<Handle> meters, std::vector<Sensor> sensors, std::int64_t (*now_ns)())
      : api_(std::move(api)), meters_(std::move(meters)), sensors_(std::move(sensors)), now_ns_(now_ns) {}

  std::span<const Sensor> sensors() const noexcept override { return sensors_; }
  bool may_wait() const noexcept override { return true; }

  void read(std::span<Reading> out) noexcept override {
    for (std::size_t i = 0; i < meters_.size(); ++i) {
      const std::int64_t before = now_ns_();
      Energy e{};
      const bool good = api_.energy(meters_[i], &e) == 0 && e.microjoules <= static_cast<std::uint64_t>(INT64_MAX);
      out[i] = bracketed(before, now_ns_(), good ? static_cast<std::int64_t>(e.microjoules) : missing);
    }
  }

 private:
  Api api_;
  std::vector<Handle> meters_;
  std::vector<Sensor> sensors_;
  std::int64_t (*now_ns_)();
};

/// PCI addresses of Intel's cards that hwmon tells no energy of. What sits at 00:02.0 is in the processor, whose counters
/// have it.
std::set<std::string> cards_without_hwmon(const Host& host) {
  std::set<std::string> out;
  for (const std::string& name : files::names(host.at_sys("class/drm"))) {
    const auto device = host.at_sys("class/drm") / name / "device";
    if (!name.starts_with("card") || name.find('-') != std::string::npos || sysfs::line(device / "vendor") != "0x8086")
      continue;
    const std::string address = files::pci_address(device);
    if (address.empty() || address.ends_with(":00:02.0")) continue;
    bool told = false;
    for (const std::string& chip : files::names(device / "hwmon"))
      told = told || sysfs::integer(device / "hwmon" / chip / "energy1_input").has_value();
    if (!told) out.insert(address);
  }
  return out;
}

/// Asks for the number, then for as many.
template <class F>
std::vector<Handle> all_of(F&& get) {
  std::uint32_t count = 0;
  if (get(&count, nullptr) != 0) return {};
  std::vector<Handle> handles(std::min(count, 256U));
  count = static_cast<std::uint32_t>(handles.size());
  if (handles.empty() || get(&count, handles.data()) != 0) return {};
  handles.resize(std::min<std::size_t>(count, handles.size()));
  return handles;
}

std::string address_of(const Api& api, Handle device) {
  constexpr std::int32_t kind = 0x2;
  PciProperties p(kind);
  if (api.pci(device, &p) != 0) return {};
  return fmt::format("{:04x}:{:02x}:{:02x}.{}", p.at<std::uint32_t>(16), p.at<std::uint32_t>(20), p.at<std::uint32_t>(24),
                     p.at<std::uint32_t>(28));
}

/// The whole card where it has a domain, else what is on no part of it (the package).
Handle whole_of(const Api& api, Handle device) {
  constexpr std::int32_t kind = 0xd;
  Handle power = nullptr;
  if (api.card != nullptr && api.card(device, &power) == 0 && power != nullptr) return power;
  for (const Handle one : all_of([&](std::uint32_t*n, Handle*to) { return api.domains(device, n, to); })) {
    PowerProperties p(kind);
    if (api.power_properties(one, &p) == 0 && p.at<unsigned char>(16) == 0) return one;
  }
  return nullptr;
}

Sensor describe(const Api& api, Handle device, const std::string& address, std::size_t number) {
  constexpr std::int32_t kind = 0x1;
  constexpr std::size_t name_at = 16 + 112;
  DeviceProperties p(kind);
  const std::string name = api.properties(device, &p) == 0 ? p.text(name_at) : "";
  Sensor s{.id = "level_zero:" + address,
           .label = fmt::format("gpu:{}{}{}", number, name.empty() ? "" : " ", name),
           .source = "level zero"};
  std::replace(s.id.begin() + 11, s.id.end(), ':', '-');
  s.domain = Domain::gpu;
  s.index = static_cast<std::uint16_t>(number);
  s.scale = 1e-6;
  s.refresh_ns = 100'000'000;
  s.systematic_percent = 5;
  return s;
}

Probe start(const Host& host, Api api, const std::set<std::string>& wanted) {
  if (const Status failed = api.init(0); failed != 0)
    return Blocked{fmt::format("Level Zero does not start: error {:#x}", static_cast<unsigned>(failed)),
                   "is the user in the group render?"};
  std::vector<Handle> meters;
  std::vector<Sensor> sensors;
  std::string silent;
  for (const Handle driver : all_of(api.drivers))
    for (const Handle device : all_of([&](std::uint32_t*n, Handle*to) { return api.devices(driver, n, to); })) {
      const std::string address = address_of(api, device);
      if (!wanted.contains(address)) continue;
      const Handle power = whole_of(api, device);
      Energy e{};
      if (power == nullptr || api.energy(power, &e) != 0) {
        silent = address;
        continue;
      }
      meters.push_back(power);
      sensors.push_back(describe(api, device, address, sensors.size()));
    }
  if (sensors.empty() && silent.empty()) return Absent{};
  if (sensors.empty())
    return Blocked{fmt::format("the card {} tells no energy", silent), "as root, or a newer kernel (hwmon of i915 or xe)"};
  return std::make_unique<LevelZero>(std::move(api), std::move(meters), std::move(sensors), host.now_ns);
}

Probe probe(const ProbeContext& context) {
  if (!context.argument.empty()) return Invalid{"the backend level_zero takes no argument"};
  const auto wanted = cards_without_hwmon(context.host);
  if (wanted.empty()) return Absent{};
  Api api = load(context.host);
  if (!api.library) return Absent{};
  if (api.missing != nullptr)
    return Blocked{fmt::format("libze_loader.so.1 has no function {}", api.missing), "update the Level Zero loader"};
  auto found = within(
      patience, [host = context.host, api = std::move(api), wanted]() mutable { return start(host, std::move(api), wanted); });
  if (!found) return Blocked{fmt::format("Level Zero did not answer within {} s", patience.count()), ""};
  return *std::move(found);
}

bool starts_slowly(const ProbeContext& context) {
  return !cards_without_hwmon(context.host).empty() && load(context.host).library;
}

}  // namespace

extern const BackendInfo level_zero_backend;
const BackendInfo level_zero_backend{"level_zero", "energy of Intel graphics cards (Level Zero) that hwmon does not tell",
                                     BackendInfo::Use::automatic, &probe, &starts_slowly};

}  // namespace perun
