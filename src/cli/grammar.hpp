// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <span>
#include <string_view>

#include "cli/command_line.hpp"

namespace perun {

/// One command as help lists it.
struct CommandInfo {
  Command command;
  std::string_view name, arguments;
  std::string_view heading;  ///< empty: not for people, and listed nowhere
  std::string_view summary;
  std::string_view about;  ///< lines between usage and options of its own help
};
[[nodiscard]] std::span<const CommandInfo> commands() noexcept;

/// The row of a command; null for nothing, help and version.
[[nodiscard]] const CommandInfo* find_command(Command command) noexcept;

/// An option of the command line alone, which is no setting.
struct Flag {
  std::string_view flags;    ///< in CLI11's words
  std::string_view metavar;  ///< empty: a switch
  std::string_view help;
  Scope scope;
  Command only;  ///< nothing: scope decides
  Status (*take)(CommandLine&, const std::string& text);
};
[[nodiscard]] std::span<const Flag> command_line_flags() noexcept;

/// Whether an option may stand after `command` (nothing: before the command).
[[nodiscard]] bool belongs(Scope scope, Command command) noexcept;
[[nodiscard]] bool belongs(const Flag& flag, Command command) noexcept;

}  // namespace perun
