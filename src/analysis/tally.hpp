// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "analysis/energy.hpp"
#include "base/missing.hpp"
#include "model/sensor.hpp"

namespace perun {

/// What the readings of a sensor tell without being understood. They are added in their order.
class Tally {
 public:
  explicit Tally(Window window) noexcept : window_(window) {}

  std::size_t count = 0;  ///< with the failed ones
  std::int64_t first_ns = 0, last_ns = 0;
  std::uint64_t good = 0;
  std::uint64_t repeated = 0;          ///< good ones that showed what the good one before showed
  std::int64_t longest_gap_ns = 0;     ///< between good ones
  double halfwidths_ns = 0;            ///< sum
  std::uint64_t failed_in_window = 0;  ///< from the good reading that opens the window to the one that closes it

  /// Reading number `i`; one that was added before is passed over.
  void add(std::size_t i, const Reading& r) noexcept {
    if (i != count) return;
    if (count++ == 0) first_ns = r.t_ns;
    last_ns = r.t_ns;
    halfwidths_ns += static_cast<double>(r.halfwidth_ns);
    if (r.raw == missing) {
      failed_in_window += closed_ ? 0 : 1;
      return;
    }
    if (good > 0) longest_gap_ns = std::max(longest_gap_ns, difference(r.t_ns, good_ns_));
    if (good > 0 && r.raw == good_raw_) ++repeated;
    ++good;
    good_ns_ = r.t_ns;
    good_raw_ = r.raw;
    if (closed_) return;
    if (r.t_ns <= window_.from_ns) failed_in_window = 0;
    closed_ = r.t_ns >= window_.to_ns;
  }

  /// Mean time that a reading took.
  [[nodiscard]] double bracket_s() const noexcept { return count > 0 ? 2e-9 * halfwidths_ns / static_cast<double>(count) : 0; }

 private:
  static std::int64_t difference(std::int64_t b, std::int64_t a) noexcept {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(b) - static_cast<std::uint64_t>(a));
  }
  Window window_;
  std::int64_t good_ns_ = 0, good_raw_ = 0;
  bool closed_ = false;
};

}  // namespace perun
