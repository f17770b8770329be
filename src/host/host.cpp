// SPDX-License-Identifier: BSD-3-Clause
#include "host/host.hpp"

#include <linux/magic.h>
#include <sys/vfs.h>

namespace perun {

Host host_at(const std::filesystem::path& sysfs, const std::filesystem::path& procfs) {
  Host host;
  host.sysfs = sysfs;
  host.procfs = procfs;
  struct statfs system {};
  if (::statfs(sysfs.c_str(), &system) == 0 && system.f_type == SYSFS_MAGIC) return host;
  const bool slash = !sysfs.has_filename();
  host.devfs = (slash ? sysfs.parent_path() : sysfs).parent_path() / "dev";
  host.libraries.reset();
  host.ask_ipmi = nullptr;
  host.open_perf = nullptr;
  return host;
}

}  // namespace perun
