// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/region_pool.hpp"

#include <algorithm>
#include <cmath>

namespace perun {

constexpr std::size_t least_rows = 5;  ///< in which a region must be for its power to be believed

std::vector<double> Pool::fractions(const Interval& x, const Row& row, double unmarked_s) const {
  std::vector<double> f(size());
  for (const auto& [name, seconds] : row) {
    const auto column = std::find(columns_.begin(), columns_.end(), name);
    f[static_cast<std::size_t>(column - columns_.begin())] += seconds / x.seconds();
  }
  f.back() = unmarked_s / x.seconds();
  return f;
}

void Pool::add(const Interval& x, const Row& row, double unmarked_s) {
  const auto f = fractions(x, row, unmarked_s);
  const std::size_t n = size();
  normal_.resize(n * n);
  right_.resize(n);
  seen_.resize(n);
  for (std::size_t i = 0; i < n; ++i) {
    if (f[i] == 0) continue;
    right_[i] += f[i] * x.watts();
    ++seen_[i];
    for (std::size_t k = 0; k < n; ++k) normal_[i * n + k] += f[i] * f[k];
  }
  ++rows_;
}

/// Gauss and Jordan; a column without a pivot of its own is left out.
bool Pool::solve() {
  const std::size_t n = size();
  if (rows_ < 3) return false;
  std::vector<double> a = normal_, inverse(n * n);
  std::vector<bool> told(n, false);
  for (std::size_t i = 0; i < n; ++i) inverse[i * n + i] = 1;
  std::vector<double> whole(n);
  for (std::size_t i = 0; i < n; ++i) whole[i] = normal_[i * n + i];
  for (std::size_t step = 0; step < n; ++step) {
    std::size_t pivot = n;
    for (std::size_t i = 0; i < n; ++i)
      if (!told[i] && whole[i] > 0 && (pivot == n || a[i * n + i] / whole[i] > a[pivot * n + pivot] / whole[pivot])) pivot = i;
    if (pivot == n || a[pivot * n + pivot] / whole[pivot] < 1e-6) break;
    told[pivot] = true;
    const double p = a[pivot * n + pivot];
    for (std::size_t k = 0; k < n; ++k) {
      a[pivot * n + k] /= p;
      inverse[pivot * n + k] /= p;
    }
    for (std::size_t i = 0; i < n; ++i) {
      if (i == pivot || a[i * n + pivot] == 0) continue;
      const double times = a[i * n + pivot];
      for (std::size_t k = 0; k < n; ++k) {
        a[i * n + k] -= times * a[pivot * n + k];
        inverse[i * n + k] -= times * inverse[pivot * n + k];
      }
    }
  }
  inverse_ = std::move(inverse);
  told_ = std::move(told);
  watts_.assign(n, 0);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t k = 0; told_[i] && k < n; ++k)
      if (told_[k]) watts_[i] += inverse_[i * n + k] * right_[k];
  return true;
}

void Pool::check(const Interval& x, const Row& row, double unmarked_s) {
  const auto f = fractions(x, row, unmarked_s);
  double residual = x.watts();
  for (std::size_t i = 0; i < size(); ++i) residual -= f[i] * watts_[i];
  squares_ += residual * residual;
  neighbours_ += residual * before_;
  before_ = residual;
}

std::optional<Pool::Power> Pool::power(std::size_t i) const {
  const std::size_t n = size();
  const auto used = static_cast<double>(std::count(told_.begin(), told_.end(), true));
  // A column that was left out would hide in the others.
  for (std::size_t k = 0; k < n; ++k)
    if (!told_[k] && normal_[k * n + k] > 0) return std::nullopt;
  const double degrees = rows_ - used;
  if (!told_[i] || degrees < 2 || seen_[i] < least_rows) return std::nullopt;
  // Power that drifts makes neighbours err alike: as if there were fewer of them.
  const double alike = squares_ > 0 ? std::clamp(neighbours_ / squares_, 0.0, 0.95) : 0;
  const double variance = squares_ / degrees * (1 + alike) / (1 - alike) * inverse_[i * n + i];
  return Power{watts_[i], 1.96 * (1 + 2.5 / degrees) * std::sqrt(std::max(0.0, variance))};
}

}  // namespace perun
