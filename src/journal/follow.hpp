// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "journal/journal.hpp"

namespace perun::journal {

/// Reads on in a journal while it is written, which its writer does not notice: each call costs what came since the last one.
/// One thread.
class Follower {
 public:
  /// Errors: not_found, denied, format (no journal, or its header is not written yet).
  static Result<Follower> open(const std::filesystem::path& path);

  using TakeSamples = std::function<void(std::span<const Sample>)>;
  using TakeMarks = std::function<void(Marks&)>;  ///< `names` and `threads` hold all so far, the rest is new
  /// Reads whole frames in the order they were written, up to the newest. Errors: io.
  Status poll(const TakeSamples& samples, const TakeMarks& marks);

  /// All but readings and marks, as of the last poll().
  [[nodiscard]] const Contents& so_far() const noexcept { return contents_; }
  /// All is read and nothing more will come: the run ended, or the journal was removed before the last poll().
  [[nodiscard]] bool over() const noexcept;
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  Follower(std::filesystem::path path, Fd file, Contents contents, std::uint64_t at)
      : path_(std::move(path)), file_(std::move(file)), contents_(std::move(contents)), at_(at) {}

  std::filesystem::path path_;
  Fd file_;
  Contents contents_;
  std::uint64_t at_;  ///< end of the last whole frame that was read
  bool removed_ = false;
};

}  // namespace perun::journal
