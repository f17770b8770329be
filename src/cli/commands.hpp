// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string_view>

#include "cli/command_line.hpp"
#include "config/config.hpp"

namespace perun {

/// The commands; each returns perun's exit status and has told on stderr what went wrong.
[[nodiscard]] int monitor(const CommandLine& line, const Resolved& resolved);
[[nodiscard]] int watch_live(const CommandLine& line, const Resolved& resolved);
[[nodiscard]] int mark(const CommandLine& line);
[[nodiscard]] int report(const CommandLine& line, const Resolved& resolved);
[[nodiscard]] int compare(const CommandLine& line, const Resolved& resolved);
[[nodiscard]] int postprocess(const CommandLine& line, const Resolved& resolved);
[[nodiscard]] int recover(const CommandLine& line, const Resolved& resolved);
[[nodiscard]] int runs(const CommandLine& line, const Resolved& resolved);
[[nodiscard]] int export_runs(const CommandLine& line, const Resolved& resolved);
[[nodiscard]] int plot(const CommandLine& line, const Resolved& resolved);
[[nodiscard]] int serve_pages(const CommandLine& line, const Resolved& resolved);
[[nodiscard]] int merge(const CommandLine& line, const Resolved& resolved);
[[nodiscard]] int sensors(const CommandLine& line, const Resolved& resolved);
[[nodiscard]] int doctor(const CommandLine& line, const Resolved& resolved);
[[nodiscard]] int qualify(const CommandLine& line, const Resolved& resolved);
[[nodiscard]] int showconf(const CommandLine& line, const Resolved& resolved);

/// "perun: WHAT" on stderr, the hint below it.
void complain(const Error& error);

/// Writes `text` to stdout; false, with a complaint, when it could not be written in full.
[[nodiscard]] bool print(std::string_view text);

}  // namespace perun
