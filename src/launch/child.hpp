// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <signal.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "base/result.hpp"
#include "launch/program.hpp"
#include "model/run.hpp"

namespace perun {

/// The signal state that the program must find as perun found it.
struct SignalState {
  sigset_t mask{};
  bool pipe_ignored = false;
  bool child_ignored = false;
};

/// The measured program: a child of this process, in its process group. It dies with this process (PDEATHSIG); one
/// that is given up is killed, never leaked. Call from a process of one thread.
class Child {
 public:
  /// Returns when the program has been executed. Errors: not_found (exit status 127), denied (126), io.
  static Result<Child> start(const Program& program, const SignalState& signals);

  /// What happened to it, without waiting. `stopped` holds the stopping signal.
  struct Change {
    enum class What : unsigned char { nothing, ended, stopped, continued } what = What::nothing;
    int signal = 0;
    int exit_code = 0;  ///< as a shell reports it
    Moment at;
    ::rusage usage{};
  };
  Change poll();

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  void send(int signal) noexcept;

  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  ~Child();

 private:
  explicit Child(pid_t pid) : pid_(pid) {}
  pid_t pid_;
};

}  // namespace perun
