// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <filesystem>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace perun {

/// A copy of a data file beside it, for changes that cannot be made in the file itself. Removed unless it took the file's
/// place.
class Copy {
 public:
  explicit Copy(std::filesystem::path path) : path_(std::move(path)) {}
  Copy(const Copy&) = delete;
  Copy& operator=(const Copy&) = delete;
  ~Copy();

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

  /// Makes the copy, with the mode and, where permitted, the owner of the original.
  [[nodiscard]] Result<Fd> fill(const Fd& from) const;

  [[nodiscard]] Status take_place_of(const std::filesystem::path& file);

 private:
  std::filesystem::path path_;
};

/// Gives a file the mode and, where permitted, the owner of another.
[[nodiscard]] Status adopt_owner(const Fd& from, const Fd& to, const std::filesystem::path& path);

}  // namespace perun
