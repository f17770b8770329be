// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/region_pool.hpp"

#include <algorithm>
#include <cmath>

namespace perun {

constexpr std::size_t least_rows = 5;  ///< in which a region must be for its power to be believed

Pool::Pool(const std::vector<std::uint32_t>& columns) : size_(columns.size() + 2) {
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i] >= column_.size()) column_.resize(columns[i] + std::size_t{1}, columns.size());
    column_[columns[i]] = i;
  }
  shares_.resize(size_ * size_);
  normal_.resize(size_ * size_);
  right_.resize(size_);
  seen_.resize(size_);
  variance_.resize(size_);
  alone_.resize(size_);
}

std::size_t Pool::column(std::uint32_t name) const noexcept {
  return name < column_.size() ? column_[name] : size_ - 2;
}

void Pool::share(const Piece& p) {
  std::vector<double> got(size_), adds(size_);
  for (const Active& a : p.active) {
    got[column(a.name)] += a.exclusive * p.seconds();
    adds[column(a.name)] += a.innermost;
  }
  adds.back() = 1;
  for (std::size_t i = 0; i < size_; ++i)
    for (std::size_t k = 0; got[i] > 0 && k < size_; ++k) shares_[i * size_ + k] += got[i] * adds[k];
}

std::vector<double> Pool::seconds(const Interval& x, const Row& row) const {
  std::vector<double> f(size_);
  for (const auto& [name, spent_s] : row) f[column(name)] += spent_s;
  f.back() = x.seconds();
  return f;
}

void Pool::add(const Interval& x, const Row& row) {
  const auto f = seconds(x, row);
  for (std::size_t i = 0; i < size_; ++i) {
    if (f[i] == 0) continue;
    right_[i] += f[i] * x.joules;
    ++seen_[i];
    for (std::size_t k = 0; k < size_; ++k) normal_[i * size_ + k] += f[i] * f[k];
  }
  ++rows_;
}

/// Gauss and Jordan; a column without a pivot of its own is left out.
bool Pool::solve() {
  const std::size_t n = size_;
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

void Pool::check(const Interval& x, const Row& row) {
  const auto f = seconds(x, row);
  std::vector<double> powers(size_);
  double residual = x.joules, leverage = 0;
  for (std::size_t i = 0; i < size_; ++i) {
    if (f[i] == 0 || !told_[i]) continue;
    residual -= f[i] * watts_[i];
    for (std::size_t k = 0; k < size_; ++k)
      if (told_[k]) powers[k] += inverse_[k * size_ + i] * f[i];
  }
  for (std::size_t i = 0; i < size_; ++i) leverage += f[i] * powers[i];
  const double error_J = residual / (1 - std::clamp(leverage, 0.0, 0.9));
  Influence influence(size_);
  for (std::size_t i = 0; i < size_; ++i)
    for (std::size_t k = 0; k < size_; ++k) influence[i] += shares_[i * size_ + k] * powers[k] * error_J;
  for (std::size_t i = 0; i < size_; ++i) {
    alone_[i] += influence[i] * influence[i];
    variance_[i] += influence[i] * influence[i];
  }
  for (std::size_t k = 0; k < influences_.size(); ++k) {
    const double weight = 2 * (1 - static_cast<double>(k + 1) / (neighbours + 1));
    for (std::size_t i = 0; i < size_; ++i) variance_[i] += weight * influence[i] * influences_[k][i];
  }
  influences_.push_front(std::move(influence));
  if (influences_.size() > neighbours) influences_.pop_back();
}

/// Whether what could not be told apart does not matter for the column `i`: only in a sum that is known.
bool Pool::can_tell(std::size_t i) const {
  const double* share = &shares_[i * size_];
  for (std::size_t u = 0; u < size_; ++u) {
    if (told_[u] || normal_[u * size_ + u] <= 0) continue;
    double known = 0;
    for (std::size_t k = 0; k < size_; ++k)
      for (std::size_t l = 0; told_[k] && l < size_; ++l)
        if (told_[l]) known += share[k] * inverse_[k * size_ + l] * normal_[l * size_ + u];
    if (std::abs(share[u] - known) > 1e-3 * share[size_ - 1]) return false;
  }
  return true;
}

std::optional<Pool::Estimate> Pool::energy(std::size_t i) const {
  const auto used = static_cast<double>(std::count(told_.begin(), told_.end(), true));
  const double degrees = rows_ - used;
  if (degrees < 2 || seen_[i] < least_rows || !can_tell(i)) return std::nullopt;
  Estimate e;
  for (std::size_t k = 0; k < size_; ++k) e.joules += shares_[i * size_ + k] * watts_[k];
  const double few = 1 + 4 / std::min(degrees, static_cast<double>(seen_[i]));
  // Never less than without neighbours: few of them may happen to cancel.
  e.uncertainty_J = 1.96 * few * std::sqrt(std::max(alone_[i], variance_[i]));
  return e;
}

}  // namespace perun
