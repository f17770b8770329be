// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

#include "analysis/region_energy.hpp"

namespace perun {

/// The energy of regions whose calls are too short for the sensor, from all its intervals together. Each is a mixture of
/// regions in proportions that are known, and the proportions differ: the node's power is taken for a base and what each region
/// adds while a thread is innermost in it, by least squares of the joules. The interval comes from the residuals, whose
/// size and whose likeness to their neighbours may depend on what an interval is made of: Newey and West, Econometrica
/// 55(3), 1987; each divided by what its own row leaves it: MacKinnon and White, J. Econometrics 29(3), 1985.
class Pool {
 public:
  /// Columns are names; whatever else there is shares one more, and the base is the last.
  explicit Pool(const std::vector<std::uint32_t>& columns);

  /// Tells how the node's energy is shared, which the energy of a region depends on. Before energy().
  void share(const Piece& piece);
  /// Twice over the same intervals: add() all, solve(), then check() all.
  void add(const Interval& x, const Row& row);
  /// False when there are too few.
  [[nodiscard]] bool solve();
  void check(const Interval& x, const Row& row);

  struct Estimate {
    double joules = 0, uncertainty_J = 0;  ///< 95 %, half width
  };
  /// Exclusive, of the column `i`; nothing where it cannot be told from the others. After check().
  [[nodiscard]] std::optional<Estimate> energy(std::size_t i) const;

 private:
  static constexpr std::size_t neighbours = 4;  ///< whose residuals may be alike
  using Influence = std::vector<double>;        ///< of one interval on the energy of each column
  [[nodiscard]] std::vector<double> seconds(const Interval& x, const Row& row) const;
  [[nodiscard]] std::size_t column(std::uint32_t name) const noexcept;
  [[nodiscard]] bool can_tell(std::size_t i) const;

  std::vector<std::size_t> column_;  ///< by name
  std::size_t size_;
  std::vector<double> shares_;           ///< [i, k]: what the powers k make up of the energy of column i, s
  std::vector<double> normal_, right_;   ///< X'X, X'y
  std::vector<std::size_t> seen_;        ///< rows with a column in them
  std::vector<double> inverse_, watts_;  ///< after solve()
  std::vector<bool> told_;               ///< columns that could be told apart
  double rows_ = 0;
  std::deque<Influence> influences_;      ///< of the newest rows
  std::vector<double> variance_, alone_;  ///< of the energy of each column; without neighbours
};

}  // namespace perun
