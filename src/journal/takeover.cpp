// SPDX-License-Identifier: BSD-3-Clause
// A journal that goes on in other hands, or in another place.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "journal/files.hpp"
#include "journal/journal.hpp"

namespace perun::journal {

namespace fs = std::filesystem;

namespace {

bool same_file(const fs::path& path, const Fd& file) noexcept {
  struct stat named {
  }, open{};
  return ::stat(path.c_str(), &named) == 0 && ::fstat(file.get(), &open) == 0 && named.st_dev == open.st_dev &&
         named.st_ino == open.st_ino;
}

/// Somebody who only looks whether it is locked holds its lock for some microseconds.
Flock flock_patiently(const Fd& file) noexcept {
  constexpr int tries = 5;
  constexpr timespec pause{0, 2'000'000};
  auto got = try_flock(file.get(), LOCK_EX);
  for (int i = 1; i < tries && got == Flock::busy; ++i) {
    ::nanosleep(&pause, nullptr);
    got = try_flock(file.get(), LOCK_EX);
  }
  return got;
}

Status copy(const Fd& from, const Fd& to, std::uint64_t size, const fs::path& source, const fs::path& target) {
  std::array<std::byte, 1 << 16> bytes{};
  for (std::uint64_t at = 0; at < size;) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), size - at));
    const ssize_t n = ::pread(from.get(), bytes.data(), wanted, static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n == 0) errno = EIO;  // somebody cut it
    if (n <= 0) return failed(source, "read");
    if (const auto ok = write_all(to.get(), std::span(bytes).first(static_cast<std::size_t>(n)), at); !ok)
      return Error{Errc::io, fmt::format("cannot write {}: {}", target.string(), ok.error().what)};
    at += static_cast<std::uint64_t>(n);
  }
  return Ok{};
}

}  // namespace

Result<Writer> Writer::make(const fs::path& path) {
  const fs::path folder = path.parent_path();
  std::error_code error;
  for (int attempt = 0; attempt < 3; ++attempt) {  // another perun may just be removing an empty .perun
    fs::create_directories(folder, error);
    if (!error) break;
  }
  if (error) {
    errno = error.value();
    const Error why = failed(folder, "make the folder");
    forget(path);
    return why;
  }
  Fd file(::open(hidden_name(path).c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!file) {
    const bool somebodys = errno == EEXIST;
    const Error why = failed(path, "create");
    if (!somebodys) forget(path);
    return why;
  }
  static_cast<void>(flock_patiently(file));  // where there is none, the frame `writer` says that we live
  return Writer(path, std::move(file), 0);
}

Result<Writer> Writer::reopen(const fs::path& path) {
  Fd file(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file) return failed(path, "open");
  const auto in_use = [&] { return Error{Errc::busy, fmt::format("{} is still being written", path.string())}; };
  const Flock got = flock_patiently(file);
  if (got == Flock::busy) return in_use();
  std::optional<LockFile> claim;
  if (got == Flock::none) {
    auto taken = LockFile::take(lock_file_of(path));
    if (!taken) return taken.error();
    claim = std::move(*taken);
  }
  if (!same_file(path, file)) return Error{Errc::not_found, fmt::format("{} was taken over by another program", path.string())};
  const auto contents = perun::journal::open(path);  // it may be long
  if (!contents) return contents.error();
  if (standing_of(got, contents->writer.owner, path) != Standing::cut_off) return in_use();
  if (::ftruncate(file.get(), static_cast<off_t>(contents->whole)) != 0) return failed(path, "repair");
  Writer writer(path, std::move(file), contents->whole);
  writer.claim_ = std::move(claim);
  return writer;
}

bool Writer::in_place() const noexcept {
  return same_file(path_, file_);
}

Status Writer::move_to(const fs::path& folder) {
  return move_as(path_of(folder, path_.parent_path().filename().string(), path_.stem().string()));
}

Status Writer::move_as(const fs::path& target) {
  auto made = make(target);
  if (!made) return made.error();
  auto moved = copy(file_, made->file_, size_, path_, target);
  made->size_ = size_;
  made->gathered_ = gathered_;
  if (moved) moved = made->sync();
  if (moved) moved = rename_new(hidden_name(target), target);
  if (!moved) {
    forget(target);
    return moved;
  }
  sync_folders(target);
  if (in_place()) discard(path_);
  path_ = target;
  file_ = std::move(made->file_);
  size_ = made->size_;
  gathered_.clear();
  return Ok{};
}

}  // namespace perun::journal
