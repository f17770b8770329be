// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <utility>

#include "base/result.hpp"

namespace perun {

/// Whether a descriptor could be locked by flock().
enum class Flock : unsigned char {
  taken,
  busy,
  none,  ///< the file system has no such locks (NFS without lockd, Lustre without -o flock)
};
/// One try; `how` is LOCK_SH or LOCK_EX.
[[nodiscard]] Flock try_flock(int fd, int how) noexcept;

/// After so long without a change a lock file whose owner cannot be asked is nobody's (docs/format.md, "Locks").
inline constexpr std::int64_t lock_file_patience_ns = 300'000'000'000;

/// How long ago a file changed, by the clock of the file system it is on, so that clocks of machines need not agree;
/// by our own where nothing can be written there.
[[nodiscard]] std::int64_t age_ns(const std::filesystem::path& file);

/// A lock for file systems that have none: a file made by link(2), which only one can succeed in, and which says who
/// made it. One whose owner is dead, or elsewhere and silent for too long, is taken away. Gives itself back.
class LockFile {
 public:
  /// One try. Errc::busy when somebody has it; denied or io when the folder cannot be written.
  static Result<LockFile> take(const std::filesystem::path& path);

  LockFile(LockFile&& other) noexcept : path_(std::exchange(other.path_, {})), made_(other.made_) {}
  LockFile& operator=(LockFile&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(made_, other.made_);
    return *this;
  }
  ~LockFile() { give_back(); }

  /// Whether nobody took it away meanwhile, thinking that we are dead.
  [[nodiscard]] bool still_ours() const noexcept;
  void give_back() noexcept;

 private:
  /// Which file it is. An inode is used again at once when its file is gone; its time is another then.
  struct Made {
    dev_t device;
    ino_t inode;
    std::int64_t changed_ns;
    friend bool operator==(const Made&, const Made&) = default;
  };
  LockFile(std::filesystem::path path, const Made& made) : path_(std::move(path)), made_(made) {}
  static Made made(const struct stat& info) noexcept;
  static void take_away(const std::filesystem::path& path, const struct stat& stale);

  std::filesystem::path path_;  ///< empty: given back
  Made made_;
};

/// The lock file of `DIR/NAME`: `DIR/.NAME.lock`.
[[nodiscard]] std::filesystem::path lock_file_of(const std::filesystem::path& file);

}  // namespace perun
