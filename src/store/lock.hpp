// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <sys/file.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <utility>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "host/lock_file.hpp"

namespace perun {

enum class Share : int { readers = LOCK_SH, nobody = LOCK_EX };

/// An open file and its lock: flock on the file, or a lock file where the file system has no flock.
class LockedFile {
 public:
  explicit LockedFile(Fd fd, std::optional<LockFile> beside = {}) : fd_(std::move(fd)), beside_(std::move(beside)) {}
  operator const Fd&() const noexcept { return fd_; }
  [[nodiscard]] int get() const noexcept { return fd_.get(); }

  /// False when another took the lock away, thinking that we are dead: only where locks are files.
  [[nodiscard]] bool still_ours() const noexcept { return !beside_ || beside_->still_ours(); }

  /// Another descriptor of the file; the lock goes on until both are closed, but for a lock file.
  [[nodiscard]] Fd again() const noexcept;

 private:
  Fd fd_;
  std::optional<LockFile> beside_;
};

/// Opens a regular file with `flags` and takes its lock, waiting until `deadline_ns` (CLOCK_MONOTONIC) for whoever has
/// it. On return the path still names the locked file. A reader who cannot write in the folder of a file system without
/// flock goes without a lock. Errors: not_found, denied, busy, format (not a regular file), io.
[[nodiscard]] Result<LockedFile> open_locked(const std::filesystem::path& path, int flags, Share share,
                                             std::int64_t deadline_ns);

/// An Error with errno's code and text: "cannot open 'x': Permission denied".
[[nodiscard]] Error system_error(const char* action, const std::filesystem::path& path);

}  // namespace perun
