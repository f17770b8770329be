// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace perun {

/// What sampling may cost, and how far it may slow down to keep to that.
struct OverheadLimit {
  double percent = 0;                      ///< of one core; 0: whatever it takes
  std::int64_t longest_period_ns = 0;      ///< it is never read less often: a counter could wrap unseen
  std::int64_t window_ns = 1'000'000'000;  ///< over how long the cost is taken
  std::int64_t (*cpu_ns)() = nullptr;      ///< processor time used so far
};

/// Compares perun's own processor time with its limit and says how much slower to sample. Pure apart from the clock it
/// is given.
class Overhead {
 public:
  explicit Overhead(const OverheadLimit& limit) noexcept : limit_(limit) {}

  /// After each tick: by which whole number the period must be multiplied; 1: all is well. The first window does not
  /// count: a program's start costs once what sampling does not cost again.
  std::int64_t slower(std::int64_t now_ns, std::int64_t period_ns) noexcept {
    if (limit_.percent <= 0) return 1;
    if (since_ns_ == unknown) since_ns_ = now_ns;
    const std::int64_t passed_ns = now_ns - since_ns_;
    if (passed_ns < limit_.window_ns) return 1;
    const std::int64_t then_ns = cpu_then_ns_;
    since_ns_ = now_ns;
    cpu_then_ns_ = limit_.cpu_ns();
    if (then_ns == unknown) return 1;
    const std::int64_t used_ns = cpu_then_ns_ - then_ns;
    const double times = 100 * static_cast<double>(used_ns) / static_cast<double>(passed_ns) / limit_.percent;
    if (times <= 1) return 1;
    const std::int64_t most = std::max<std::int64_t>(limit_.longest_period_ns / period_ns, 1);
    return std::min(static_cast<std::int64_t>(std::ceil(std::min(times, 1e6))), most);
  }

 private:
  OverheadLimit limit_;
  static constexpr std::int64_t unknown = -1;
  std::int64_t since_ns_ = unknown, cpu_then_ns_ = unknown;
};

}  // namespace perun
