// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace perun {

/// How the energy of one meter grew, for questions about stretches of the past: the newest readings as they came, older ones
/// the more coarsely the longer ago, so that weeks take as much memory as minutes. Steps are at most 1/256 of their age.
class EnergyCurve {
 public:
  static constexpr std::size_t most_points = 8192;  ///< half of them the newest readings

  /// Times grow; `joules` are those since the beginning.
  void add(std::int64_t t_ns, double joules);

  /// The energy up to a moment. `doubt_J`, 95 %: what not knowing the power between two points makes of it.
  struct Value {
    double joules = 0, doubt_J = 0;
  };
  [[nodiscard]] Value at(std::int64_t t_ns) const noexcept;

  [[nodiscard]] std::size_t points() const noexcept { return points_.size(); }

 private:
  void thin_out();

  struct Point {
    std::int64_t t_ns;
    double joules;
  };
  std::vector<Point> points_;
};

}  // namespace perun
