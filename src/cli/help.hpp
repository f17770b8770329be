// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <vector>

#include "cli/command_line.hpp"

namespace perun {

/// The help of a command, or of all of perun for Command::nothing: at most 80 columns, ending in a newline.
[[nodiscard]] std::string help(Command topic);

/// One option as help shows it: "-l, --log_lvl" and its value's name apart, and what it does.
struct HelpRow {
  std::string flags, metavar, text;
};

/// The options that a command has of its own, and those of every command, in the order of help.
struct HelpOptions {
  std::vector<HelpRow> own, common;
};
[[nodiscard]] HelpOptions help_options(Command command);

}  // namespace perun
