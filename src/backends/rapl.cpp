// SPDX-License-Identifier: BSD-3-Clause
// Intel, AMD and Hygon RAPL counters through /sys/class/powercap.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <system_error>
#include <utility>
#include <vector>

#include "backends/backend.hpp"
#include "backends/bracket.hpp"
#include "backends/files.hpp"
#include "backends/powercap.hpp"
#include "base/result.hpp"
#include "host/machine.hpp"
#include "host/sysfs.hpp"

namespace perun {
namespace {

/// The range a counter with the fixed DRAM unit has: floor((2^32 - 1) * 15300 nJ / 1000). Haswell-EP to Ice Lake servers
/// and Knights Landing (kernel: rapl_defaults .dram_domain_energy_unit).
constexpr std::int64_t fixed_dram_range_uj = 65'712'999'613;
/// That unit is 2^-16 J; powercap rounds it to 15.3 uJ and so shows 0.27 % too much.
constexpr double fixed_dram_correction = 1e9 / 65536 / 15300;

class Rapl final : public Backend {
 public:
  Rapl(std::vector<Sensor> sensors, std::vector<Fd> files, std::vector<BlockedSource> blocked, std::int64_t (*now_ns)())
      : sensors_(std::move(sensors)), files_(std::move(files)), blocked_(std::move(blocked)), now_ns_(now_ns) {}

  std::span<const Sensor> sensors() const noexcept override { return sensors_; }
  std::span<const BlockedSource> blocked() const noexcept override { return blocked_; }

  void read(std::span<Reading> out) noexcept override {
    std::int64_t before = now_ns_();
    for (std::size_t i = 0; i < files_.size(); ++i) {
      const std::int64_t raw = sysfs::reread(files_[i]);
      const std::int64_t after = now_ns_();
      out[i] = bracketed(before, after, raw);
      before = after;
    }
  }

 private:
  std::vector<Sensor> sensors_;
  std::vector<Fd> files_;
  std::vector<BlockedSource> blocked_;
  std::int64_t (*now_ns_)();
};

std::string sensor_id(const PowercapZone& zone) {
  return "rapl:" + (zone.package.empty() ? zone.name : zone.package + ":" + zone.name);
}

std::string label(const PowercapZone& zone) {
  if (zone.domain == Domain::platform) return zone.name;
  const std::string cpu = zone.die < 0 ? fmt::format("cpu:{}", zone.socket) : fmt::format("cpu:{}.{}", zone.socket, zone.die);
  return fmt::format("{} {}", cpu, name(zone.domain));
}

void add_note(std::string& note, std::string_view text) {
  if (!note.empty()) note += "; ";
  note += text;
}

Sensor describe(const PowercapZone& zone, bool amd, bool sgx) {
  Sensor s{.id = sensor_id(zone), .label = label(zone), .source = zone.mmio ? "rapl powercap mmio" : "rapl powercap"};
  s.domain = zone.domain;
  s.index = zone.socket;
  s.scale = 1e-6;
  s.refresh_ns = 1'000'000;
  s.max_power_W = powercap_max_power_W(zone);
  s.systematic_percent = amd ? 10 : 5;
  if (amd) add_note(s.note, "modelled inside the processor");
  if (sgx) add_note(s.note, "SGX is on and may add noise to short readings");
  if (zone.domain == Domain::cores || zone.domain == Domain::uncore) s.part_of = "rapl:" + zone.package;

  const auto range = sysfs::integer(zone.folder / "max_energy_range_uj");
  if (range && *range > 0) {
    s.wraps_at = *range;
    s.resolution = std::max<std::int64_t>(1, std::llround(static_cast<double>(*range) / 4294967296.0));
  } else {
    add_note(s.note, "its range is unknown: a wrap cannot be told from a reset");
  }
  if (zone.domain == Domain::dram && s.wraps_at == fixed_dram_range_uj) {
    s.scale *= fixed_dram_correction;
    add_note(s.note, "unit corrected from 15.3 uJ to 2^-16 J");
  }
  return s;
}

/// An open counter, or why there is none.
Result<Fd> open_counter(const PowercapZone& zone) {
  const auto path = zone.folder / "energy_uj";
  const auto failed = [&](int error) {
    return Error{error == EACCES || error == EPERM ? Errc::denied : Errc::io, path.string() + ": " + files::reason(error)};
  };
  Fd file = sysfs::open(path);
  if (!file) return failed(errno);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return failed(errno);
  if (!S_ISREG(status.st_mode)) return Error{Errc::format, path.string() + ": not a regular file"};
  errno = 0;
  if (sysfs::reread(file) != missing) return file;
  return errno != 0 ? failed(errno) : Error{Errc::format, path.string() + ": does not hold a number"};
}

/// Counters that could not be opened, one line per cause.
class Refusals {
 public:
  void add(const Error& error) {
    for (auto& [first, count] : causes_)
      if (first.code == error.code) {
        ++count;
        return;
      }
    causes_.emplace_back(error, 1);
  }

  [[nodiscard]] std::vector<BlockedSource> told(const Host& host) const {
    std::vector<BlockedSource> out;
    for (const auto& [first, count] : causes_) {
      const std::string more = count > 1 ? fmt::format(" (and {} more)", count - 1) : "";
      out.push_back({"rapl", first.what + more, first.code == Errc::denied ? way_out(host) : ""});
    }
    return out;
  }

 private:
  static std::string way_out(const Host& host) {
    return fmt::format(
        "sudo chmod a+r {}/intel-rapl*/energy_uj (until reboot; lets every user read them, see CVE-2020-8694), "
        "or run perun as root",
        host.at_sys("class/powercap").string());
  }

  std::vector<std::pair<Error, int>> causes_;
};

Blocked as_one(const std::vector<BlockedSource>& all) {
  Blocked one;
  for (const BlockedSource& b : all) {
    if (!one.reason.empty()) one.reason += "; ";
    one.reason += b.reason;
    if (one.hint.empty()) one.hint = b.hint;
  }
  return one;
}

Probe probe(const ProbeContext& context) {
  if (!context.argument.empty()) return Invalid{"the backend rapl takes no argument"};
  PowercapZones found = powercap_zones(context.host);
  if (found.zones.empty() && found.problems.empty()) return Absent{};
  const bool amd = processors(context.host).amd;
  std::error_code none;
  const bool sgx = std::filesystem::exists(context.host.at_sys("class/misc/sgx_enclave"), none);

  std::vector<Sensor> sensors;
  std::vector<Fd> open;
  Refusals refusals;
  for (const PowercapZone& zone : found.zones) {
    // On AMD this zone is the one core that the kernel reads from, not all of them (intel_rapl_msr.c).
    if (amd && zone.domain == Domain::cores) continue;
    auto file = open_counter(zone);
    if (!file) {
      refusals.add(file.error());
      continue;
    }
    sensors.push_back(describe(zone, amd, sgx));
    open.push_back(std::move(*file));
  }
  auto blocked = refusals.told(context.host);
  blocked.insert(blocked.end(), found.problems.begin(), found.problems.end());
  if (sensors.empty()) return blocked.empty() ? Probe(Absent{}) : Probe(as_one(blocked));
  return std::make_unique<Rapl>(std::move(sensors), std::move(open), std::move(blocked), context.host.now_ns);
}

}  // namespace

extern const BackendInfo rapl_backend;
const BackendInfo rapl_backend{"rapl", "CPU package and DRAM energy of Intel and AMD processors (powercap)",
                               BackendInfo::Use::automatic, &probe};

}  // namespace perun
