// SPDX-License-Identifier: BSD-3-Clause
#include "store/commit_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "store/lock.hpp"

namespace perun {

namespace {

constexpr std::size_t spill_bytes = 2 << 20;

std::size_t size_of(std::uint64_t bytes) {
  return static_cast<std::size_t>(bytes);
}

}  // namespace

void sync_folder(const std::filesystem::path& file) {
  const auto parent = file.parent_path();
  const Fd folder(::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder) ::fsync(folder.get());
}

CommitFile::CommitFile(LockedFile file, std::filesystem::path path, CommitHook hook)
    : fd_(std::move(file)), path_(std::move(path)), hook_(std::move(hook)) {
  struct stat info {};
  if (::fstat(fd_.get(), &info) == 0) size_ = static_cast<std::uint64_t>(info.st_size);
  original_size_ = old_end_ = tail_begin_ = size_;
}

CommitFile::~CommitFile() {
  take_back();
}

void CommitFile::take_back() noexcept {
  if (touched_ && ::ftruncate(fd_.get(), static_cast<off_t>(original_size_)) == 0) touched_ = false;
}

void CommitFile::step(std::string_view name) const {
  if (hook_) hook_(name);
}

void CommitFile::overlay(const Sidecar& sidecar) {
  for (const auto& patch : sidecar.patches) write(patch.address, patch.bytes, 0);
}

void CommitFile::set_old_end(std::uint64_t end) noexcept {
  old_end_ = tail_begin_ = std::min(end, original_size_);
  size_ = old_end_;
}

bool CommitFile::read(std::uint64_t address, std::span<std::byte> bytes) const noexcept {
  const std::uint64_t end = address + bytes.size();
  const std::uint64_t on_disk = std::clamp(tail_begin_, address, end);
  if (!read_all(fd_, bytes.first(size_of(on_disk - address)), address)) return false;
  if (on_disk < end) {
    const std::uint64_t from = on_disk - tail_begin_;
    const std::size_t held = from < tail_.size() ? std::min(tail_.size() - size_of(from), size_of(end - on_disk)) : 0;
    auto rest = bytes.subspan(size_of(on_disk - address));
    if (held > 0) std::memcpy(rest.data(), tail_.data() + from, held);
    std::fill(rest.begin() + static_cast<std::ptrdiff_t>(held), rest.end(), std::byte{0});
  }
  for (auto page = pages_.lower_bound(address / page_size); page != pages_.end() && page->first * page_size < end; ++page) {
    const std::uint64_t begin = page->first * page_size;
    const std::uint64_t from = std::max(begin, address);
    const std::uint64_t to = std::min({begin + page_size, end, old_end_});
    if (from < to) std::memcpy(bytes.data() + (from - address), page->second.data() + (from - begin), size_of(to - from));
  }
  return true;
}

void CommitFile::write(std::uint64_t address, std::span<const std::byte> bytes, int rank) {
  const std::uint64_t end = address + bytes.size();
  const std::uint64_t border = std::clamp(old_end_, address, end);
  if (border > address) write_old(address, bytes.first(size_of(border - address)), rank);
  if (border < end) write_new(border, bytes.subspan(size_of(border - address)));
  size_ = std::max(size_, end);
}

void CommitFile::write_old(std::uint64_t address, std::span<const std::byte> bytes, int rank) {
  extents_.push_back({rank, address, bytes.size()});
  while (!bytes.empty()) {
    const std::uint64_t number = address / page_size;
    const auto [page, fresh] = pages_.try_emplace(number);
    if (fresh && !read_all(fd_, page->second, number * page_size) && !error_) error_ = system_error("read", path_);
    const std::uint64_t inside = address % page_size;
    const std::size_t part = std::min(bytes.size(), size_of(page_size - inside));
    std::memcpy(page->second.data() + inside, bytes.data(), part);
    bytes = bytes.subspan(part);
    address += part;
  }
}

void CommitFile::write_new(std::uint64_t address, std::span<const std::byte> bytes) {
  if (address < tail_begin_) {
    const std::size_t part = std::min(bytes.size(), size_of(tail_begin_ - address));
    if (auto written = write_all(fd_, bytes.first(part), address, path_); !written && !error_) error_ = written.error();
    bytes = bytes.subspan(part);
    address += part;
  }
  if (bytes.empty() || error_) return;
  const std::size_t from = size_of(address - tail_begin_);
  if (tail_.size() < from + bytes.size()) tail_.resize(from + bytes.size());
  std::memcpy(tail_.data() + from, bytes.data(), bytes.size());
  if (tail_.size() >= spill_bytes) spill();
}

void CommitFile::spill() {
  touched_ = true;
  if (auto written = write_all(fd_, tail_, tail_begin_, path_); !written && !error_) error_ = written.error();
  tail_begin_ += tail_.size();
  tail_.clear();
  step("write new");
}

void CommitFile::write_guarded(std::uint64_t address, std::span<const std::byte> bytes, int rank, std::uint64_t interim_address,
                               std::span<const std::byte> interim, int interim_rank) {
  const std::size_t before = extents_.size();
  write(address, bytes, rank);
  if (extents_.size() == before) return;  // wholly new: nobody looks there before the commit
  guards_.push_back({extents_.back(), interim_rank, {interim_address, {interim.begin(), interim.end()}}});
  extents_.pop_back();
}

bool CommitFile::read_both(const Extent& extent, std::vector<std::byte>& before, std::vector<std::byte>& after) const {
  before.resize(size_of(extent.size));
  after.resize(size_of(extent.size));
  return read_all(fd_, before, extent.address) && read(extent.address, after);
}

Result<std::vector<Patch>> CommitFile::patches() const {
  std::vector<Ranked> ordered;
  std::vector<std::byte> before, after;
  for (const auto& extent : extents_) {
    if (!read_both(extent, before, after)) return system_error("read", path_);
    const auto first = std::mismatch(before.begin(), before.end(), after.begin()).second;
    if (first == after.end()) continue;
    const auto last = std::mismatch(before.rbegin(), before.rend(), after.rbegin()).second.base();
    ordered.push_back({extent.rank, {extent.address + static_cast<std::uint64_t>(first - after.begin()), {first, last}}});
  }
  for (const auto& guard : guards_) {
    if (!read_both(guard.part, before, after)) return system_error("read", path_);
    if (before == after) continue;
    ordered.push_back({guard.interim_rank, guard.interim});
    ordered.push_back({guard.part.rank, {guard.part.address, after}});
  }
  std::stable_sort(ordered.begin(), ordered.end(), [](const Ranked& a, const Ranked& b) { return a.rank < b.rank; });
  std::vector<Patch> all;
  for (auto& [rank, patch] : ordered)
    if (std::find(all.begin(), all.end(), patch) == all.end()) all.push_back(std::move(patch));
  return all;
}

Status CommitFile::sync(std::string_view name) {
  if (::fdatasync(fd_.get()) != 0) return system_error("write", path_);
  step(name);
  return Ok{};
}

Status CommitFile::append_new() {
  if (!tail_.empty()) spill();
  if (error_) return *error_;
  struct stat file {};
  if (::fstat(fd_.get(), &file) != 0) return system_error("write", path_);
  if (static_cast<std::uint64_t>(file.st_size) != size_) {
    touched_ = true;
    if (::ftruncate(fd_.get(), static_cast<off_t>(size_)) != 0) return system_error("write", path_);
    step("set size");
  }
  return sync("sync new");
}

Status CommitFile::save_sidecar(const std::vector<Patch>& patches) {
  const auto beside = sidecar_path(path_);
  struct stat file {};
  ::fstat(fd_.get(), &file);
  const Fd fd(::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, file.st_mode & 0666));
  if (!fd) return system_error("write", beside);
  const auto saved = [&]() -> Status {
    if (auto written = write_all(fd, encode({size_, tail_crc(fd_, size_), patches}), 0, beside); !written) return written;
    step("write sidecar");
    if (::fsync(fd.get()) != 0) return system_error("write", beside);
    return Ok{};
  }();
  if (!saved) {
    ::unlink(beside.c_str());
    return saved;
  }
  sync_folder(beside);
  step("sync sidecar");
  return saved;
}

Status CommitFile::replace_old(const std::vector<Patch>& patches) {
  for (const auto& patch : patches) {
    if (auto written = write_all(fd_, patch.bytes, patch.address, path_); !written) return written;
    step("write old");
  }
  if (auto synced = sync("sync old"); !synced) return synced;
  ::unlink(sidecar_path(path_).c_str());
  step("remove sidecar");
  return Ok{};
}

Status CommitFile::status() const {
  if (error_) return *error_;
  return Ok{};
}

Status CommitFile::commit() {
  if (error_) return *error_;
  const auto old_parts = patches();
  if (!old_parts) return old_parts.error();
  if (auto appended = append_new(); !appended) return appended;
  if (!old_parts->empty()) {
    if (!fd_.still_ours())
      return Error{Errc::busy, fmt::format("the lock of '{}' was taken over by another program", path_.string())};
    if (auto saved = save_sidecar(*old_parts); !saved) return saved;
    touched_ = false;  // from here on the run counts: whoever opens the file next finishes what we cannot
    if (auto replaced = replace_old(*old_parts); !replaced) return replaced;
  }
  touched_ = false;
  return Ok{};
}

}  // namespace perun
