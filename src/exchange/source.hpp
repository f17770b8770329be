// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "model/run.hpp"
#include "store/store.hpp"

namespace perun {

/// The runs of one application, from whatever kind of file: perun's own data file, the JSON that `perun export` writes,
/// and the HDF5 and JSON files of the Python perun. A run that perun did not measure says so in Run::origin, with what its
/// file cannot tell. One thread at a time.
class Source {
 public:
  /// Tells the kinds apart by content, never by name. Errors: not_found, denied, busy, format (none of these kinds, or
  /// broken; says where).
  static Result<Source> open(const std::filesystem::path& file);

  [[nodiscard]] const std::string& app() const noexcept { return store_ ? store_->app() : app_; }
  /// Null unless the file is perun's own data file: no other kind is ever written to.
  [[nodiscard]] const Store* store() const noexcept { return store_ ? &*store_ : nullptr; }

  [[nodiscard]] Result<std::vector<int>> numbers() const;  ///< ascending
  [[nodiscard]] Result<std::string> id(int number) const;  ///< of a run, without loading it
  [[nodiscard]] Result<Run> load(int number) const;        ///< not_found when there is no such run

 private:
  explicit Source(Store store) : store_(std::move(store)) {}
  Source(std::string app, std::vector<Run> runs) : app_(std::move(app)), runs_(std::move(runs)) {}

  std::optional<Store> store_;
  std::string app_;
  std::vector<Run> runs_;  ///< of the other kinds, ascending by number
};

}  // namespace perun
