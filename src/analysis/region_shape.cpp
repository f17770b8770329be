// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/region_shape.hpp"

#include <algorithm>
#include <cmath>

namespace perun {

namespace {

const Interval* neighbour(std::span<const Interval> all, std::size_t i, std::ptrdiff_t away) noexcept {
  const std::ptrdiff_t k = static_cast<std::ptrdiff_t>(i) + away;
  if (k < 0 || k >= static_cast<std::ptrdiff_t>(all.size())) return nullptr;
  const Interval& x = all[static_cast<std::size_t>(k)];
  return x.valid && x.seconds() > 0 ? &x : nullptr;
}

}  // namespace

Shape::Shape(std::span<const Interval> all, std::size_t i, bool counter) noexcept : x_(all[i]) {
  if (!x_.valid || x_.seconds() <= 0) return;
  const double own_W = x_.watts();
  const Interval *before = neighbour(all, i, -1), *behind = neighbour(all, i, 1);
  first_W_ = before != nullptr ? before->watts() : own_W;
  last_W_ = behind != nullptr ? behind->watts() : own_W;
  highest_W_ = std::max({first_W_, last_W_, own_W});
  const auto [low_W, high_W] = std::minmax(first_W_, last_W_);
  const double outside_W = std::max({0.0, low_W - own_W, own_W - high_W});
  const auto further = [&](std::ptrdiff_t away, const Interval* near) {
    const Interval* far = neighbour(all, i, away);
    return far != nullptr && near != nullptr ? std::abs(far->watts() - near->watts()) : 0.0;
  };
  rough_W_ = std::max({outside_W, further(-2, before), further(2, behind)});
  steps_ = counter && outside_W == 0 && high_W - low_W > 1e-9 * high_W;
  if (steps_) turn_s_ = std::clamp((last_W_ * x_.seconds() - x_.joules) / (last_W_ - first_W_), 0.0, x_.seconds());
}

double Shape::until(std::int64_t t_ns) const noexcept {
  const double t = static_cast<double>(t_ns - x_.from_ns) * 1e-9;
  return t_ns >= x_.to_ns ? x_.joules : first_W_ * std::min(t, turn_s_) + last_W_ * std::max(0.0, t - turn_s_);
}

double Shape::between(std::int64_t from_ns, std::int64_t to_ns) const noexcept {
  if (!x_.valid) return 0;
  return steps_ ? until(to_ns) - until(from_ns) : x_.between(from_ns, to_ns);
}

}  // namespace perun
