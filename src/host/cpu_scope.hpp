// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <string_view>

#include "host/host.hpp"

namespace perun {

/// How much of a node's processors a program started from here may use. What is measured is the whole node, whatever
/// stands here.
struct CpuScope {
  int node_cpus = 0;        ///< online; 0: unknown
  int usable_cpus = 0;      ///< those of them in the affinity mask and in the cpuset; 0: unknown
  double quota_cpus = 0;    ///< processors' worth of time that cgroups allow; 0: no limit
  std::string cgroup = {};  ///< as /proc/self/cgroup names it; empty: none or the root

  /// The program may use less than the node has.
  [[nodiscard]] bool partial() const noexcept {
    return node_cpus > 0 && ((usable_cpus > 0 && usable_cpus < node_cpus) || (quota_cpus > 0 && quota_cpus < node_cpus));
  }
  friend bool operator==(const CpuScope&, const CpuScope&) = default;
};

/// From /proc/self/{status,cgroup,mountinfo}, the cgroup's cpu.max and cpuset.cpus.effective (v2) or cpu.cfs_* and
/// cpuset.effective_cpus (v1), and /sys/devices/system/cpu/online. What cannot be read is left unknown; never fails.
[[nodiscard]] CpuScope cpu_scope(const Host& host);

/// Processors in a list like "0-3,8": how many; 0 when it is not understood.
[[nodiscard]] int count_cpus(std::string_view list);

}  // namespace perun
