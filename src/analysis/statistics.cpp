// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

namespace perun::statistics {

namespace {

constexpr int resamples = 4'999;

/// Continued fraction of the incomplete beta function (Abramowitz, Stegun 26.5.8) by Lentz's method; converges fast for
/// x < (a + 1) / (a + b + 2).
double beta_fraction(double a, double b, double x) noexcept {
  constexpr double tiny = 1e-300, enough = 1e-15;
  constexpr int most = 10'000;
  const auto kept = [](double v) { return std::abs(v) < tiny ? tiny : v; };
  double c = 1, d = 1 / kept(1 - (a + b) * x / (a + 1)), product = d;
  for (int m = 1; m < most; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    double step = 1;
    for (const double term : {even, odd}) {
      d = 1 / kept(1 + term * d);
      c = kept(1 + term / c);
      product *= step = c * d;
    }
    if (std::abs(step - 1) < enough) break;
  }
  return product;
}

/// Regularized incomplete beta function.
double incomplete_beta(double a, double b, double x) noexcept {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const double front = std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x));
  return x < (a + 1) / (a + b + 2) ? front * beta_fraction(a, b, x) / a : 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double normal_below(double z) noexcept {
  return 0.5 * std::erfc(-z / std::sqrt(2.0));
}

/// Where `above(x)` turns from true to false.
template <class Above>
double bisect(double low, double high, Above above) noexcept {
  for (int i = 0; i < 200 && low < high; ++i) {
    const double middle = 0.5 * (low + high);
    if (middle == low || middle == high) break;
    (above(middle) ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

/// Means of samples drawn with replacement; the same on every machine, unlike the distributions of <random>.
class Draw {
 public:
  double mean(std::span<const double> values) {
    double sum = 0;
    for (std::size_t i = 0; i < values.size(); ++i) sum += values[place(values.size())];
    return sum / static_cast<double>(values.size());
  }

 private:
  /// Below `count`; half of a random number serves.
  std::size_t place(std::size_t count) {
    constexpr int half = 32;
    if (left_ = !left_; left_) bits_ = random_();
    const std::uint64_t taken = left_ ? bits_ >> half : bits_ & 0xFFFF'FFFF;
    return (taken * count) >> half;
  }
  std::mt19937_64 random_{20'261'122};
  std::uint64_t bits_ = 0;
  bool left_ = false;
};

/// What a sample adds to the acceleration's numerator and denominator; its influences are those of a mean.
struct Skew {
  double cubes = 0, squares = 0;
};
Skew skew_of(std::span<const double> values, double sign) noexcept {
  const double n = static_cast<double>(values.size()), mean = sample_of(values).mean;
  Skew s;
  for (const double v : values) {
    const double influence = sign * (v - mean) / n;
    s.cubes += influence * influence * influence;
    s.squares += influence * influence;
  }
  return s;
}

}  // namespace

double student_tails(double t, double freedom) noexcept {
  if (!std::isfinite(freedom)) return std::erfc(std::abs(t) / std::sqrt(2.0));
  if (!std::isfinite(t)) return 0;
  return incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t));
}

double student_quantile(double confidence, double freedom) noexcept {
  constexpr double beyond = 1e9;
  return bisect(0, beyond, [&](double t) { return student_tails(t, freedom) > 1 - confidence; });
}

double normal_quantile(double p) noexcept {
  constexpr double beyond = 40;
  return bisect(-beyond, beyond, [&](double z) { return normal_below(z) < p; });
}

Sample sample_of(std::span<const double> values) noexcept {
  Sample s;
  s.count = values.size();
  if (values.empty()) return s;
  const double n = static_cast<double>(values.size());
  for (const double v : values) s.mean += v / n;
  if (values.size() < 2) return s;
  for (const double v : values) s.variance += (v - s.mean) * (v - s.mean) / (n - 1);
  return s;
}

Spread welch(const Spread& a, const Spread& b) noexcept {
  const double sum = a.variance + b.variance;
  const auto part = [](const Spread& s) { return std::isfinite(s.freedom) ? s.variance * s.variance / s.freedom : 0; };
  const double parts = part(a) + part(b);
  return {sum, parts > 0 ? sum * sum / parts : certain};
}

Limits bootstrap(std::span<const double> a, std::span<const double> b, double confidence) {
  const double seen = sample_of(b).mean - sample_of(a).mean;
  std::vector<double> drawn;
  drawn.reserve(resamples);
  Draw draw;
  for (int i = 0; i < resamples; ++i) {
    const double from_a = draw.mean(a);
    drawn.push_back(draw.mean(b) - from_a);
  }
  std::ranges::sort(drawn);
  const auto below = static_cast<double>(std::ranges::lower_bound(drawn, seen) - drawn.begin());
  const auto not_above = static_cast<double>(std::ranges::upper_bound(drawn, seen) - drawn.begin());
  const double share = (below + not_above) / (2.0 * resamples);
  if (share <= 0 || share >= 1 || drawn.front() == drawn.back()) return {drawn.front(), drawn.back()};
  const double bias = normal_quantile(share);
  const Skew of_a = skew_of(a, -1), of_b = skew_of(b, 1);
  const double acceleration = (of_a.cubes + of_b.cubes) / (6 * std::pow(of_a.squares + of_b.squares, 1.5));
  const auto limit = [&](double p) {
    const double z = bias + normal_quantile(p);
    const double at = normal_below(bias + z / (1 - acceleration * z)) * (resamples - 1);
    const auto i = static_cast<std::size_t>(std::clamp(at, 0.0, resamples - 2.0));
    return drawn[i] + (at - static_cast<double>(i)) * (drawn[i + 1] - drawn[i]);
  };
  return {limit((1 - confidence) / 2), limit((1 + confidence) / 2)};
}

}  // namespace perun::statistics
