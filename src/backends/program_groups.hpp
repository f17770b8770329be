// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <sys/types.h>

#include <mutex>
#include <vector>

namespace perun {

/// Programs that serve as sensors, each the first of a process group of its own: none may outlive the run, not even one
/// whose probe is not through yet. Any thread.
class ProgramGroups {
 public:
  /// One that was started; killed at once where kill_all() was called already.
  void add(pid_t pid);

  /// Waits for one of them that has ended, or was killed, and forgets it.
  void reap(pid_t pid, int& status);

  void kill_all() noexcept;

 private:
  std::mutex mutex_;
  std::vector<pid_t> running_;  // with the mutex; none of them was waited for, so no other process has its number
  bool over_ = false;           // as above
};

}  // namespace perun
