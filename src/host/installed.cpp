// SPDX-License-Identifier: BSD-3-Clause
#include "host/installed.hpp"

#include <unistd.h>

namespace perun {

namespace fs = std::filesystem;

fs::path installed_file(std::string_view name) {
  std::error_code failed;
  const fs::path folder = fs::read_symlink("/proc/self/exe", failed).parent_path();
  for (const fs::path& path : {folder / name, folder.parent_path() / "libexec/perun" / name})
    if (::access(path.c_str(), R_OK) == 0) return path;
  return {};
}

}  // namespace perun
