// SPDX-License-Identifier: BSD-3-Clause
#include "launch/energy_curve.hpp"

#include <algorithm>

namespace perun {

void EnergyCurve::add(std::int64_t t_ns, double joules) {
  if (points_.size() >= most_points) thin_out();
  points_.push_back({t_ns, joules});
}

/// Leaves out points of the older half whose neighbours are near, as seen from now.
void EnergyCurve::thin_out() {
  constexpr std::int64_t fineness = 256;
  const std::int64_t now_ns = points_.back().t_ns;
  const std::size_t newest = points_.size() - most_points / 2;
  std::size_t kept = 1;  // the first stays
  for (std::size_t i = 1; i < points_.size(); ++i) {
    const bool needed = i >= newest || points_[i + 1].t_ns - points_[kept - 1].t_ns > (now_ns - points_[i].t_ns) / fineness;
    if (needed) points_[kept++] = points_[i];
  }
  points_.resize(kept);
}

EnergyCurve::Value EnergyCurve::at(std::int64_t t_ns) const noexcept {
  if (points_.empty()) return {};
  const auto after =
      std::lower_bound(points_.begin(), points_.end(), t_ns, [](const Point& p, std::int64_t t) { return p.t_ns < t; });
  if (after == points_.begin()) return {after->joules, 0};
  const Point& a = *(after - 1);
  if (after == points_.end()) {  // as it went on before; nothing is known of what came
    if (points_.size() < 2) return {a.joules, 0};
    const Point& before = *(after - 2);
    const double further =
        (a.joules - before.joules) / static_cast<double>(a.t_ns - before.t_ns) * static_cast<double>(t_ns - a.t_ns);
    return {a.joules + further, 2 * further};
  }
  const double step = after->joules - a.joules;
  const double share = static_cast<double>(t_ns - a.t_ns) / static_cast<double>(after->t_ns - a.t_ns);
  const double nearer = std::min(share, 1 - share);
  return {a.joules + share * step, step * std::min(2 * nearer, 1 - nearer)};
}

}  // namespace perun
