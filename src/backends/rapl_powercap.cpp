// SPDX-License-Identifier: BSD-3-Clause
// RAPL counters through /sys/class/powercap.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <utility>
#include <vector>

#include "backends/backend.hpp"
#include "backends/bracket.hpp"
#include "backends/files.hpp"
#include "backends/powercap.hpp"
#include "backends/rapl.hpp"
#include "base/result.hpp"
#include "host/sysfs.hpp"

namespace perun {
namespace {

/// The range a counter with the fixed DRAM unit has: floor((2^32 - 1) * 15300 nJ / 1000). Haswell-EP to Ice Lake servers
/// and Knights Landing (kernel: rapl_defaults .dram_domain_energy_unit).
constexpr std::int64_t fixed_dram_range_uj = 65'712'999'613;
/// That unit is 2^-16 J; powercap rounds it to 15.3 uJ and so shows 0.27 % too much.
constexpr double fixed_dram_correction = 1e9 / 65536 / 15300;

class PowercapRapl final : public Backend {
 public:
  PowercapRapl(std::vector<Sensor> sensors, std::vector<Fd> files, std::vector<BlockedSource> blocked, std::int64_t (*now_ns)())
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

Sensor describe(const RaplMachine& machine, const PowercapZone& zone) {
  Sensor s = rapl_sensor(machine, zone, zone.mmio ? "powercap mmio" : "powercap");
  s.scale = 1e-6;
  s.wraps_at = powercap_range_uj(zone);
  if (s.wraps_at > 0)
    s.resolution = std::max<std::int64_t>(1, std::llround(static_cast<double>(s.wraps_at) / 4294967296.0));
  else
    add_remark(s.note, "its range is unknown: a wrap cannot be told from a reset");
  if (zone.domain == Domain::dram && s.wraps_at == fixed_dram_range_uj) {
    s.scale *= fixed_dram_correction;
    add_remark(s.note, "unit corrected from 15.3 uJ to 2^-16 J");
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

}  // namespace

Probe probe_rapl_powercap(const RaplMachine& machine, std::span<const Domain> served) {
  const PowercapZones& found = machine.powercap;
  std::vector<Sensor> sensors;
  std::vector<Fd> open;
  Refusals refusals;
  for (const PowercapZone& zone : found.zones) {
    // On AMD this zone is the one core that the kernel reads from, not all of them (intel_rapl_msr.c).
    if (machine.cpu.amd && zone.domain == Domain::cores) continue;
    if (std::find(served.begin(), served.end(), zone.domain) != served.end()) continue;
    auto file = open_counter(zone);
    if (!file) {
      refusals.add(file.error());
      continue;
    }
    sensors.push_back(describe(machine, zone));
    open.push_back(std::move(*file));
  }
  auto blocked = refusals.told(machine.host);
  // Where it only adds to another mechanism, zones that nobody can read are no loss.
  if (served.empty()) blocked.insert(blocked.end(), found.problems.begin(), found.problems.end());
  if (sensors.empty()) return blocked.empty() ? Probe(Absent{}) : Probe(as_one(blocked));
  return std::make_unique<PowercapRapl>(std::move(sensors), std::move(open), std::move(blocked), machine.host.now_ns);
}

}  // namespace perun
