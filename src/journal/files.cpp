// SPDX-License-Identifier: BSD-3-Clause
#include "journal/files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/fd.hpp"

namespace perun::journal {

namespace fs = std::filesystem;

Error failed(const fs::path& path, std::string_view doing) {
  const int why = errno;
  const auto code = why == EACCES || why == EPERM || why == EROFS ? Errc::denied : why == ENOENT ? Errc::not_found : Errc::io;
  return {code, fmt::format("cannot {} {}: {}", doing, path.string(), std::strerror(why))};
}

Status write_all(int fd, std::span<const std::byte> bytes, std::uint64_t at) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return Error{Errc::io, n == 0 ? "nothing was written" : std::strerror(errno)};
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    at += static_cast<std::uint64_t>(n);
  }
  return Ok{};
}

Status rename_new(const fs::path& from, const fs::path& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return Ok{};
  // File systems that cannot promise it (NFS) say EINVAL; a run key is unique anyway.
  if (errno == EINVAL && ::rename(from.c_str(), to.c_str()) == 0) return Ok{};
  return failed(to, "create");
}

fs::path hidden_name(const fs::path& journal) {
  return fs::path(journal).replace_extension(".new");
}

void forget(const fs::path& journal) noexcept {
  ::unlink(hidden_name(journal).c_str());
  const fs::path folder = journal.parent_path();
  if (::rmdir(folder.c_str()) == 0 || errno == ENOENT) ::rmdir(folder.parent_path().c_str());
}

void sync_folders(const fs::path& journal) noexcept {
  fs::path folder = journal.parent_path();  // RUN_KEY, .perun, DATA_OUT
  for (int level = 0; level < 3; ++level, folder = folder.parent_path()) {
    const Fd fd(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd) ::fsync(fd.get());
  }
}

}  // namespace perun::journal
