// SPDX-License-Identifier: BSD-3-Clause
#include "store/sidecar.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <iterator>

#include "base/crc32c.hpp"
#include "store/lock.hpp"

namespace perun {

namespace {

constexpr std::array<char, 8> magic{'P', 'E', 'R', 'U', 'N', 'C', 'M', 'T'};
constexpr std::uint32_t version = 1;
constexpr std::uint64_t tail_bytes = 4096;
constexpr std::uint64_t largest = 256 << 20;  ///< a sidecar holds some kilobytes; beyond this it is none

/// Little-endian fields, one behind the other.
template <class T>
void put(std::vector<std::byte>& out, T value) {
  for (std::size_t i = 0; i < sizeof value; ++i) out.push_back(static_cast<std::byte>(value >> (8 * i)));
}

template <class T>
bool take(std::span<const std::byte>& in, T& value) {
  if (in.size() < sizeof value) return false;
  value = 0;
  for (std::size_t i = 0; i < sizeof value; ++i) value = static_cast<T>(value | static_cast<T>(in[i]) << (8 * i));
  in = in.subspan(sizeof value);
  return true;
}

}  // namespace

std::filesystem::path sidecar_path(const std::filesystem::path& data_file) {
  return data_file.parent_path() / ("." + data_file.filename().string() + ".commit");
}

std::vector<std::byte> encode(const Sidecar& sidecar) {
  std::vector<std::byte> out;
  std::ranges::transform(magic, std::back_inserter(out), [](char c) { return static_cast<std::byte>(c); });
  put(out, version);
  put(out, static_cast<std::uint32_t>(sidecar.patches.size()));
  put(out, sidecar.file_size);
  put(out, sidecar.tail_crc);
  for (const auto& patch : sidecar.patches) {
    put(out, patch.address);
    put(out, static_cast<std::uint32_t>(patch.bytes.size()));
    out.insert(out.end(), patch.bytes.begin(), patch.bytes.end());
  }
  put(out, crc32c(out));
  return out;
}

std::optional<Sidecar> decode(std::span<const std::byte> bytes) {
  std::uint32_t found_version = 0, count = 0, stored_crc = 0;
  if (bytes.size() < magic.size() + sizeof stored_crc || std::memcmp(bytes.data(), magic.data(), magic.size()) != 0)
    return std::nullopt;
  auto end = bytes.last(sizeof stored_crc);
  auto in = bytes.first(bytes.size() - sizeof stored_crc);
  if (!take(end, stored_crc) || crc32c(in) != stored_crc) return std::nullopt;
  in = in.subspan(magic.size());
  Sidecar sidecar;
  if (!take(in, found_version) || found_version != version || !take(in, count) || !take(in, sidecar.file_size) ||
      !take(in, sidecar.tail_crc))
    return std::nullopt;
  for (std::uint32_t i = 0; i < count; ++i) {
    Patch patch;
    std::uint32_t length = 0;
    if (!take(in, patch.address) || !take(in, length) || length > in.size()) return std::nullopt;
    if (length > sidecar.file_size || patch.address > sidecar.file_size - length) return std::nullopt;
    patch.bytes.assign(in.begin(), in.begin() + length);
    in = in.subspan(length);
    sidecar.patches.push_back(std::move(patch));
  }
  return in.empty() ? std::optional(std::move(sidecar)) : std::nullopt;
}

std::uint32_t tail_crc(const Fd& data, std::uint64_t size) {
  std::vector<std::byte> bytes(std::min(size, tail_bytes));
  return read_all(data, bytes, size - bytes.size()) ? crc32c(bytes) : 0;
}

std::optional<Sidecar> read_sidecar(const std::filesystem::path& data_file, const Fd& data) {
  const Fd fd(::open(sidecar_path(data_file).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat beside {
  }, file{};
  if (!fd || ::fstat(fd.get(), &beside) != 0 || !S_ISREG(beside.st_mode) ||
      static_cast<std::uint64_t>(beside.st_size) > largest)
    return std::nullopt;
  std::vector<std::byte> bytes(static_cast<std::size_t>(beside.st_size));
  if (!read_all(fd, bytes, 0)) return std::nullopt;
  auto sidecar = decode(bytes);
  if (!sidecar || ::fstat(data.get(), &file) != 0) return std::nullopt;
  const auto size = static_cast<std::uint64_t>(file.st_size);
  if (sidecar->file_size != size || sidecar->tail_crc != tail_crc(data, size)) return std::nullopt;
  return sidecar;
}

Status write_all(const Fd& fd, std::span<const std::byte> bytes, std::uint64_t address, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t done = ::pwrite(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(address));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return system_error("write", path);
    bytes = bytes.subspan(static_cast<std::size_t>(done));
    address += static_cast<std::uint64_t>(done);
  }
  return Ok{};
}

bool read_all(const Fd& fd, std::span<std::byte> bytes, std::uint64_t address) noexcept {
  while (!bytes.empty()) {
    const ssize_t got = ::pread(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(address));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return false;
    if (got == 0) {
      std::fill(bytes.begin(), bytes.end(), std::byte{0});
      return true;
    }
    bytes = bytes.subspan(static_cast<std::size_t>(got));
    address += static_cast<std::uint64_t>(got);
  }
  return true;
}

std::filesystem::path draft_path(const std::filesystem::path& data_file, Draft draft) {
  const char* suffix = draft == Draft::fresh ? ".new" : draft == Draft::revised ? ".revised" : ".renamed";
  return data_file.parent_path() / ("." + data_file.filename().string() + suffix);
}

namespace {

/// Of somebody who was killed: who makes one has the data file locked, as we have.
void remove_drafts(const std::filesystem::path& data_file) noexcept {
  for (const Draft draft : {Draft::fresh, Draft::revised, Draft::renamed}) {
    const auto path = draft_path(data_file, draft);
    if (::access(path.c_str(), F_OK) != 0) continue;
    ::unlink(sidecar_path(path).c_str());
    ::unlink(path.c_str());
  }
}

}  // namespace

Status recover(const std::filesystem::path& data_file, const Fd& data) {
  remove_drafts(data_file);
  const auto beside = sidecar_path(data_file);
  if (::access(beside.c_str(), F_OK) != 0) return Ok{};
  if (const auto sidecar = read_sidecar(data_file, data)) {
    for (const auto& patch : sidecar->patches)
      if (auto written = write_all(data, patch.bytes, patch.address, data_file); !written) return written;
    if (::fdatasync(data.get()) != 0) return system_error("write", data_file);
  }
  if (::unlink(beside.c_str()) != 0 && errno != ENOENT) return system_error("remove", beside);
  return Ok{};
}

}  // namespace perun
