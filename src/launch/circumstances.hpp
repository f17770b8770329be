// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <sys/types.h>

#include "host/host.hpp"
#include "launch/git_look.hpp"
#include "model/run.hpp"

namespace perun {

/// What the agent of a run finds out about what shapes it (provenance.hpp, git) while it goes on.
class Circumstances {
 public:
  /// Of a program that has been started. What is found at once is returned, to be kept at once: the program, perun or the
  /// machine may end any time. git is asked beside it.
  [[nodiscard]] const Attributes& look(pid_t pid, const Run& run, const Host& host);

  /// All, with what git has said; it is waited for `git_patience_ms`. Nothing when look() never was.
  [[nodiscard]] const Attributes& finish(int git_patience_ms);

 private:
  Attributes found_;
  GitLook git_;
};

}  // namespace perun
