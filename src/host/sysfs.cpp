// SPDX-License-Identifier: BSD-3-Clause
#include "host/sysfs.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>

#include "base/missing.hpp"
#include "base/text.hpp"

namespace perun::sysfs {

Fd open(const std::filesystem::path& path) noexcept {
  // O_NONBLOCK: a FIFO in a made-up tree must not hang the probe.
  return Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
}

std::int64_t reread(const Fd& file) noexcept {
  std::array<char, 64> buffer{};
  ssize_t n = 0;
  do n = ::pread(file.get(), buffer.data(), buffer.size(), 0);
  while (n < 0 && errno == EINTR);
  if (n <= 0 || static_cast<std::size_t>(n) == buffer.size()) return missing;
  const auto value = text::integer(text::trim({buffer.data(), static_cast<std::size_t>(n)}));
  return value && *value >= 0 ? *value : missing;
}

std::optional<std::string> text(const std::filesystem::path& path, std::size_t limit) {
  const Fd file = open(path);
  if (!file) return std::nullopt;
  std::string out;
  std::array<char, 4096> buffer{};
  while (out.size() < limit) {
    const ssize_t n = ::read(file.get(), buffer.data(), std::min(buffer.size(), limit - out.size()));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::nullopt;
    if (n == 0) break;
    out.append(buffer.data(), static_cast<std::size_t>(n));
  }
  return out;
}

std::optional<std::string> line(const std::filesystem::path& path) {
  auto all = text(path, 4096);
  if (!all) return std::nullopt;
  return std::string(text::trim(std::string_view(*all).substr(0, all->find('\n'))));
}

std::optional<std::int64_t> integer(const std::filesystem::path& path) {
  const auto first = line(path);
  return first ? text::integer(*first) : std::nullopt;
}

}  // namespace perun::sysfs
