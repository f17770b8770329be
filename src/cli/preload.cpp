// SPDX-License-Identifier: BSD-3-Clause
#include "cli/preload.hpp"

#include <fmt/format.h>

#include "host/installed.hpp"

namespace perun {

Result<std::string> preload_of(const Config& config) {
  if (!config.mpi_hooks) return std::string();
  const std::string path = installed_file("libperunmpi.so").string();
  if (path.empty())
    return Error{Errc::not_found, "--mpi-hooks: libperunmpi.so is neither beside perun nor in ../libexec/perun",
                 "install perun as a whole"};
  if (path.find_first_of(" :") != std::string::npos)
    return Error{Errc::unsupported,
                 fmt::format("--mpi-hooks: the path {} holds a blank or a colon, which LD_PRELOAD cannot", path),
                 "install perun elsewhere"};
  return path;
}

}  // namespace perun
