// SPDX-License-Identifier: BSD-3-Clause
// RAPL counters straight from the processor's registers, through /dev/cpu/N/msr (Intel SDM vol. 4; AMD PPR).
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "backends/bracket.hpp"
#include "backends/files.hpp"
#include "backends/rapl.hpp"
#include "base/result.hpp"
#include "host/cpus.hpp"
#include "host/sysfs.hpp"

namespace perun {
namespace {

/// A register and what it counts.
struct Register {
  Domain domain;
  off_t address;
};
constexpr off_t intel_units = 0x606, amd_units = 0xC0010299;
constexpr std::array intel_registers{Register{Domain::package, 0x611}, Register{Domain::cores, 0x639},
                                     Register{Domain::uncore, 0x641}, Register{Domain::dram, 0x619},
                                     Register{Domain::platform, 0x64D}};
constexpr std::array amd_registers{Register{Domain::package, 0xC001029B}};
constexpr std::int64_t register_range = 0xFFFF'FFFF;

/// All 64 bits of a register, or nothing and errno.
std::optional<std::uint64_t> read_register(const Fd& device, off_t address) noexcept {
  std::uint64_t value = 0;
  errno = 0;
  if (::pread(device.get(), &value, sizeof value, address) != static_cast<ssize_t>(sizeof value)) return std::nullopt;
  return value;
}

/// Energy counters have 32 bits; the others are reserved.
std::int64_t read_counter(const Fd& device, off_t address) noexcept {
  const auto value = read_register(device, address);
  return value ? static_cast<std::int64_t>(*value & 0xFFFF'FFFF) : missing;
}

struct Counter {
  Sensor sensor;
  std::size_t device = 0;
  off_t address = 0;
};

class MsrRapl final : public Backend {
 public:
  MsrRapl(std::vector<Fd> devices, const std::vector<Counter>& counters, std::int64_t (*now_ns)())
      : devices_(std::move(devices)), now_ns_(now_ns) {
    for (const Counter& c : counters) {
      sensors_.push_back(c.sensor);
      places_.emplace_back(c.device, c.address);
    }
  }

  std::span<const Sensor> sensors() const noexcept override { return sensors_; }

  void read(std::span<Reading> out) noexcept override {
    std::int64_t before = now_ns_();
    for (std::size_t i = 0; i < places_.size(); ++i) {
      const std::int64_t raw = read_counter(devices_[places_[i].first], places_[i].second);
      const std::int64_t after = now_ns_();
      out[i] = bracketed(before, after, raw);
      before = after;
    }
  }

 private:
  std::vector<Sensor> sensors_;
  std::vector<Fd> devices_;
  std::vector<std::pair<std::size_t, off_t>> places_;  // device and address of each sensor
  std::int64_t (*now_ns_)();
};

/// Silvermont and Airmont count in multiples of 2^ESU uJ instead of fractions of a joule.
bool counts_otherwise(const Processors& cpu) noexcept {
  constexpr std::array models{0x37, 0x4A, 0x4C, 0x4D, 0x5A};
  return cpu.intel && cpu.family == 6 && std::find(models.begin(), models.end(), cpu.number) != models.end();
}

std::string device_path(const Host& host, int cpu) {
  return host.at_dev(fmt::format("cpu/{}/msr", cpu)).string();
}

Error refused(const std::string& path, int error) {
  if (error == EACCES) return {Errc::denied, path + ": " + files::reason(error), "run perun as root"};
  if (error == EPERM)
    return {Errc::denied, path + ": " + files::reason(error), "it takes CAP_SYS_RAWIO, and a kernel that is not locked down"};
  return {Errc::io, path + ": " + (error != 0 ? files::reason(error) : "ends early")};
}

/// One CPU of each package or die, in their order.
std::vector<CpuPlace> find_places(const RaplMachine& machine, const std::vector<int>& cpus) {
  std::vector<CpuPlace> places;
  for (const int cpu : cpus)
    if (const auto place = rapl_place(machine, cpu)) places.push_back(*place);
  std::stable_sort(places.begin(), places.end(), before_in_machine);
  places.erase(std::unique(places.begin(), places.end(), share_counters), places.end());
  return places;
}

class MsrOpener {
 public:
  explicit MsrOpener(const RaplMachine& machine) : machine_(machine) {}

  Status open_package(const RaplDomain& package, int cpu) {
    const std::string path = device_path(machine_.host, cpu);
    Fd device = sysfs::open(path);
    if (!device) return refused(path, errno);
    const auto units = read_register(device, machine_.cpu.amd ? amd_units : intel_units);
    if (!units) return refused(path, errno);
    const double unit_J = std::ldexp(1.0, -static_cast<int>(*units >> 8 & 0x1F));
    const auto registers =
        machine_.cpu.amd ? std::span<const Register>(amd_registers) : std::span<const Register>(intel_registers);
    for (const Register& r : registers) {
      // What does not exist either fails or stays 0 (kernel: rapl_check_domain).
      const std::int64_t now = read_counter(device, r.address);
      if (now > 0)
        add(r, package, unit_J);
      else if (r.domain == Domain::package)
        return now == missing ? refused(path, errno) : Error{Errc::unsupported, path + ": the package's counter is 0"};
    }
    devices_.push_back(std::move(device));
    return Ok{};
  }

  std::unique_ptr<Backend> take() && {
    std::stable_sort(counters_.begin(), counters_.end(), [](const Counter& a, const Counter& b) {
      return (a.sensor.domain == Domain::platform) < (b.sensor.domain == Domain::platform);
    });
    return std::make_unique<MsrRapl>(std::move(devices_), counters_, machine_.host.now_ns);
  }

 private:
  void add(const Register& r, const RaplDomain& package, double unit_J) {
    if (r.domain == Domain::platform && std::exchange(has_psys_, true)) return;  // one package counts it
    const RaplDomain domain = r.domain == Domain::package    ? package
                              : r.domain == Domain::platform ? rapl_psys()
                                                             : rapl_part(package, r.domain);
    Counter c{rapl_sensor(machine_, domain, "msr"), devices_.size(), r.address};
    c.sensor.scale = unit_J;
    if (r.domain == Domain::dram && has_fixed_dram_unit(machine_.cpu)) c.sensor.scale = 0x1p-16;
    if (r.domain == Domain::platform && counts_psys_in_joules(machine_.cpu)) c.sensor.scale = 1;
    c.sensor.wraps_at = register_range;
    counters_.push_back(std::move(c));
  }

  const RaplMachine& machine_;
  std::vector<Fd> devices_;
  std::vector<Counter> counters_;
  bool has_psys_ = false;
};

}  // namespace

Probe probe_rapl_msr(const RaplMachine& machine) {
  if (!machine.cpu.intel && !machine.cpu.amd) return Absent{};
  const auto online = sysfs::line(machine.host.at_sys("devices/system/cpu/online"));
  const auto cpus = online ? parse_cpu_list(*online) : std::nullopt;
  if (!cpus) return Absent{};
  // Before the topology of hundreds of CPUs is looked at. A guest's registers are what its host makes of them, mostly
  // nothing: not worth a word.
  const std::string first = device_path(machine.host, cpus->front());
  if (const Fd device = sysfs::open(first); !device) {
    if (errno == ENOENT || errno == ENXIO || machine.cpu.virtual_machine) return Absent{};
    const Error error = refused(first, errno);
    return Blocked{error.what, error.hint};
  }
  if (counts_otherwise(machine.cpu)) return Blocked{first + ": this processor counts in units that perun does not know", ""};
  const auto places = find_places(machine, *cpus);
  if (places.empty()) return Blocked{"msr: /sys does not say which package a CPU is in", ""};
  MsrOpener opener(machine);
  for (const CpuPlace& at : places)
    if (const Status opened = opener.open_package(rapl_package(at, has_dies(places)), at.cpu); !opened) {
      if (machine.cpu.virtual_machine) return Absent{};
      return Blocked{opened.error().what, opened.error().hint};
    }
  return std::move(opener).take();
}

}  // namespace perun
