// SPDX-License-Identifier: BSD-3-Clause
#include "host/machine.hpp"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "base/text.hpp"
#include "host/sysfs.hpp"

namespace perun {

namespace {

/// Calls `take(key, value)` for every "key : value" line.
template <class F>
void each_pair(std::string_view all, F&& take) {
  for (const auto line : text::split(all, '\n'))
    if (const auto colon = line.find(':'); colon != std::string_view::npos)
      take(text::trim(line.substr(0, colon)), text::trim(line.substr(colon + 1)));
}

int small_number(std::string_view s) {
  const auto n = text::integer(s);
  return n && *n > 0 && *n < 1'000'000 ? static_cast<int>(*n) : 0;
}

std::string or_unknown(const std::optional<std::string>& s) {
  return s && !s->empty() ? text::printable(*s) : std::string("unknown");
}

}  // namespace

Processors processors(const Host& host) {
  const auto all = sysfs::text(host.at_proc("cpuinfo"), 8 << 20);
  Processors p;
  int threads = 0;
  std::string socket = "0";
  std::set<std::string> sockets;
  std::set<std::pair<std::string, std::string>> cores;
  each_pair(all.value_or(""), [&](std::string_view key, std::string_view value) {
    if (key == "processor") {
      ++threads;
      socket = "0";
    } else if ((key == "model name" || key == "Model" || key == "cpu model") && p.model == "unknown" && !value.empty()) {
      p.model = text::printable(value);
    } else if (key == "vendor_id") {
      p.amd = value == "AuthenticAMD" || value == "HygonGenuine";
      p.intel = value == "GenuineIntel";
    } else if (key == "cpu family") {
      p.family = small_number(value);
    } else if (key == "model") {
      p.number = small_number(value);
    } else if (key == "physical id") {
      socket = value;
      sockets.insert(socket);
    } else if (key == "core id") {
      cores.emplace(socket, value);
    } else if (key == "flags" && !p.virtual_machine) {
      const auto flags = text::split(value, ' ');
      p.virtual_machine = std::find(flags.begin(), flags.end(), "hypervisor") != flags.end();
    }
  });
  p.threads = std::max(threads, 1);
  p.sockets = std::max(static_cast<int>(sockets.size()), 1);
  p.cores = cores.empty() ? p.threads : static_cast<int>(cores.size());
  return p;
}

std::int64_t memory_bytes(const Host& host) {
  constexpr std::int64_t most_kib = std::int64_t{1} << 40;  // 1 PiB; more is no memory but a lie
  std::int64_t bytes = 0;
  each_pair(sysfs::text(host.at_proc("meminfo")).value_or(""), [&](std::string_view key, std::string_view value) {
    if (key != "MemTotal") return;
    const auto kib = text::integer(value.substr(0, value.find(' ')));
    bytes = kib && *kib > 0 && *kib <= most_kib ? *kib * 1024 : 0;
  });
  return bytes;
}

std::string host_name() {
  utsname name{};
  if (::uname(&name) != 0 || name.nodename[0] == '\0') return "unknown";
  return text::to_utf8(name.nodename);
}

std::vector<std::pair<std::string, std::string>> describe_machine(const Host& host) {
  const Processors cpu = processors(host);
  utsname name{};
  ::uname(&name);
  return {{"kernel", text::to_utf8(name.release)},
          {"architecture", text::to_utf8(name.machine)},
          {"cpu_model", cpu.model},
          {"sockets", std::to_string(cpu.sockets)},
          {"cores", std::to_string(cpu.cores)},
          {"threads", std::to_string(cpu.threads)},
          {"virtual_machine", cpu.virtual_machine ? "yes" : "no"},
          {"memory_bytes", std::to_string(memory_bytes(host))},
          {"governor", or_unknown(sysfs::line(host.at_sys("devices/system/cpu/cpu0/cpufreq/scaling_governor")))},
          {"boot_id", or_unknown(sysfs::line(host.at_proc("sys/kernel/random/boot_id")))}};
}

}  // namespace perun
