// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "store/lock.hpp"
#include "store/sidecar.hpp"

namespace perun {

/// Called after each step of a commit that the disk can see, with its name. Tests end the process there.
using CommitHook = std::function<void(std::string_view step)>;

/// A file that changes all at once or not at all. Reads see what was written; on disk nothing that was there is
/// touched before commit(). What is written behind the old end may go to the disk early, since no reader of the old
/// contents looks there. The protocol and its reasons: docs/format.md, "Adding a run". One thread at a time.
class CommitFile {
 public:
  static constexpr std::uint64_t page_size = 4096;

  /// `file` is open and locked: for writing by commit(), else for reading only.
  CommitFile(LockedFile file, std::filesystem::path path, CommitHook hook = {});
  /// A file that nobody else knows of.
  CommitFile(Fd file, std::filesystem::path path, CommitHook hook = {})
      : CommitFile(LockedFile(std::move(file)), std::move(path), std::move(hook)) {}
  /// Takes back what was written behind the old end, unless committed.
  ~CommitFile();
  CommitFile(const CommitFile&) = delete;
  CommitFile& operator=(const CommitFile&) = delete;

  /// Lays patches over the file in memory, for a reader who may not write.
  void overlay(const Sidecar& sidecar);

  /// From `end` on there is nothing worth keeping. Nothing may have been written yet.
  void set_old_end(std::uint64_t end) noexcept;

  [[nodiscard]] const Fd& fd() const noexcept { return fd_; }
  /// Where HDF5 will put the next object.
  [[nodiscard]] std::uint64_t allocated() const noexcept { return allocated_; }
  void set_allocated(std::uint64_t end) noexcept { allocated_ = end; }

  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  void resize(std::uint64_t size) noexcept { size_ = size; }

  /// What lies behind the end reads as 0. False on an I/O error.
  [[nodiscard]] bool read(std::uint64_t address, std::span<std::byte> bytes) const noexcept;

  /// Old parts are replaced in ascending order of `rank`, so that a reader between two of them finds whole objects.
  /// Failures come out of commit().
  void write(std::uint64_t address, std::span<const std::byte> bytes, int rank);

  /// As write(), for a part that becomes valid together with other parts: if it changes, `interim` is put at
  /// `interim_address` inside it first, at `interim_rank`, and the whole part again at `rank`.
  void write_guarded(std::uint64_t address, std::span<const std::byte> bytes, int rank, std::uint64_t interim_address,
                     std::span<const std::byte> interim, int interim_rank);

  /// What went wrong since it was opened, if anything did: then what is read back may be wrong too.
  [[nodiscard]] Status status() const;

  /// On failure the file is as it was, except when an old part could not be written: then the sidecar stays and the
  /// next recover() finishes.
  [[nodiscard]] Status commit();

 private:
  using Page = std::array<std::byte, page_size>;
  struct Extent {
    int rank;
    std::uint64_t address;
    std::uint64_t size;
  };
  struct Guard {
    Extent part;
    int interim_rank;
    Patch interim;
  };
  struct Ranked {
    int rank;
    Patch patch;
  };

  void write_old(std::uint64_t address, std::span<const std::byte> bytes, int rank);
  void write_new(std::uint64_t address, std::span<const std::byte> bytes);
  void spill();
  [[nodiscard]] Result<std::vector<Patch>> patches() const;
  [[nodiscard]] bool read_both(const Extent& extent, std::vector<std::byte>& before, std::vector<std::byte>& after) const;
  [[nodiscard]] Status append_new();
  [[nodiscard]] Status save_sidecar(const std::vector<Patch>& patches);
  [[nodiscard]] Status replace_old(const std::vector<Patch>& patches);
  [[nodiscard]] Status sync(std::string_view step);
  void step(std::string_view name) const;
  void take_back() noexcept;

  LockedFile fd_;
  std::filesystem::path path_;
  CommitHook hook_;
  std::uint64_t size_ = 0;  ///< as HDF5 sees it
  std::uint64_t allocated_ = 0;
  std::uint64_t original_size_ = 0;      ///< on disk when opened
  std::uint64_t old_end_ = 0;            ///< below: must survive; at or behind: free
  std::map<std::uint64_t, Page> pages_;  ///< old parts as they will be, by page number
  std::vector<Extent> extents_;          ///< the writes that made them
  std::vector<Guard> guards_;
  std::uint64_t tail_begin_ = 0;  ///< old_end_ + what was spilled
  std::vector<std::byte> tail_;   ///< new part from tail_begin_ on
  bool touched_ = false;          ///< the disk holds something behind the old end
  std::optional<Error> error_;
};

/// Makes the name of a new file durable. Some file systems cannot, and then need not.
void sync_folder(const std::filesystem::path& file);

}  // namespace perun
