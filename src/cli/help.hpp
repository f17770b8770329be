// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>

#include "cli/command_line.hpp"

namespace perun {

/// The help of a command, or of all of perun for Command::nothing: at most 80 columns, ending in a newline.
[[nodiscard]] std::string help(Command topic);

}  // namespace perun
