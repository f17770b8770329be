// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <limits>
#include <span>

/// Textbook statistics, pure; checked against scipy in tests/unit/statistics_test.cpp.
namespace perun::statistics {

inline constexpr double certain = std::numeric_limits<double>::infinity();  ///< degrees of freedom of a known spread

/// P(|T| > |t|) of Student's t; `freedom` may be fractional, and `certain` gives the normal distribution.
[[nodiscard]] double student_tails(double t, double freedom) noexcept;

/// The t that |T| stays below with probability `confidence`, 0 < confidence < 1.
[[nodiscard]] double student_quantile(double confidence, double freedom) noexcept;

/// The z that a normal value stays below with probability p, 0 < p < 1.
[[nodiscard]] double normal_quantile(double p) noexcept;

struct Sample {
  std::size_t count = 0;
  double mean = 0;
  double variance = 0;  ///< of the values, with n - 1; 0 of fewer than two
};
[[nodiscard]] Sample sample_of(std::span<const double> values) noexcept;

/// Variance of a mean, and how well it is known.
struct Spread {
  double variance = 0;
  double freedom = certain;
};

/// That of a difference of two means, as Welch (1947) has it.
[[nodiscard]] Spread welch(const Spread& a, const Spread& b) noexcept;

struct Limits {
  double lower = 0, upper = 0;
};

/// BCa bootstrap interval (Efron 1987) of mean(b) - mean(a), both with at least two values. The same values always give the
/// same interval.
[[nodiscard]] Limits bootstrap(std::span<const double> a, std::span<const double> b, double confidence);

}  // namespace perun::statistics
