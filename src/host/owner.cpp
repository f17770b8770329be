// SPDX-License-Identifier: BSD-3-Clause
#include "host/owner.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <limits>

#include "base/json.hpp"
#include "base/text.hpp"
#include "host/machine.hpp"
#include "host/sysfs.hpp"

namespace perun {

namespace {

constexpr const char* boot_id_file = "/proc/sys/kernel/random/boot_id";

std::string own_pid_namespace() {
  std::error_code none;
  return std::filesystem::read_symlink("/proc/self/ns/pid", none).string();
}

struct Process {
  bool there = false;        ///< and not only waiting to be collected
  std::int64_t started = 0;  ///< clock ticks after the boot; 0: hidden from us
  bool exiting = false;
};

Process look_at(std::int64_t pid) {
  // Behind the name, which may hold anything: the state is the first field, the start the twentieth (proc(5), stat). The
  // kernel's flags are the seventh; PF_EXITING is 4 (its include/linux/sched.h).
  constexpr std::size_t state_at = 0, flags_at = 6, start_at = 19;
  constexpr std::int64_t exiting = 4;
  const auto stat = sysfs::text(fmt::format("/proc/{}/stat", pid));
  // A /proc mounted with hidepid shows nothing of other users' processes.
  if (!stat) return {::kill(static_cast<pid_t>(pid), 0) == 0 || errno == EPERM, 0, false};
  const auto end_of_name = stat->rfind(") ");
  if (end_of_name == std::string::npos) return {};
  const auto fields = text::split(std::string_view(*stat).substr(end_of_name + 2), ' ');
  if (fields.size() <= start_at || fields[state_at] == "Z" || fields[state_at] == "X") return {};
  return {true, text::integer(fields[start_at]).value_or(0), (text::integer(fields[flags_at]).value_or(0) & exiting) != 0};
}

}  // namespace

Owner this_process() {
  return {.host = host_name(),
          .boot_id = sysfs::line(boot_id_file).value_or(""),
          .pid_namespace = own_pid_namespace(),
          .pid = ::getpid(),
          .started = look_at(::getpid()).started};
}

bool same_boot(const Owner& owner) {
  return !owner.boot_id.empty() && owner.boot_id == sysfs::line(boot_id_file).value_or("");
}

Life life_of(const Owner& owner) {
  const bool here = same_boot(owner) && owner.pid_namespace == own_pid_namespace();
  if (!here || owner.pid <= 0 || owner.pid > std::numeric_limits<pid_t>::max()) return Life::elsewhere;
  const Process process = look_at(owner.pid);
  const bool same = process.started == 0 || owner.started == 0 || process.started == owner.started;
  return process.there && same ? Life::alive : Life::dead;
}

bool is_dying(const Owner& owner) {
  const Life life = life_of(owner);
  if (life != Life::alive) return life == Life::dead;
  if (look_at(owner.pid).exiting) return true;
  const auto status = sysfs::text(fmt::format("/proc/{}/status", owner.pid));
  if (!status) return false;
  for (const auto line : text::split(*status, '\n'))
    for (const std::string_view key : {"SigPnd:", "ShdPnd:"})  // of its thread and of all, as a hexadecimal mask
      if (line.starts_with(key)) {
        const std::string mask(text::trim(line.substr(key.size())));
        if ((std::strtoull(mask.c_str(), nullptr, 16) >> (SIGKILL - 1) & 1) != 0) return true;
      }
  return false;
}

std::string encode(const Owner& owner) {
  const auto utf8 = [](const std::string& s) { return text::to_utf8(s); };
  return Json{{"host", utf8(owner.host)},
              {"boot_id", utf8(owner.boot_id)},
              {"pid_namespace", utf8(owner.pid_namespace)},
              {"pid", owner.pid},
              {"started", owner.started}}
      .dump();
}

std::optional<Owner> decode_owner(std::string_view text) {
  const auto json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  const auto word = [&](const char* key) {
    const auto it = json.find(key);
    return it != json.end() && it->is_string() ? it->get<std::string>() : std::string();
  };
  const auto number = [&](const char* key) {
    const auto it = json.find(key);
    return it != json.end() && it->is_number_integer() ? it->get<std::int64_t>() : 0;
  };
  return Owner{word("host"), word("boot_id"), word("pid_namespace"), number("pid"), number("started")};
}

std::string describe(const Owner& owner) {
  return fmt::format("process {} on {}", owner.pid, owner.host.empty() ? "an unknown machine" : text::printable(owner.host));
}

}  // namespace perun
