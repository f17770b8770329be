// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <span>

#include "analysis/track.hpp"

namespace perun {

/// How the power runs inside of an interval of a counter, as far as its neighbours tell: where its mean lies between theirs it
/// is taken to step once from the one to the other, which is what a phase of a program does; else it is even. A gauge's is
/// what its values say.
class Shape {
 public:
  /// Of all[i]; `counter` tells whose intervals they are.
  Shape(std::span<const Interval> all, std::size_t i, bool counter) noexcept;

  /// Energy between two moments inside; over the whole interval exactly its own.
  [[nodiscard]] double between(std::int64_t from_ns, std::int64_t to_ns) const noexcept;
  /// By how much the power wavers around that, W, as the intervals around tell.
  [[nodiscard]] double rough_W() const noexcept { return rough_W_; }
  /// The highest mean power of the interval and its neighbours.
  [[nodiscard]] double highest_W() const noexcept { return highest_W_; }

 private:
  [[nodiscard]] double until(std::int64_t t_ns) const noexcept;

  const Interval& x_;
  bool steps_ = false;
  double first_W_ = 0, last_W_ = 0, turn_s_ = 0;  ///< before and behind the step, and its place
  double rough_W_ = 0, highest_W_ = 0;
};

}  // namespace perun
