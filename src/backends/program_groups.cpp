// SPDX-License-Identifier: BSD-3-Clause
#include "backends/program_groups.hpp"

#include <signal.h>
#include <sys/wait.h>

#include <cerrno>

namespace perun {

void ProgramGroups::add(pid_t pid) {
  const std::lock_guard lock(mutex_);
  running_.push_back(pid);
  if (over_) ::kill(-pid, SIGKILL);
}

void ProgramGroups::reap(pid_t pid, int& status) {
  siginfo_t ended{};  // who kills must not wait for one that takes its time, and its number must not be another's yet
  while (::waitid(P_PID, static_cast<id_t>(pid), &ended, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
  }
  const std::lock_guard lock(mutex_);
  ::waitpid(pid, &status, 0);
  std::erase(running_, pid);
}

void ProgramGroups::kill_all() noexcept {
  const std::lock_guard lock(mutex_);
  over_ = true;
  for (const pid_t pid : running_) ::kill(-pid, SIGKILL);
}

}  // namespace perun
