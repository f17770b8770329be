// SPDX-License-Identifier: BSD-3-Clause
#include "launch/meeting.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/crc32c.hpp"
#include "host/machine.hpp"
#include "host/sysfs.hpp"

namespace perun {

namespace fs = std::filesystem;

namespace {

constexpr int most_callers = 4096;
constexpr std::int64_t left_behind_s = 60;
constexpr unsigned files_pause_us = 20'000;
constexpr std::string_view count_prefix = "count-";

/// Whether `folder` is there, made if need be, and nobody else's: a stranger's could lead anywhere.
Status own_folder(const fs::path& folder) {
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    return Error{Errc::io, fmt::format("cannot make {}: {}", folder.string(), std::strerror(errno))};
  struct stat info {};
  if (::lstat(folder.c_str(), &info) != 0)
    return Error{Errc::io, fmt::format("cannot use {}: {}", folder.string(), std::strerror(errno))};
  if (!S_ISDIR(info.st_mode) || info.st_uid != ::geteuid() || (info.st_mode & 077) != 0)
    return Error{Errc::denied, fmt::format("{} is not a folder of this user's alone", folder.string()), "remove it"};
  return Ok{};
}

/// Where meetings may be held, in the order of preference.
std::vector<fs::path> possible_bases() {
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  const std::string mine = fmt::format("perun-{}", ::geteuid());
  std::vector<fs::path> bases{"/dev/shm/" + mine, "/tmp/" + mine};
  if (runtime != nullptr && runtime[0] == '/' && std::strlen(runtime) < 40)
    bases.insert(bases.begin() + 1, fs::path(runtime) / "perun");
  return bases;
}

sockaddr_un address(const fs::path& path) {
  sockaddr_un a{};
  a.sun_family = AF_UNIX;
  path.string().copy(a.sun_path, sizeof a.sun_path - 1);
  return a;
}

}  // namespace

int earlier_peruns(const Place& place) {
  for (const auto& base : possible_bases()) {
    if (!own_folder(base)) continue;
    const auto name = fmt::format("{}.{}.{}", place.key, place.rank, place.node_id);
    const auto file = base / fmt::format("{}{:08x}", count_prefix, crc32c(std::as_bytes(std::span(name))));
    const Fd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!fd) continue;
    std::array<std::int32_t, 2> kept{};  // the script, and how many it has started
    if (::read(fd.get(), kept.data(), sizeof kept) != sizeof kept || kept[0] != ::getppid()) kept = {::getppid(), 0};
    const int before = kept[1]++;
    if (::pwrite(fd.get(), kept.data(), sizeof kept, 0) != sizeof kept) continue;
    return before;
  }
  return 0;
}

std::string boot_id_of(const Host& host) {
  return sysfs::line(host.at_proc("sys/kernel/random/boot_id")).value_or("");
}

std::string node_id_of(const Place& place, const Host& host) {
  const auto name = place.node_id.empty() ? as_file_name(host_name()) : place.node_id;
  return fmt::format("{}-{}", name, boot_id_of(host).substr(0, 8));
}

Result<Meeting> Meeting::at(const Place& place, std::string_view node_id) {
  const std::string job = place.key + "@" + std::string(node_id);
  // Short, since the path of a socket has 107 bytes at most.
  const std::string name = fmt::format("{}-{:08x}", place.key.substr(0, 40), crc32c(std::as_bytes(std::span(job))));
  const auto bases = possible_bases();
  std::optional<Error> first;
  for (const auto& base : bases) {
    Status ok = Ok{};
    for (int attempt = 0; attempt < 10; ++attempt) {  // who leaves takes an empty folder away
      ok = own_folder(base);
      if (ok) ok = own_folder(base / name);
      if (ok) return Meeting(base / name);
      if (ok.error().code == Errc::denied) break;
    }
    if (!first) first = ok.error();
  }
  return *first;
}

std::optional<Channel> Meeting::call() const {
  Fd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  const auto to = address(socket());
  if (!fd || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) return std::nullopt;
  return Channel(std::move(fd));
}

std::optional<Fd> Meeting::try_lock() const {
  Fd fd(::open(lock().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) {
    if (errno == ENOENT) {  // a sampling process has just left
      ::mkdir(folder_.parent_path().c_str(), 0700);
      ::mkdir(folder_.c_str(), 0700);
    }
    return std::nullopt;
  }
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) return std::nullopt;
  // Whoever had it may have taken the file away between our two calls.
  struct stat held {
  }, named{};
  if (::fstat(fd.get(), &held) != 0 || ::stat(lock().c_str(), &named) != 0 || held.st_ino != named.st_ino) return std::nullopt;
  return fd;
}

Result<Fd> Meeting::listen() const {
  ::unlink(socket().c_str());  // of one that was killed
  Fd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const auto here = address(socket());
  if (!fd || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&here), sizeof here) != 0 ||
      ::listen(fd.get(), most_callers) != 0)
    return Error{Errc::io, fmt::format("cannot listen on {}: {}", socket().string(), std::strerror(errno))};
  return fd;
}

std::optional<Channel> Meeting::accept(const Fd& listener) {
  Fd fd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!fd) {
    if (errno == EMFILE || errno == ENFILE) ::usleep(files_pause_us);  // who calls has to wait, but not in a circle
    return std::nullopt;
  }
  return Channel(std::move(fd));
}

void Meeting::leave() const noexcept {
  ::unlink(socket().c_str());
  ::unlink(lock().c_str());
  if (::rmdir(folder_.c_str()) == 0) ::rmdir(folder_.parent_path().c_str());
}

void Meeting::sweep() const noexcept {
  try {
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(folder_.parent_path(), none)) {
      if (entry.path() == folder_) continue;
      struct stat info {};
      if (::lstat(entry.path().c_str(), &info) != 0) continue;
      if (S_ISREG(info.st_mode) && entry.path().filename().string().starts_with(count_prefix)) {
        const Fd fd(::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC));
        std::int32_t script = 0;
        if (::read(fd.get(), &script, sizeof script) == sizeof script && ::kill(script, 0) != 0 && errno == ESRCH)
          ::unlink(entry.path().c_str());
      }
      if (!S_ISDIR(info.st_mode)) continue;
      if (clock_ns(CLOCK_REALTIME) / 1'000'000'000 - info.st_mtim.tv_sec < left_behind_s) continue;
      const Meeting other(entry.path());
      const Fd fd(::open(other.lock().c_str(), O_RDWR | O_CLOEXEC));
      if (fd ? ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0 : errno == ENOENT) other.leave();
    }
  } catch (...) {  // out of memory: the next one sweeps
  }
}

}  // namespace perun
