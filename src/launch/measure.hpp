// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "launch/agent.hpp"
#include "launch/attend.hpp"
#include "launch/program.hpp"
#include "launch/signals.hpp"

namespace perun {

/// How a measured execution ended for the launcher.
struct Measured {
  int exit_code = 0;                       ///< the program's, as a shell reports it
  int signal = 0;                          ///< that killed it, or 0; of a job's rank only
  std::optional<RunSummary> summary = {};  ///< of the run, once it is stored
  std::optional<Run> run = {};             ///< what was measured, if it could not be stored but read
  std::optional<Stored> stored = {};       ///< empty when the run could not be stored
  std::optional<Error> not_stored = {};    ///< why, and where its journal is

  /// Takes the run as it is in its data file.
  void take(Stored in_file);
};

/// How what a caller had measured ended.
struct Ending {
  Moment at;
  Outcome outcome;
};

/// A process that is measured as it stands instead of a program that perun starts: from `go` on, until it says that what
/// was to be measured is over.
struct Caller {
  pid_t pid = -1;
  int fd = -1;                                  ///< readable when it has said something or is gone
  std::function<void()> go;                     ///< called when the first readings are taken and PERUN_MARKS ... are set
  std::function<std::optional<Ending>()> hear;  ///< called when fd is readable; the end, if it came
};

/// Which of perun's own copies of the program's files are let go once the program has them. A reader of the
/// program's output must see its end when the program closes it, not when perun does.
enum class Files : unsigned char { keep, let_go };

/// Runs the program once under an agent's eyes. `say` gets one line for the user at once (without "perun: ").
/// Errors: the program did not run; not_found 127, denied with exec's message 126, everything else 125 (see
/// exit_status). The process must have one thread.
[[nodiscard]] Result<Measured> measure(const Program& program, const AgentTask& task, SignalRelay& relay, Files files,
                                       std::span<const int> inherited, const std::function<void(std::string_view)>& say);

/// Measures the caller once under an agent's eyes; exit_code is the one that it tells. Else as above.
[[nodiscard]] Result<Measured> measure_caller(const Caller& caller, const AgentTask& task, SignalRelay& relay,
                                              const std::function<void(std::string_view)>& say);

/// Runs the program once unmeasured (warm-up rounds); its exit status.
[[nodiscard]] Result<int> run_unmeasured(const Program& program, SignalRelay& relay);

}  // namespace perun
