// SPDX-License-Identifier: BSD-3-Clause
// Stands before the C library's pread, so that a test decides what reading a file gives; see faulty_pread.hpp.
#include "support/faulty_pread.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace perun::test {
std::function<std::optional<Answer>(std::string_view)> faulty_pread;
}

namespace {

ssize_t real_pread(int fd, void* to, std::size_t size, off_t at) {
  return ::syscall(SYS_pread64, fd, to, size, at);
}

ssize_t answered(int fd, void* to, std::size_t size, off_t at) {
  const ssize_t n = real_pread(fd, to, size, at);
  if (!perun::test::faulty_pread || n < 0 || at != 0) return n;
  const auto answer = perun::test::faulty_pread({static_cast<const char*>(to), static_cast<std::size_t>(n)});
  if (!answer) return n;
  if (answer->error != 0) {
    errno = answer->error;
    return -1;
  }
  const std::size_t length = std::min(size, answer->text.size());
  std::memcpy(to, answer->text.data(), length);
  return static_cast<ssize_t>(length);
}

}  // namespace

extern "C" ssize_t pread(int fd, void* to, std::size_t size, off_t at) {
  return answered(fd, to, size, at);
}
extern "C" ssize_t pread64(int fd, void* to, std::size_t size, off_t at) {
  return answered(fd, to, size, at);
}
