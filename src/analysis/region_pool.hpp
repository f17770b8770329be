// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "analysis/region_energy.hpp"

namespace perun {

/// The power of regions whose calls are too short for the sensor, from all its intervals together: each is a mixture of
/// regions in proportions that are known, and the proportions differ (least squares; the residuals tell the interval).
class Pool {
 public:
  /// Columns are names; whatever else there is shares one more, and so does unmarked time.
  explicit Pool(std::vector<std::uint32_t> columns) : columns_(std::move(columns)) {}

  /// Twice over the same intervals: add() all, solve(), then check() all.
  void add(const Interval& x, const Row& row, double unmarked_s);
  /// False when the proportions do not differ enough.
  [[nodiscard]] bool solve();
  void check(const Interval& x, const Row& row, double unmarked_s);

  struct Power {
    double watts = 0, uncertainty_W = 0;  ///< 95 %, half width
  };
  /// Of the column `i`; nothing where it cannot be told from the others. After check().
  [[nodiscard]] std::optional<Power> power(std::size_t i) const;

 private:
  std::vector<double> fractions(const Interval& x, const Row& row, double unmarked_s) const;
  [[nodiscard]] std::size_t size() const noexcept { return columns_.size() + 2; }

  std::vector<std::uint32_t> columns_;
  std::vector<double> normal_, right_;                           ///< X'X, X'y
  std::vector<std::size_t> seen_;                                ///< rows with a column in them
  std::vector<double> inverse_, watts_;                          ///< after solve()
  std::vector<bool> told_;                                       ///< columns that could be told apart
  double rows_ = 0, squares_ = 0, neighbours_ = 0, before_ = 0;  ///< of residuals
};

}  // namespace perun
