// SPDX-License-Identifier: BSD-3-Clause
#include "model/summary.hpp"

#include <cmath>

namespace perun {

namespace {

Kind combined(Kind a, Kind b) noexcept {
  if (a == Kind::unavailable) return b;
  if (b == Kind::unavailable || a == b) return a;
  return Kind::mixed;
}

}  // namespace

Amount& Amount::operator+=(const Amount& b) noexcept {
  measured_J += b.measured_J;
  estimated_J += b.estimated_J;
  uncertainty_J = std::hypot(uncertainty_J, b.uncertainty_J);
  lower_J += b.lower_J;
  upper_J += b.upper_J;
  kind = combined(kind, b.kind);
  return *this;
}

}  // namespace perun
