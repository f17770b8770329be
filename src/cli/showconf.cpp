// SPDX-License-Identifier: BSD-3-Clause
#include "cli/commands.hpp"

namespace perun {

int showconf(const CommandLine& line, const Resolved& resolved) {
  return print(to_ini(line.defaults ? Resolved{} : resolved, line.origin)) ? 0 : 1;
}

}  // namespace perun
