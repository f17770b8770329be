// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

namespace perun {

/// Says when to read next: a fixed grid start + k * period, so that a late wake-up shifts nothing after it.
/// Pure, so that a test needs no time to pass.
class Schedule {
 public:
  Schedule(std::int64_t start_ns, std::int64_t period_ns) noexcept : next_(start_ns), period_(period_ns) {}

  /// The first grid point after now; the ones that passed unread since the last call are counted late.
  std::int64_t after(std::int64_t now_ns) noexcept {
    const std::int64_t behind = now_ns >= next_ ? (now_ns - next_) / period_ : 0;
    late_ += static_cast<std::uint64_t>(behind);
    return next_ += (behind + 1) * period_;
  }
  /// From now on only every n-th grid point counts.
  void thin_out(std::int64_t n) noexcept { period_ *= n; }
  /// The grid point that after() gave last.
  [[nodiscard]] std::int64_t next_ns() const noexcept { return next_; }
  [[nodiscard]] std::int64_t period_ns() const noexcept { return period_; }
  [[nodiscard]] std::uint64_t late() const noexcept { return late_; }

 private:
  std::int64_t next_;
  std::int64_t period_;
  std::uint64_t late_ = 0;
};

}  // namespace perun
