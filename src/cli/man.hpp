// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>

#include "cli/command_line.hpp"

namespace perun {

/// The man page of a command, or of all of perun for Command::nothing, in man(7)'s language. It is made of the same rows
/// as the help, so the two cannot differ.
[[nodiscard]] std::string man_page(Command topic);

/// "perun", "perun-monitor": the page's name.
[[nodiscard]] std::string man_name(Command topic);

}  // namespace perun
