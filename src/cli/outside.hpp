// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "launch/place.hpp"

namespace perun {

/// Whether the program is an srun that perun can measure from outside: in an allocation Slurm can start one more step beside
/// the program's own, on all nodes.
[[nodiscard]] bool is_srun_in_allocation(const std::vector<std::string>& words, const Place& place);

/// The words of a program that is measured from outside, which is where the stand-ins get them.
[[nodiscard]] std::optional<std::vector<std::string>> words_from_outside();

/// A step with one perun on each node of the allocation, which measures from start() to finish(), whatever happens to the
/// steps beside it. Reports come from there.
class SideStep {
 public:
  /// Returns when all nodes measure. `app` is what the run is filed under, empty when an option says it; `words` are the
  /// program's. Errors: io when the step
  /// did not come about within a minute.
  static Result<SideStep> start(const std::string& app, const std::vector<std::string>& words);

  /// Ends the measuring of a program with this exit status; what the step printed on stdout goes to stdout.
  void finish(int status);

 private:
  SideStep(pid_t pid, Fd to, Fd from) : pid_(pid), to_(std::move(to)), from_(std::move(from)) {}
  pid_t pid_;
  Fd to_, from_;
};

/// The name for runs of `srun [OPTIONS] PROGRAM`: of the first word that is a program, else "srun".
[[nodiscard]] std::string app_behind_srun(const std::vector<std::string>& words, const std::string& path);

}  // namespace perun
