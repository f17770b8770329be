// SPDX-License-Identifier: BSD-3-Clause
// Sources: proc(5), cgroups(7), Linux Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/cpusets.rst.
#include "host/cpu_scope.hpp"

#include <algorithm>
#include <bitset>
#include <filesystem>
#include <optional>
#include <vector>

#include "base/text.hpp"
#include "host/sysfs.hpp"

namespace perun {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t most_cpus = 65536;
using Cpus = std::bitset<most_cpus>;

/// "0-3,8" as a set; nothing when it is something else.
std::optional<Cpus> cpus_of(std::string_view list) {
  Cpus cpus;
  for (const auto part : text::split(text::trim(list), ',')) {
    const auto dash = part.find('-');
    const auto first = text::integer(part.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : text::integer(part.substr(dash + 1));
    if (!first || !last || *first < 0 || *last < *first || *last >= static_cast<std::int64_t>(most_cpus)) return std::nullopt;
    for (std::int64_t cpu = *first; cpu <= *last; ++cpu) cpus.set(static_cast<std::size_t>(cpu));
  }
  return cpus;
}

std::optional<Cpus> cpus_in(const fs::path& file) {
  const auto line = sysfs::line(file);
  return line && !line->empty() ? cpus_of(*line) : std::nullopt;
}

/// One line of /proc/self/cgroup: v2 has no controllers.
struct Membership {
  std::string_view controllers, path;
};

/// The one of `controller`; "" for v2's.
std::optional<Membership> membership(std::string_view cgroups, std::string_view controller) {
  for (const auto line : text::split(cgroups, '\n')) {
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) continue;
    const Membership m{line.substr(first + 1, second - first - 1), line.substr(second + 1)};
    const auto names = text::split(m.controllers, ',');
    if (std::find(names.begin(), names.end(), controller) != names.end()) return m;
  }
  return std::nullopt;
}

/// "036 040 050": blanks and the like in mountinfo stand as "\040".
std::string unescaped(std::string_view s) {
  std::string out;
  for (std::size_t i = 0; i < s.size(); ++i) {
    if (s[i] == '\\' && i + 3 < s.size()) {
      out += static_cast<char>((s[i + 1] - '0') * 64 + (s[i + 2] - '0') * 8 + (s[i + 3] - '0'));
      i += 3;
    } else {
      out += s[i];
    }
  }
  return out;
}

/// A cgroup's folder and the top of what is mounted of its hierarchy.
struct Folder {
  fs::path top, own;
};

/// Where the hierarchy of `controller` shows the cgroup `path`. A container may see a subtree only: its mount's root is
/// then a prefix of the path.
std::optional<Folder> folder_of(const Host& host, std::string_view mounts, std::string_view controller, std::string_view path) {
  for (const auto line : text::split(mounts, '\n')) {
    const auto words = text::split(line, ' ');
    const auto dash = std::find(words.begin(), words.end(), "-");
    if (words.size() < 6 || words.end() - dash < 4) continue;
    const auto options = text::split(*(dash + 3), ',');
    const bool fits = controller.empty()
                          ? *(dash + 1) == "cgroup2"
                          : *(dash + 1) == "cgroup" && std::find(options.begin(), options.end(), controller) != options.end();
    if (!fits) continue;
    const std::string root = unescaped(words[3]), mounted = unescaped(words[4]);
    std::string_view below = path;
    if (root != "/" && below.starts_with(root)) below.remove_prefix(root.size());
    while (below.starts_with('/')) below.remove_prefix(1);
    if (below.find("..") != std::string_view::npos) below = {};  // outside of this cgroup namespace
    const fs::path top = mounted.starts_with("/sys/") ? host.at_sys(std::string_view(mounted).substr(5)) : fs::path(mounted);
    return Folder{top, below.empty() ? top : top / below};
  }
  return std::nullopt;
}

/// Processors' worth of time in one folder: "max 100000" or "250000 100000" (v2), two files (v1); 0 for no limit.
double quota_in(const fs::path& folder) {
  std::optional<double> quota, period;
  if (const auto line = sysfs::line(folder / "cpu.max")) {
    const auto words = text::split(*line, ' ');
    if (words.size() == 2) quota = text::number(words[0]), period = text::number(words[1]);
  } else if (const auto v1 = sysfs::line(folder / "cpu.cfs_quota_us")) {
    quota = text::number(*v1);
    period = text::number(sysfs::line(folder / "cpu.cfs_period_us").value_or(""));
  }
  return quota && period && *quota > 0 && *period > 0 ? *quota / *period : 0;
}

/// The strictest quota from the cgroup up to the top: each level limits all below it.
double quota_of(const Folder& folder) {
  double least = 0;
  for (fs::path at = folder.own;; at = at.parent_path()) {
    if (const double here = quota_in(at); here > 0) least = least > 0 ? std::min(least, here) : here;
    if (at == folder.top || !at.has_relative_path()) return least;
  }
}

std::string_view status_field(std::string_view status, std::string_view key) {
  for (const auto line : text::split(status, '\n'))
    if (line.starts_with(key)) return text::trim(line.substr(key.size()));
  return {};
}

}  // namespace

int count_cpus(std::string_view list) {
  const auto cpus = cpus_of(list);
  return cpus ? static_cast<int>(cpus->count()) : 0;
}

CpuScope cpu_scope(const Host& host) {
  CpuScope scope;
  const auto online = cpus_in(host.at_sys("devices/system/cpu/online"));
  if (online) scope.node_cpus = static_cast<int>(online->count());
  const auto status = sysfs::text(host.at_proc("self/status")).value_or("");
  std::optional<Cpus> usable = cpus_of(status_field(status, "Cpus_allowed_list:"));
  const auto narrow = [&](const std::optional<Cpus>& to) {
    if (to && to->any()) usable = usable ? *usable & *to : *to;
  };
  const auto cgroups = sysfs::text(host.at_proc("self/cgroup")).value_or("");
  const auto mounts = sysfs::text(host.at_proc("self/mountinfo")).value_or("");
  const auto look = [&](std::string_view controller, auto&& use) {
    const auto member = membership(cgroups, controller);
    if (!member) return;
    if (scope.cgroup.empty() && member->path != "/") scope.cgroup = text::to_utf8(member->path);
    if (const auto folder = folder_of(host, mounts, controller, member->path)) use(*folder);
  };
  const auto take_quota = [&](const Folder& f) {
    if (const double q = quota_of(f); q > 0) scope.quota_cpus = scope.quota_cpus > 0 ? std::min(scope.quota_cpus, q) : q;
  };
  look("cpu", take_quota);
  look("cpuset", [&](const Folder& f) { narrow(cpus_in(f.own / "cpuset.effective_cpus")); });
  look("", [&](const Folder& f) {
    take_quota(f);
    narrow(cpus_in(f.own / "cpuset.cpus.effective"));
  });
  narrow(online);
  if (usable) scope.usable_cpus = static_cast<int>(usable->count());
  return scope;
}

}  // namespace perun
