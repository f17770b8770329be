// SPDX-License-Identifier: BSD-3-Clause
// What surrounds a measurement: machine, container, control group, place of the data, clock.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <system_error>

#include "base/text.hpp"
#include "base/units.hpp"
#include "cli/diagnosis.hpp"
#include "host/machine.hpp"
#include "host/sysfs.hpp"

namespace perun {

namespace {

namespace fs = std::filesystem;

/// The path of a process's control group: that of version 2, else of the CPU controller.
std::string group_of(const Host& host, std::string_view process) {
  std::string found = "/";
  const auto all = sysfs::text(host.at_proc(fmt::format("{}/cgroup", process))).value_or("");
  for (const auto line : text::split(all, '\n')) {
    const auto parts = text::split(line, ':');  // "0::/slurm/job_1", "1:cpu:/"
    if (parts.size() < 3 || parts[2].size() < 2) continue;
    if (parts[0] == "0" || parts[1].find("cpu") != std::string_view::npos) found = parts[2];
  }
  return found;
}

Finding look_at_machine(const Host& host) {
  const Processors cpu = processors(host);
  const std::string what = fmt::format("{}, {} CPU{}", cpu.model, cpu.threads, cpu.threads == 1 ? "" : "s");
  if (!cpu.virtual_machine) return {Standing::ready, "machine", what};
  return {Standing::note, "machine",
          what + "; virtual (hypervisor flag in cpuinfo): the processor's energy counters belong to the host"};
}

Finding look_at_container(const Patient& patient) {
  const std::string hint = container_hint(patient);
  if (hint.empty()) return {Standing::ready, "container", "none"};
  return {Standing::note, "container", fmt::format("yes ({}); perun measures the whole host, not the container", hint)};
}

Finding look_at_cgroup(const Patient& patient) {
  const int cpus = processors(patient.host).threads;
  const std::string group = group_of(patient.host, "self");
  if (patient.allowed_cpus < cpus)
    return {Standing::note, "cgroup",
            fmt::format("{}: {} of {} CPUs are yours; energy is that of all of them", group, patient.allowed_cpus, cpus)};
  return {Standing::ready, "cgroup", fmt::format("{}: all {} CPUs", group, cpus)};
}

Finding look_at_data_out(const fs::path& folder) {
  constexpr double little = 100e6;
  std::error_code none;
  fs::path there = fs::absolute(folder, none).lexically_normal();
  while (!fs::exists(there, none) && there.has_relative_path()) there = there.parent_path();
  const std::string shown = folder.string();
  if (!fs::is_directory(there, none))
    return {Standing::blocked, "data_out", fmt::format("{}: {} is no directory", shown, there.string()), "--data_out DIR"};
  if (::faccessat(AT_FDCWD, there.c_str(), W_OK | X_OK, AT_EACCESS) != 0)
    return {Standing::blocked, "data_out", fmt::format("{}: {} cannot be written", shown, there.string()),
            "--data_out DIR, or PERUN_DATA_OUT, with a directory of yours"};
  struct statvfs room {};
  if (::statvfs(there.c_str(), &room) != 0) return {Standing::ready, "data_out", shown + ": can be written"};
  const double free = static_cast<double>(room.f_bavail) * static_cast<double>(room.f_frsize);
  return {free < little ? Standing::note : Standing::ready, "data_out",
          fmt::format("{}: can be written, {} free", shown, units::si(free, "B", 3))};
}

Finding look_at_clock(const Host& host) {
  constexpr int looks = 1000;
  const std::int64_t begin = host.now_ns();
  for (int i = 1; i < looks; ++i) static_cast<void>(host.now_ns());
  const double each = static_cast<double>(host.now_ns() - begin) / looks * 1e-9;
  const auto source = sysfs::line(host.at_sys("devices/system/clocksource/clocksource0/current_clocksource"));
  const std::string what = fmt::format("{}, {} a look", source.value_or("source unknown"), units::si(each, "s", 2));
  // These are read over a slow bus, by a system call each time.
  if (source == "hpet" || source == "acpi_pm")
    return {Standing::note, "clock", what + "; slow, since the kernel does not trust the TSC: each reading takes longer"};
  return {Standing::ready, "clock", what};
}

}  // namespace

std::string container_hint(const Patient& patient) {
  std::error_code none;
  for (const std::string_view file : {".dockerenv", "run/.containerenv"})
    if (fs::exists(patient.root / file, none)) return "/" + std::string(file);
  constexpr std::array<std::string_view, 6> marks{"docker", "kubepods", "containerd", "libpod", "lxc", "garden"};
  for (const std::string_view process : {"self", "1"}) {
    const std::string group = group_of(patient.host, process);
    for (const auto mark : marks)
      if (group.find(mark) != std::string::npos) return "cgroup " + group;
  }
  return {};
}

std::vector<Finding> look_around(const Patient& patient) {
  return {look_at_machine(patient.host), look_at_container(patient), look_at_cgroup(patient),
          look_at_data_out(patient.data_out), look_at_clock(patient.host)};
}

}  // namespace perun
