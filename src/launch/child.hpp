// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <signal.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "base/fd.hpp"
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

/// What holds the program's process before its exec. A byte through it lets the program go; when the last writer is gone
/// without one, the process ends.
struct Gate {
  Fd reader, writer;
  static Result<Gate> make();
};

/// Lets the program behind the gate go; returns the moment before.
[[nodiscard]] Result<Moment> open_gate(Fd& writer);

/// Why an exec failed: not_found (exit status 127) or denied (126).
[[nodiscard]] Error exec_error(const Program& program, int why);

/// The measured program: a child of this process, in its process group, held at a gate. It dies with this process
/// (PDEATHSIG); one that is given up is killed, never leaked. Call from a process of one thread.
class Child {
 public:
  /// The process exists and waits behind `gate`, whose writer this process may hold too or not.
  static Result<Child> spawn(const Program& program, const SignalState& signals, Gate& gate);

  /// Waits for the exec behind an opened gate. Errors are exec_error's.
  Status executed();

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
  Child() = default;
  Program program_;
  pid_t pid_ = -1;
  Fd failed_;
};

}  // namespace perun
