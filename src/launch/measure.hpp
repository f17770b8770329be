// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "launch/agent.hpp"
#include "launch/program.hpp"
#include "launch/signals.hpp"

namespace perun {

/// How a measured execution ended for the launcher.
struct Measured {
  int exit_code = 0;                  ///< the program's, as a shell reports it
  std::optional<RunSummary> summary;  ///< of the run, once it is stored
  std::optional<Run> run;             ///< what was measured, if it could not be stored but read
  std::optional<Stored> stored;       ///< empty when the run could not be stored
  std::optional<Error> not_stored;    ///< why, and where its journal is
};

/// Which of perun's own copies of the program's files are let go once the program has them. A reader of the
/// program's output must see its end when the program closes it, not when perun does.
enum class Files : unsigned char { keep, let_go };

/// File descriptors above stderr that perun was started with.
[[nodiscard]] std::vector<int> inherited_files();

/// Runs the program once under an agent's eyes. `say` gets one line for the user at once (without "perun: ").
/// Errors: the program did not run; not_found 127, denied with exec's message 126, everything else 125 (see
/// exit_status). The process must have one thread.
[[nodiscard]] Result<Measured> measure(const Program& program, const AgentTask& task, SignalRelay& relay, Files files,
                                       std::span<const int> inherited, const std::function<void(std::string_view)>& say);

/// Runs the program once unmeasured (warm-up rounds); its exit status.
[[nodiscard]] Result<int> run_unmeasured(const Program& program, SignalRelay& relay);

}  // namespace perun
