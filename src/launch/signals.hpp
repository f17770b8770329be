// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "launch/child.hpp"

namespace perun {

/// Sees to it that a signal meant for the program reaches it exactly once. A terminal, a shell or mpirun signal the
/// whole process group, and the program has it already; `kill PID` and Slurm reach perun alone, and it must be passed
/// on. Nothing in a signal tells the two apart, so a canary - a tiny process in the same group - reports what it
/// gets: a signal that it saw too was for the group.
///
/// Blocks the signals in this process for its lifetime. One thread.
class SignalRelay {
 public:
  static Result<SignalRelay> start();

  [[nodiscard]] const SignalState& before() const noexcept { return before_; }
  [[nodiscard]] int signal_fd() const noexcept { return signals_.get(); }
  [[nodiscard]] int canary_fd() const noexcept { return canary_.get(); }

  /// What came since the last call. `child_changed`: look at the child. `received`: signals this process got.
  struct News {
    bool child_changed = false;
    std::vector<int> received;
  };
  News collect(std::int64_t now_ns);

  /// Signals that the canary did not see within its time: to be sent to the program.
  [[nodiscard]] std::vector<int> due(std::int64_t now_ns);

  /// ms until due() has something, or -1.
  [[nodiscard]] int timeout_ms(std::int64_t now_ns) const;

  /// Ends the canary early, when there is no program left to pass signals to. collect() goes on working.
  void retire_canary() noexcept;

  SignalRelay(SignalRelay&&) noexcept;
  SignalRelay& operator=(SignalRelay&&) = delete;
  ~SignalRelay();

 private:
  SignalRelay() = default;
  struct Seen {
    int signal;
    std::int64_t at_ns;
  };
  SignalState before_;
  Fd signals_, canary_;
  pid_t canary_pid_ = -1;
  std::vector<Seen> waiting_;  ///< got here, not yet seen by the canary
  std::vector<Seen> grouped_;  ///< seen by the canary, not yet got here
};

}  // namespace perun
