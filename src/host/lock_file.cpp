// SPDX-License-Identifier: BSD-3-Clause
#include "host/lock_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "base/fd.hpp"
#include "host/clock.hpp"
#include "host/owner.hpp"
#include "host/sysfs.hpp"

namespace perun {

namespace fs = std::filesystem;

namespace {

std::int64_t changed_ns(const struct stat& info) noexcept {
  return std::int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec;
}

Error failed(const fs::path& path, const char* doing) {
  const int why = errno;
  const Errc code = why == EACCES || why == EPERM || why == EROFS ? Errc::denied : why == ENOENT ? Errc::not_found : Errc::io;
  return {code, fmt::format("cannot {} '{}': {}", doing, path.string(), std::strerror(why))};
}

/// A name beside `path` that nobody else uses.
fs::path unique_beside(const fs::path& path, const char* what) {
  const Owner me = this_process();
  std::string host = me.host;
  for (char& c : host)
    if (c == '/' || c == '\0') c = '_';
  return path.parent_path() / fmt::format("{}.{}.{}.{}", path.filename().string(), host, ::getpid(), what);
}

/// A file that is gone again, made for the time it got.
class Mark {
 public:
  Mark(fs::path path, const std::string& text) : path_(std::move(path)) {
    const Fd fd(::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644));
    good_ = fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
            ::fstat(fd.get(), &info_) == 0;
    if (!good_) error_ = errno == 0 ? EIO : errno;
  }
  ~Mark() { ::unlink(path_.c_str()); }
  Mark(const Mark&) = delete;
  Mark& operator=(const Mark&) = delete;
  explicit operator bool() const noexcept { return good_; }
  [[nodiscard]] int error() const noexcept { return error_; }
  [[nodiscard]] const fs::path& path() const noexcept { return path_; }
  [[nodiscard]] const struct stat& info() const noexcept { return info_; }

 private:
  fs::path path_;
  struct stat info_ {};
  bool good_ = false;
  int error_ = 0;
};

/// Whether a lock file is nobody's any more. `mine` was made just now.
bool abandoned(const fs::path& path, const struct stat& lock, const Mark& mine) {
  const auto owner = decode_owner(sysfs::text(path, 4096).value_or(""));
  switch (owner ? life_of(*owner) : Life::elsewhere) {
    case Life::alive:
      return false;
    case Life::dead:
      return true;
    default:
      return changed_ns(mine.info()) - changed_ns(lock) > lock_file_patience_ns;
  }
}

}  // namespace

Flock try_flock(int fd, int how) noexcept {
  int n = 0;
  do n = ::flock(fd, how | LOCK_NB);
  while (n != 0 && errno == EINTR);
  return n == 0 ? Flock::taken : errno == EWOULDBLOCK ? Flock::busy : Flock::none;
}

std::int64_t age_ns(const fs::path& file) {
  struct stat info {};
  if (::stat(file.c_str(), &info) != 0) return 0;
  const Mark mark(unique_beside(file, "now"), "");
  return (mark ? changed_ns(mark.info()) : clock_ns(CLOCK_REALTIME)) - changed_ns(info);
}

fs::path lock_file_of(const fs::path& file) {
  return file.parent_path() / ("." + file.filename().string() + ".lock");
}

LockFile::Made LockFile::made(const struct stat& info) noexcept {
  return {info.st_dev, info.st_ino, changed_ns(info)};
}

/// Takes an abandoned lock file away. Should somebody else have replaced it meanwhile, his is put back; he looks before
/// he changes anything that matters (still_ours).
void LockFile::take_away(const fs::path& path, const struct stat& stale) {
  const fs::path aside = unique_beside(path, "stale");
  if (::rename(path.c_str(), aside.c_str()) != 0) return;
  struct stat moved {};
  const bool wrong = ::stat(aside.c_str(), &moved) == 0 && made(moved) != made(stale);
  if (wrong && ::link(aside.c_str(), path.c_str()) != 0) { /* a third one has it now */
  }
  ::unlink(aside.c_str());
}

Result<LockFile> LockFile::take(const fs::path& path) {
  const Mark mine(unique_beside(path, "new"), encode(this_process()));
  if (!mine) {
    errno = mine.error();
    return failed(path, "make the lock file");
  }
  for (int attempt = 0; attempt < 3; ++attempt) {
    struct stat info {};
    // NFS may say that it failed when only its answer was lost: the number of names decides.
    const int linked = ::link(mine.path().c_str(), path.c_str());
    const int why = errno;
    if (linked == 0 || (::stat(mine.path().c_str(), &info) == 0 && info.st_nlink == 2))
      return LockFile(path, made(mine.info()));
    if (why != EEXIST) {
      errno = why;
      return failed(path, "make the lock file");
    }
    if (::stat(path.c_str(), &info) != 0) continue;
    if (!abandoned(path, info, mine)) break;
    take_away(path, info);
  }
  return Error{Errc::busy, fmt::format("'{}' is held by {}", path.string(),
                                       describe(decode_owner(sysfs::text(path, 4096).value_or("")).value_or(Owner{})))};
}

bool LockFile::still_ours() const noexcept {
  struct stat info {};
  return ::stat(path_.c_str(), &info) == 0 && made(info) == made_;
}

void LockFile::give_back() noexcept {
  if (!path_.empty() && still_ours()) ::unlink(path_.c_str());
  path_.clear();
}

}  // namespace perun
