// SPDX-License-Identifier: BSD-3-Clause
// How the kernel gives out a processor's energy counters: powercap, performance events, MSR. What is shut gets a remedy.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <system_error>

#include "base/text.hpp"
#include "cli/diagnosis.hpp"
#include "host/machine.hpp"
#include "host/sysfs.hpp"

namespace perun {

namespace {

namespace fs = std::filesystem;

/// The energy counters below /sys/class/powercap.
struct Zones {
  int all = 0, readable = 0, for_root_only = 0, hidden = 0;
};

Zones count_zones(const fs::path& folder) {
  constexpr int enough = 10'000;
  Zones zones;
  std::error_code failed;
  for (fs::directory_iterator at(folder, failed), end; !failed && at != end && zones.all < enough; at.increment(failed)) {
    if (!at->path().filename().string().starts_with("intel-rapl")) continue;
    std::error_code none;
    if (at->is_symlink(none) && !fs::exists(at->path(), none)) ++zones.hidden;
    struct stat status {};
    const auto counter = at->path() / "energy_uj";
    if (::stat(counter.c_str(), &status) != 0) continue;
    ++zones.all;
    if (sysfs::open(counter)) ++zones.readable;
    if ((status.st_mode & (S_IRGRP | S_IROTH)) == 0) ++zones.for_root_only;
  }
  return zones;
}

/// Whether this process has a capability, by the CapEff line of /proc/self/status.
bool capable(const Host& host, int capability) {
  constexpr std::string_view key = "CapEff:";
  const std::string all = sysfs::text(host.at_proc("self/status")).value_or("");
  const auto at = all.find(key);
  if (at == std::string::npos) return false;
  const std::uint64_t set = std::strtoull(all.c_str() + at + key.size(), nullptr, 16);
  return ((set >> capability) & 1) != 0;
}

std::string counters(int n) {
  return fmt::format("{} counter{}", n, n == 1 ? "" : "s");
}

/// Adds a remedy and returns its number.
int add(Diagnosis& out, Remedy remedy) {
  out.remedies.push_back(std::move(remedy));
  return static_cast<int>(out.remedies.size());
}

std::string who(const Patient& patient) {
  return patient.uid == 0 || patient.user.empty() ? std::string("USER") : patient.user;
}

Remedy open_to_a_group(const Patient& patient) {
  const std::string counters = patient.host.at_sys("class/powercap/intel-rapl*/energy_uj").string();
  return {"Let a group read the energy counters of powercap",
          {{"a script that installs a udev rule and a tmpfiles.d file; read it", "perun doctor --fix-script > fix.sh"},
           {"then, once; log in again afterwards", fmt::format("sudo sh fix.sh {}", who(patient))},
           {"or, until the next boot and for every user", "sudo chmod a+r " + counters}},
          "Energy counters tell something about what a processor computes: keys were read that way in 2020 (PLATYPUS, "
          "CVE-2020-8694), and since Linux 5.10 root alone may read them. Give the right to people you trust with all that "
          "runs on this machine."};
}

Remedy open_in_a_container() {
  return {"Let the container see the host's counters",
          {{"all of the host's /sys and /proc", "docker run --security-opt systempaths=unconfined ..."},
           {"or the counters only", "docker run -v /sys/devices/virtual/powercap:/sys/devices/virtual/powercap:ro ..."},
           {"users other than root need the group too, made on the host by perun doctor --fix-script",
            "docker run --group-add \"$(getent group perun | cut -d: -f3)\" ..."}},
          "Container runtimes hide powercap since 2023 because of the side channel PLATYPUS (CVE-2020-8694)."};
}

void look_at_powercap(const Patient& patient, Diagnosis& out) {
  const fs::path folder = patient.host.at_sys("class/powercap");
  const Zones zones = count_zones(folder);
  Finding found{Standing::ready, "powercap", fmt::format("{}: {}", folder.string(), counters(zones.all))};
  if (zones.all == 0 && zones.hidden > 0) {
    found.standing = Standing::blocked;
    found.text = fmt::format("{}: {} zones are hidden in this container", folder.string(), zones.hidden);
    found.remedy = add(out, open_in_a_container());
  } else if (zones.all == 0) {
    found.standing = Standing::absent;
    found.text = fmt::format("{}: no energy counter", folder.string());
  } else if (zones.readable < zones.all) {
    found.standing = Standing::blocked;
    found.text +=
        fmt::format(", {} of them readable by you; Linux 5.10 and later show them to root only (mode 0400)", zones.readable);
    found.remedy = add(out, open_to_a_group(patient));
  } else if (zones.for_root_only > 0) {
    found.standing = Standing::note;
    found.text += ", readable by root only; perun doctor --fix-script opens them to a group";
  }
  out.ways.push_back(std::move(found));
}

void look_at_perf_event(const Patient& patient, Diagnosis& out) {
  constexpr int sys_admin = 21, perfmon = 38;
  const fs::path pmu = patient.host.at_sys("bus/event_source/devices/power");
  Finding found{Standing::ready, "perf_event", ""};
  std::error_code none;
  if (!fs::exists(pmu, none)) {
    found.standing = Standing::absent;
    found.text = fmt::format("{}: no such unit", pmu.string());
    out.ways.push_back(std::move(found));
    return;
  }
  const auto paranoid = sysfs::integer(patient.host.at_proc("sys/kernel/perf_event_paranoid"));
  const bool admin = patient.uid == 0 || capable(patient.host, sys_admin);
  const bool allowed = admin || capable(patient.host, perfmon);
  const std::string level = paranoid ? std::to_string(*paranoid) : "unknown";
  found.text = fmt::format("{}; kernel.perf_event_paranoid is {}", pmu.string(), level);
  // Debian's and Ubuntu's kernels add a level above 2 that CAP_PERFMON does not pass.
  if (admin || (paranoid && (*paranoid <= 0 || (allowed && *paranoid <= 2)))) {
    out.ways.push_back(std::move(found));
    return;
  }
  found.standing = Standing::blocked;
  found.text += ": counting for whole CPUs needs 0 or less, or CAP_PERFMON (Linux 5.8)";
  if (allowed || (paranoid && *paranoid > 2))
    found.text += "; above 2 Debian and Ubuntu ask for CAP_SYS_ADMIN instead, so lower it to 2 beside the capability";
  if (!out.measurable && out.remedies.empty())  // else powercap gives away less
    found.remedy = add(
        out, {"Let every user count performance events, the energy counters among them",
              {{"a script that installs /etc/sysctl.d/60-perun.conf; read it", "perun doctor --fix-script > fix.sh"},
               {"then, once", "sudo PERUN_FIX_PERF=yes sh fix.sh"},
               {"or, until the next boot", "sudo sysctl kernel.perf_event_paranoid=0"}},
              "Opens more than powercap does: every user may then watch what others' programs do to the processor, beside the "
              "side channel of the energy counters (CVE-2020-8694). One job does with CAP_PERFMON: AmbientCapabilities= of its "
              "systemd unit. Never give it to the file perun, for whoever runs that has it then."});
  out.ways.push_back(std::move(found));
}

void look_at_msr(const Patient& patient, Diagnosis& out) {
  const fs::path file = patient.root / "dev/cpu/0/msr";
  std::error_code none;
  Finding found{Standing::ready, "msr", file.string()};
  if (!fs::exists(file, none)) {
    found.standing = Standing::absent;
    found.text += ": the module msr is not loaded";
  } else if (!sysfs::open(file)) {
    found.standing = Standing::blocked;
    found.text += ": needs root and CAP_SYS_RAWIO; leave it shut, it shows and sets far more than energy";
  }
  out.ways.push_back(std::move(found));
}

/// What remains to be said where nothing is shut but nothing is there either.
void advise_on_absence(const Patient& patient, Diagnosis& out) {
  if (out.measurable || !out.remedies.empty()) return;
  if (processors(patient.host).virtual_machine) {
    add(out, {"Measure on the host: a virtual machine has no energy counters of its own", {}, ""});
  } else if (!container_hint(patient).empty()) {
    add(out, open_in_a_container());
  } else {
    add(out, {"Load the driver of the processor's energy counters",
              {{"Intel since Sandy Bridge; AMD Zen since Linux 5.11", "sudo modprobe intel_rapl_msr"}},
              "Processors of other makers have no such counters; power sensors of the board may take their place."});
  }
}

}  // namespace

void look_at_ways(const Patient& patient, Diagnosis& out) {
  look_at_powercap(patient, out);
  look_at_perf_event(patient, out);
  look_at_msr(patient, out);
  advise_on_absence(patient, out);
}

}  // namespace perun
