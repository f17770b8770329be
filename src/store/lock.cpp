// SPDX-License-Identifier: BSD-3-Clause
#include "store/lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "host/clock.hpp"

namespace perun {

namespace {

constexpr std::int64_t first_pause_ns = 1'000'000;
constexpr std::int64_t longest_pause_ns = 20'000'000;

void pause_ns(std::int64_t ns) noexcept {
  const timespec t{ns / 1'000'000'000, ns % 1'000'000'000};
  ::nanosleep(&t, nullptr);
}

/// One try. Errc::busy when somebody has it.
Result<std::optional<LockFile>> try_lock(const Fd& fd, const std::filesystem::path& path, Share share) {
  switch (try_flock(fd.get(), static_cast<int>(share))) {
    case Flock::taken:
      return std::optional<LockFile>();
    case Flock::busy:
      return Error{Errc::busy, ""};
    default:
      break;
  }
  auto beside = LockFile::take(lock_file_of(path));
  if (beside) return std::optional(std::move(*beside));
  // Whatever a writer is at, the file can be read; only the totals may be those of the run before.
  if (share == Share::readers && beside.error().code != Errc::busy) return std::optional<LockFile>();
  return beside.error();
}

Result<std::optional<LockFile>> lock(const Fd& fd, const std::filesystem::path& path, Share share, std::int64_t deadline_ns) {
  std::int64_t pause = first_pause_ns;
  for (;;) {
    auto held = try_lock(fd, path, share);
    if (held || held.error().code != Errc::busy) return held;
    const std::int64_t left = deadline_ns - monotonic_ns();
    if (left <= 0)
      return Error{Errc::busy,
                   fmt::format("'{}' is in use by another program{}{}", path.string(), held.error().what.empty() ? "" : ": ",
                               held.error().what),
                   "close the program that has it open, or use another --data_out"};
    pause_ns(std::min(pause, left));
    pause = std::min(pause * 2, longest_pause_ns);
  }
}

}  // namespace

Error system_error(const char* action, const std::filesystem::path& path) {
  const int number = errno;
  const Errc code = number == ENOENT || number == ENOTDIR                    ? Errc::not_found
                    : number == EACCES || number == EPERM || number == EROFS ? Errc::denied
                    : number == EISDIR                                       ? Errc::format
                                                                             : Errc::io;
  return {code, fmt::format("cannot {} '{}': {}", action, path.string(), std::generic_category().message(number))};
}

Fd LockedFile::again() const noexcept {
  return Fd(::fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0));
}

Result<LockedFile> open_locked(const std::filesystem::path& path, int flags, Share share, std::int64_t deadline_ns) {
  for (;;) {
    // O_NONBLOCK: opening a FIFO must not wait for its other end.
    Fd fd(::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK, 0666));
    if (!fd) return system_error("open", path);
    struct stat opened {};
    if (::fstat(fd.get(), &opened) != 0) return system_error("open", path);
    if (!S_ISREG(opened.st_mode))
      return Error{Errc::format,
                   fmt::format("'{}' is {}", path.string(), S_ISDIR(opened.st_mode) ? "a directory" : "not a regular file")};
    auto locked = lock(fd, path, share, deadline_ns);
    if (!locked) return locked.error();
    // While we waited, a file made elsewhere may have been renamed to this path, or this one removed.
    struct stat named {};
    if (::stat(path.c_str(), &named) == 0 && named.st_dev == opened.st_dev && named.st_ino == opened.st_ino)
      return LockedFile(std::move(fd), std::move(*locked));
  }
}

}  // namespace perun
