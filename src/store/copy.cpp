// SPDX-License-Identifier: BSD-3-Clause
#include "store/copy.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include "store/commit_file.hpp"
#include "store/lock.hpp"
#include "store/sidecar.hpp"

namespace perun {

Copy::~Copy() {
  if (path_.empty()) return;
  ::unlink(path_.c_str());
  ::unlink(sidecar_path(path_).c_str());
}

Result<Fd> Copy::fill(const Fd& from) const {
  struct stat facts {};
  if (::fstat(from.get(), &facts) != 0) return system_error("read", path_);
  Fd to(::open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!to) return system_error("make", path_);
  std::array<std::byte, 1 << 16> bytes{};
  for (std::uint64_t at = 0, size = static_cast<std::uint64_t>(facts.st_size); at < size;) {
    const auto part = std::span(bytes).first(std::min<std::uint64_t>(bytes.size(), size - at));
    if (!read_all(from, part, at)) return system_error("read", path_);
    if (auto written = write_all(to, part, at, path_); !written) return written.error();
    at += part.size();
  }
  if (auto adopted = adopt_owner(from, to, path_); !adopted) return adopted.error();
  return to;
}

Status Copy::take_place_of(const std::filesystem::path& file) {
  if (::rename(path_.c_str(), file.c_str()) != 0) return system_error("replace", file);
  path_.clear();
  sync_folder(file);
  return Ok{};
}

Status adopt_owner(const Fd& from, const Fd& to, const std::filesystem::path& path) {
  struct stat facts {};
  if (::fstat(from.get(), &facts) != 0) return system_error("read", path);
  // Its owner may be somebody else, whom only root can give the copy to.
  if (::fchmod(to.get(), facts.st_mode & 07777) != 0) return system_error("make", path);
  if (::fchown(to.get(), facts.st_uid, facts.st_gid) != 0 && errno != EPERM) return system_error("make", path);
  return Ok{};
}

}  // namespace perun
