// SPDX-License-Identifier: BSD-3-Clause
// A layer below a program (LD_PRELOAD) in which the calls that change files below a folder fail, stop half-way or kill.
//   FAULTS_BELOW=DIR[:DIR]  the folders meant
//   FAULTS_COUNT=FILE       a file of 8 bytes in which the processes of a run count their calls together
//   FAULTS=WHAT@N           the Nth call (from 1) does WHAT: enospc, edquot, eio, erofs, eacces, half (half is written),
//                           kill (SIGKILL instead of the call), killafter; with N+ that call and all after it
//   FAULTS_NO_FLOCK=ERRNO   flock() fails: enolck, enosys, eopnotsupp
//   FAULTS_LOG=FILE         one line for each call: name, length, path or descriptor
// Descriptors are followed by /proc/self/fd, so that it needs no table.
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace {

template <class F>
F* real(const char* name) {
  return reinterpret_cast<F*>(::dlsym(RTLD_NEXT, name));
}

std::string_view variable(const char* name) {
  const char* value = ::getenv(name);
  return value == nullptr ? std::string_view() : value;
}

int error_of(std::string_view what) {
  if (what == "enospc") return ENOSPC;
  if (what == "edquot") return EDQUOT;
  if (what == "eio") return EIO;
  if (what == "erofs") return EROFS;
  if (what == "eacces") return EACCES;
  if (what == "enolck") return ENOLCK;
  if (what == "enosys") return ENOSYS;
  if (what == "eopnotsupp") return EOPNOTSUPP;
  return 0;
}

bool is_below(std::string_view path) {
  std::string_view folders = variable("FAULTS_BELOW");
  while (!folders.empty()) {
    const auto end = folders.find(':');
    const auto folder = folders.substr(0, end);
    if (!folder.empty() && path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/'))
      return true;
    folders = end == std::string_view::npos ? std::string_view() : folders.substr(end + 1);
  }
  return false;
}

std::string path_of(int fd) {
  char link[64], path[PATH_MAX];
  ::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t n = ::readlink(link, path, sizeof path);
  return n <= 0 ? std::string() : std::string(path, static_cast<std::size_t>(n));
}

std::uint64_t count() {
  static std::uint64_t* const shared = [] {
    const std::string file(variable("FAULTS_COUNT"));
    const int fd =
        file.empty() ? -1 : real<int(const char*, int, ...)>("open")(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0 || real<int(int, off_t)>("ftruncate")(fd, 8) != 0) return static_cast<std::uint64_t*>(nullptr);
    void* const at = ::mmap(nullptr, 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ::close(fd);
    return at == MAP_FAILED ? nullptr : static_cast<std::uint64_t*>(at);
  }();
  return shared == nullptr ? 0 : __atomic_add_fetch(shared, 1, __ATOMIC_SEQ_CST);
}

void log_call(const char* name, std::uint64_t number, std::string_view path, std::size_t length) {
  const std::string file(variable("FAULTS_LOG"));
  if (file.empty()) return;
  const int fd = real<int(const char*, int, ...)>("open")(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  char line[PATH_MAX + 128];
  const int n = ::snprintf(line, sizeof line, "%lu %s %zu %ld.%09ld %.*s\n", static_cast<unsigned long>(number), name, length,
                           static_cast<long>(t.tv_sec), t.tv_nsec, static_cast<int>(path.size()), path.data());
  if (n > 0) static_cast<void>(real<ssize_t(int, const void*, size_t)>("write")(fd, line, static_cast<std::size_t>(n)));
  ::close(fd);
}

enum class Fate { run, fail, half, kill_after };

/// Counts a call and says what is to become of it; errno is set when it fails.
Fate meet(const char* name, std::string_view path, std::size_t length = 0) {
  if (!is_below(path)) return Fate::run;
  const int before = errno;
  const std::uint64_t number = count();
  log_call(name, number, path, length);
  errno = before;
  const std::string_view faults = variable("FAULTS");
  const auto at = faults.find('@');
  if (at == std::string_view::npos) return Fate::run;
  const auto what = faults.substr(0, at);
  const std::uint64_t wanted = std::strtoull(faults.data() + at + 1, nullptr, 10);
  const bool onward = faults.ends_with('+');
  if (number < wanted || (number > wanted && !onward)) return Fate::run;
  if (what == "kill") ::kill(::getpid(), SIGKILL);
  if (what == "killafter") return Fate::kill_after;
  // Removing things is what helps.
  if ((what == "enospc" || what == "edquot") && (std::string_view(name) == "unlink" || std::string_view(name) == "rmdir"))
    return Fate::run;
  if (what == "half") return length > 1 ? Fate::half : Fate::run;
  errno = error_of(what);
  return Fate::fail;
}

template <class T>
T finish(Fate fate, T result) {
  if (fate == Fate::kill_after) ::kill(::getpid(), SIGKILL);
  return result;
}

}  // namespace

#define REAL(name) real<decltype(::name)>(#name)

extern "C" {

ssize_t write(int fd, const void* bytes, size_t n) {
  const Fate fate = fd > 2 ? meet("write", path_of(fd), n) : Fate::run;
  if (fate == Fate::fail) return -1;
  return finish(fate, REAL(write)(fd, bytes, fate == Fate::half ? n / 2 : n));
}

ssize_t pwrite(int fd, const void* bytes, size_t n, off_t at) {
  const Fate fate = meet("pwrite", path_of(fd), n);
  if (fate == Fate::fail) return -1;
  return finish(fate, REAL(pwrite)(fd, bytes, fate == Fate::half ? n / 2 : n, at));
}
ssize_t pwrite64(int fd, const void* bytes, size_t n, off_t at) {
  return pwrite(fd, bytes, n, at);
}

int fsync(int fd) {
  const Fate fate = meet("fsync", path_of(fd));
  return fate == Fate::fail ? -1 : finish(fate, REAL(fsync)(fd));
}
int fdatasync(int fd) {
  const Fate fate = meet("fdatasync", path_of(fd));
  return fate == Fate::fail ? -1 : finish(fate, REAL(fdatasync)(fd));
}
int ftruncate(int fd, off_t size) noexcept {
  const Fate fate = meet("ftruncate", path_of(fd));
  return fate == Fate::fail ? -1 : finish(fate, REAL(ftruncate)(fd, size));
}
int ftruncate64(int fd, off_t size) noexcept {
  return ftruncate(fd, size);
}

int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  const Fate fate = (flags & O_CREAT) != 0 ? meet("open", path) : Fate::run;
  if (fate == Fate::fail) return -1;
  return finish(fate, real<int(const char*, int, ...)>("open")(path, flags, mode));
}
int open64(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return open(path, flags, mode);
}

int mkdir(const char* path, mode_t mode) noexcept {
  const Fate fate = meet("mkdir", path);
  return fate == Fate::fail ? -1 : finish(fate, REAL(mkdir)(path, mode));
}
int rename(const char* from, const char* to) noexcept {
  const Fate fate = meet("rename", to);
  return fate == Fate::fail ? -1 : finish(fate, REAL(rename)(from, to));
}
int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) noexcept {
  const Fate fate = meet("rename", to);
  return fate == Fate::fail ? -1 : finish(fate, REAL(renameat2)(from_folder, from, to_folder, to, flags));
}
int link(const char* from, const char* to) noexcept {
  const Fate fate = meet("link", to);
  return fate == Fate::fail ? -1 : finish(fate, REAL(link)(from, to));
}
int unlink(const char* path) noexcept {
  const Fate fate = meet("unlink", path);
  return fate == Fate::fail ? -1 : finish(fate, REAL(unlink)(path));
}
int rmdir(const char* path) noexcept {
  const Fate fate = meet("rmdir", path);
  return fate == Fate::fail ? -1 : finish(fate, REAL(rmdir)(path));
}

int flock(int fd, int how) noexcept {
  if (const auto why = variable("FAULTS_NO_FLOCK"); !why.empty() && is_below(path_of(fd))) {
    errno = error_of(why);
    return -1;
  }
  return REAL(flock)(fd, how);
}

}  // extern "C"
