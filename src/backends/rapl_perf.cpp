// SPDX-License-Identifier: BSD-3-Clause
// RAPL counters through the kernel's "power" PMU (perf_event_open).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <limits>
#include <set>
#include <utility>
#include <vector>

#include "backends/bracket.hpp"
#include "backends/files.hpp"
#include "backends/power_pmu.hpp"
#include "backends/rapl.hpp"
#include "base/result.hpp"
#include "host/cpus.hpp"
#include "host/perf_event.hpp"
#include "host/sysfs.hpp"

namespace perun {
namespace {

/// Events that are read with one system call, the leader first.
using Group = std::vector<Fd>;

struct Opened {
  std::vector<Sensor> sensors;  ///< in the order of the groups
  std::vector<Group> groups;
  std::vector<BlockedSource> blocked;
  std::string remark;

  void problem(std::string what) { blocked.push_back({"rapl", std::move(what), ""}); }
};

class PerfRapl final : public Backend {
 public:
  PerfRapl(Opened opened, std::int64_t (*now_ns)()) : opened_(std::move(opened)), now_ns_(now_ns) {}

  std::span<const Sensor> sensors() const noexcept override { return opened_.sensors; }
  std::span<const BlockedSource> blocked() const noexcept override { return opened_.blocked; }
  std::string_view choice() const noexcept override { return opened_.remark; }

  void read(std::span<Reading> out) noexcept override {
    std::array<std::uint64_t, most_grouped_events> values;  // not zeroed: this runs at every tick
    std::int64_t before = now_ns_();
    for (const Group& group : opened_.groups) {
      const bool good = read_perf_group(group.front(), std::span(values).first(group.size()));
      const std::int64_t after = now_ns_();
      for (std::size_t i = 0; i < group.size(); ++i) out[i] = bracketed(before, after, good ? raw(values[i]) : missing);
      out = out.subspan(group.size());
      before = after;
    }
  }

 private:
  static std::int64_t raw(std::uint64_t value) noexcept {
    constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();
    return value <= most ? static_cast<std::int64_t>(value) : missing;
  }

  Opened opened_;
  std::int64_t (*now_ns_)();
};

/// The CPUs to count on, one of each package or die, in their order.
Result<std::vector<CpuPlace>> find_places(const RaplMachine& machine, const PowerPmu& pmu) {
  std::vector<CpuPlace> places;
  std::set<std::uint16_t> packages;
  for (const int cpu : pmu.cpus) {
    const auto place = rapl_place(machine, cpu);
    if (!place) return Error{Errc::format, fmt::format("perf: /sys does not say which package cpu{} is in", cpu)};
    packages.insert(place->package);
    places.push_back(*place);
  }
  std::stable_sort(places.begin(), places.end(), before_in_machine);
  if (const auto twice = std::adjacent_find(places.begin(), places.end(), share_counters); twice != places.end())
    return Error{Errc::format, fmt::format("perf: cpumask names package {} twice, with cpu{} and cpu{}", twice->package,
                                           twice->cpu, twice[1].cpu)};
  if (packages.size() < static_cast<std::size_t>(machine.cpu.sockets))
    return Error{Errc::format, fmt::format("perf: cpumask covers {} of {} packages", packages.size(), machine.cpu.sockets)};
  return places;
}

/// The events worth opening; the others are named in `remark`.
std::vector<PowerPmu::Event> choose_events(const RaplMachine& machine, const PowerPmu& pmu, bool alone, std::string& remark) {
  std::vector<PowerPmu::Event> events;
  std::vector<std::string_view> left_out;
  for (const PowerPmu::Event& e : pmu.events) {
    // Kernels before 5.17 list all five on AMD, where they open and stay 0; Intel's are listed only when they count
    // (kernel: commit 0036fb00a756, perf_msr_probe).
    const bool never_counts = machine.cpu.amd && e.domain != Domain::package;
    // Only one package counts psys, and no file says which.
    const bool nobody_knows_where = e.domain == Domain::platform && !alone;
    if (never_counts || nobody_knows_where)
      left_out.push_back(e.name);
    else
      events.push_back(e);
  }
  if (!left_out.empty())
    remark = fmt::format("{} left out: {}", fmt::join(left_out, ", "),
                         machine.cpu.amd ? "AMD counts packages only" : "it does not say which package counts it");
  return events;
}

/// Why an event was refused, and what helps.
Error refusal(const Host& host, std::string_view event, int cpu, int error) {
  Error e{Errc::io, fmt::format("perf_event_open for {} on cpu{}: {}", event, cpu, files::reason(error))};
  if (error == EACCES) {
    e.code = Errc::denied;
    e.hint = "sudo sysctl kernel.perf_event_paranoid=0 (until reboot; lets every user read them, see CVE-2020-8694)";
    const auto level = sysfs::integer(host.at_proc("sys/kernel/perf_event_paranoid"));
    if (level) e.what += fmt::format(" (kernel.perf_event_paranoid is {})", *level);
    // Debian and Ubuntu ask for CAP_SYS_ADMIN at the levels that only they have.
    e.hint +=
        level && *level > 2 ? "; at this level CAP_PERFMON alone does not help" : ", or sudo setcap cap_perfmon+ep on perun";
  } else if (error == EPERM) {
    e.code = Errc::denied;
    e.hint = "in a container: run it with --cap-add PERFMON, or with a seccomp profile that allows perf_event_open";
  } else if (error == EMFILE) {
    e.hint = "raise the number of open files: ulimit -n";
  }
  return e;
}

/// Opens the events of one package.
class PackageOpener {
 public:
  PackageOpener(const RaplMachine& machine, const PowerPmu& pmu, RaplDomain package, int cpu, Opened& out)
      : machine_(machine), pmu_(pmu), package_(std::move(package)), cpu_(cpu), out_(out) {}

  /// As one group; what the kernel does not let into it, each alone. Without the package's own event an error.
  Status open(const std::vector<PowerPmu::Event>& events) {
    Group group;
    std::vector<PowerPmu::Event> together, alone;
    for (const auto& event : events) {
      Fd fd = open_event(event, group.empty() ? -1 : group.front().get());
      if (!fd && group.empty()) return refusal(machine_.host, event.name, cpu_, errno);
      (fd ? together : alone).push_back(event);
      if (fd) group.push_back(std::move(fd));
    }
    if (readable(group)) {
      take(std::move(group), together);
    } else {
      group.clear();
      alone = events;
    }
    for (const auto& event : alone) {
      Group single;
      single.push_back(open_event(event, -1));
      const bool opened = static_cast<bool>(single.front());
      const Error error = opened ? Error{Errc::io, fmt::format("perf: {} on cpu{} opens but cannot be read", event.name, cpu_)}
                                 : refusal(machine_.host, event.name, cpu_, errno);
      if (opened && readable(single))
        take(std::move(single), {event});
      else if (event.domain == Domain::package)
        return error;
      else
        out_.problem(error.what);
    }
    return Ok{};
  }

 private:
  [[nodiscard]] Fd open_event(const PowerPmu::Event& event, int group) const {
    return machine_.host.open_perf({.type = pmu_.type, .config = event.config, .cpu = cpu_, .group = group});
  }

  static bool readable(const Group& group) {
    std::array<std::uint64_t, most_grouped_events> values{};
    return read_perf_group(group.front(), std::span(values).first(group.size()));
  }

  void take(Group group, const std::vector<PowerPmu::Event>& events) {
    for (const auto& event : events) {
      const RaplDomain domain = event.domain == Domain::package    ? package_
                                : event.domain == Domain::platform ? rapl_psys()
                                                                   : rapl_part(package_, event.domain);
      Sensor s = rapl_sensor(machine_, domain, "perf");
      s.scale = event.scale;
      s.resolution = std::max<std::int64_t>(1, std::llround(rapl_step_J(machine_, domain) / event.scale));
      out_.sensors.push_back(std::move(s));
    }
    out_.groups.push_back(std::move(group));
  }

  const RaplMachine& machine_;
  const PowerPmu& pmu_;
  RaplDomain package_;
  int cpu_;
  Opened& out_;
};

}  // namespace

Probe probe_rapl_perf(const RaplMachine& machine) {
  if (machine.host.open_perf == nullptr) return Absent{};
  const auto pmu = find_power_pmu(machine.host);
  if (!pmu && pmu.error().code == Errc::not_found) return Absent{};
  if (!pmu) return Blocked{pmu.error().what, ""};
  const auto places = find_places(machine, *pmu);
  if (!places) return Blocked{places.error().what, ""};

  Opened opened;
  for (const std::string& problem : pmu->problems) opened.problem(problem);
  const auto events = choose_events(machine, *pmu, places->size() == 1, opened.remark);
  // Part of the packages would be less than the machine uses: all or none.
  for (const CpuPlace& at : *places) {
    PackageOpener package(machine, *pmu, rapl_package(at, has_dies(*places)), at.cpu, opened);
    if (const Status done = package.open(events); !done) return Blocked{done.error().what, done.error().hint};
  }
  return std::make_unique<PerfRapl>(std::move(opened), machine.host.now_ns);
}

}  // namespace perun
