// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace perun {

/// Durations counted in classes that grow by an eighth, so that any quantile of any number of them is known within 7 %
/// in 4 KB. Neither allocates nor throws.
class LatencyHistogram {
 public:
  void add(std::int64_t ns) noexcept {
    ++classes_[class_of(ns)];
    ++total_;
  }

  /// The duration that `share` (0..1) of all stay below; 0 when there are none.
  [[nodiscard]] std::int64_t quantile(double share) const noexcept {
    const auto rank = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(total_)));
    std::uint64_t passed = 0;
    for (std::size_t k = 0; k < classes_.size(); ++k)
      if (passed += classes_[k]; passed >= rank && passed > 0) return middle_of(k);
    return 0;
  }

 private:
  static constexpr std::size_t parts = 8;  ///< classes of one doubling

  static std::size_t class_of(std::int64_t ns) noexcept {
    const auto v = static_cast<std::uint64_t>(std::max<std::int64_t>(ns, 0));
    if (v < parts) return v;
    const int shift = static_cast<int>(std::bit_width(v)) - 4;  // leaves 8..15
    return static_cast<std::size_t>(shift) * parts + (v >> shift);
  }
  static std::int64_t middle_of(std::size_t k) noexcept {
    if (k < 2 * parts) return static_cast<std::int64_t>(k);
    const auto shift = k / parts - 1;
    return static_cast<std::int64_t>(((k - shift * parts) << shift) + (std::size_t{1} << shift) / 2);
  }

  std::array<std::uint64_t, 62 * parts> classes_{};
  std::uint64_t total_ = 0;
};

}  // namespace perun
