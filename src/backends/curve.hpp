// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

namespace perun {

/// Power over time in closed form, so that a test knows the true energy of any stretch. Times are seconds since the
/// beginning, which is also the earliest there is.
struct Curve {
  enum class Shape : unsigned char { constant, square, sine, ramp, trace };

  /// From t_s on the power is `watts`; before it `energy_J` joules were used.
  struct Step {
    double t_s, watts;
    double energy_J = 0;
  };

  Shape shape = Shape::constant;
  double low_W = 0, high_W = 0;  ///< constant: both the same
  double period_s = 1;           ///< ramp: time from low to high
  std::vector<Step> steps = {};  ///< trace only: not empty, rising times; the first power also holds before it

  [[nodiscard]] double power(double t_s) const noexcept;
  /// Joules from the beginning to t_s.
  [[nodiscard]] double energy(double t_s) const noexcept;
  [[nodiscard]] double highest_W() const noexcept;

 private:
  [[nodiscard]] const Step& step_at(double t_s) const noexcept {
    const auto behind = std::upper_bound(steps.begin(), steps.end(), t_s, [](double t, const Step& s) { return t < s.t_s; });
    return behind == steps.begin() ? *behind : *(behind - 1);
  }
};

inline double Curve::power(double t_s) const noexcept {
  switch (shape) {
    case Shape::constant:
      return low_W;
    case Shape::square:
      return std::fmod(t_s, period_s) < period_s / 2 ? low_W : high_W;
    case Shape::sine:
      return (low_W + high_W) / 2 + (high_W - low_W) / 2 * std::sin(2 * std::numbers::pi * t_s / period_s);
    case Shape::ramp:
      return t_s >= period_s ? high_W : low_W + (high_W - low_W) * t_s / period_s;
    case Shape::trace:
      return step_at(t_s).watts;
  }
  return 0;
}

inline double Curve::energy(double t_s) const noexcept {
  const double middle_W = (low_W + high_W) / 2;
  switch (shape) {
    case Shape::constant:
      return low_W * t_s;
    case Shape::square: {
      const double whole = std::floor(t_s / period_s), rest_s = t_s - whole * period_s;
      return whole * period_s * middle_W + low_W * std::min(rest_s, period_s / 2) +
             high_W * std::max(rest_s - period_s / 2, 0.0);
    }
    case Shape::sine: {
      const double omega = 2 * std::numbers::pi / period_s;
      return middle_W * t_s + (high_W - low_W) / 2 * (1 - std::cos(omega * t_s)) / omega;
    }
    case Shape::ramp: {
      const double rising_s = std::min(t_s, period_s);
      return rising_s * (low_W + (high_W - low_W) * rising_s / period_s / 2) + high_W * (t_s - rising_s);
    }
    case Shape::trace: {
      const Step& step = step_at(t_s);
      return step.energy_J + step.watts * (t_s - step.t_s);
    }
  }
  return 0;
}

inline double Curve::highest_W() const noexcept {
  double highest = std::max(low_W, high_W);
  for (const Step& s : steps) highest = std::max(highest, s.watts);
  return highest;
}

}  // namespace perun
