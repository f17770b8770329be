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

Status lock(const Fd& fd, const std::filesystem::path& path, Share share, std::int64_t deadline_ns) {
  std::int64_t pause = first_pause_ns;
  while (::flock(fd.get(), static_cast<int>(share) | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK)
      return Error{Errc::unsupported,
                   fmt::format("cannot lock '{}': {}", path.string(), std::generic_category().message(errno)),
                   "use a file system with locks (on Lustre: mounted with -o flock) for --data_out"};
    const std::int64_t left = deadline_ns - monotonic_ns();
    if (left <= 0)
      return Error{Errc::busy, fmt::format("'{}' is in use by another program", path.string()),
                   "close the program that has it open, or use another --data_out"};
    pause_ns(std::min(pause, left));
    pause = std::min(pause * 2, longest_pause_ns);
  }
  return Ok{};
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

Result<Fd> open_locked(const std::filesystem::path& path, int flags, Share share, std::int64_t deadline_ns) {
  for (;;) {
    // O_NONBLOCK: opening a FIFO must not wait for its other end.
    Fd fd(::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK, 0666));
    if (!fd) return system_error("open", path);
    struct stat opened {};
    if (::fstat(fd.get(), &opened) != 0) return system_error("open", path);
    if (!S_ISREG(opened.st_mode))
      return Error{Errc::format,
                   fmt::format("'{}' is {}", path.string(), S_ISDIR(opened.st_mode) ? "a directory" : "not a regular file")};
    if (auto locked = lock(fd, path, share, deadline_ns); !locked) return locked.error();
    // While we waited, a file made elsewhere may have been renamed to this path, or this one removed.
    struct stat named {};
    if (::stat(path.c_str(), &named) == 0 && named.st_dev == opened.st_dev && named.st_ino == opened.st_ino) return fd;
  }
}

}  // namespace perun
