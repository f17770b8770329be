// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/sums.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace perun {

namespace {

/// 95 % quantile of |X - Y| with X uniform on [0, a] and Y uniform on [0, b].
double difference_quantile(double a, double b) noexcept {
  if (a < b) std::swap(a, b);
  if (b <= 0.1 * a) return 0.95 * a - 0.5 * b;
  const double one_tail = a - std::sqrt(0.1 * a * b);
  if (one_tail >= b) return one_tail;
  return 0.5 * (a + b - std::sqrt(std::max(0.0, 0.2 * a * b - (a - b) * (a - b))));
}

constexpr double square(double x) noexcept {
  return x * x;
}

/// 95 % half width of a share of an interval whose power curve is not known: exponentially distributed power
/// (only its mean is known) stays below three times its mean.
double share_error(const Part& part, double max_power_W) noexcept {
  const double share = part.interval.fraction(part.to_ns) - part.interval.fraction(part.from_ns);
  const double smaller = std::min(share, 1 - share);
  const double energy = part.interval.joules;
  return std::min(energy * std::min(2 * smaller, 1 - smaller), max_power_W * smaller * part.interval.seconds());
}

/// True energy at `t_ns` relative to the interpolated counter: lowest and highest.
std::array<double, 2> cumulative(const Limits& limits, const Part& part, std::int64_t t_ns) noexcept {
  const Interval& x = part.interval;
  const double most = limits.max_power_W, f = x.fraction(t_ns), passed = f * x.joules, rest = x.joules - passed;
  const double late_J = most * limits.refresh_s + limits.step_J;
  const double low_left = -most * x.from_halfwidth_s - passed;
  const double low_right = rest - most * x.to_halfwidth_s - most * (1 - f) * x.seconds();
  const double high_left = late_J + most * x.from_halfwidth_s + most * f * x.seconds() - passed;
  const double high_right = rest + late_J + most * x.to_halfwidth_s;
  return {std::max(low_left, low_right), std::min(high_left, high_right)};
}

}  // namespace

// The highest power that two refreshes show within the nearest eight, and a little. A shorter time knows it badly and a
// longer interval only its mean, which the power at its end may exceed. Random curves hold the factors
// (tests/unit/energy_test.cpp).
void LocalPower::add(double joules, double seconds) noexcept {
  joules_ += joules;
  time_s_ += seconds;
  all_s_ += seconds;
  if (time_s_ < 2 * limits_.refresh_s) return;
  highest_W_ = std::max(highest_W_, (time_s_ > 8 * limits_.refresh_s ? 1.5 : 1.03) * joules_ / time_s_);
  joules_ = time_s_ = 0;
}

double LocalPower::watts() const noexcept {
  if (all_s_ >= 2 * limits_.refresh_s) return std::min(highest_W_, limits_.max_power_W);
  return joules_ > limits_.step_J ? std::min(1.5 * joules_ / all_s_, limits_.max_power_W) : limits_.max_power_W;
}

void Stretch::add(const Part& part) {
  const Interval& x = part.interval;
  if (count_++ == 0) front_ = part;
  back_ = part;
  joules_ += part.joules();
  hidden_J_ += x.hidden_J + (x.wrapped ? limits_.step_J : 0);
  time_s_ += part.seconds();
  if (!first_W_.full()) first_W_.add(x.joules, x.seconds());
  recent_.push_back({x.joules, x.seconds()});
  recent_s_ += x.seconds();
  // A little more than last_power() looks at, since sums of the same numbers in another order differ.
  while (recent_s_ - recent_.front().seconds > 8.1 * limits_.refresh_s) {
    recent_s_ -= recent_.front().seconds;
    recent_.pop_front();
  }
}

double Stretch::last_power() const noexcept {
  LocalPower power(limits_);
  for (auto x = recent_.rbegin(); x != recent_.rend() && !power.full(); ++x) power.add(x->joules, x->seconds);
  return power.watts();
}

double Stretch::variance() const noexcept {
  const Interval &first = front_.interval, &last = back_.interval;
  const double first_W = first_W_.watts(), last_W = last_power();
  double edges = square(difference_quantile(limits_.refresh_s * first_W, limits_.refresh_s * last_W)) +
                 square(difference_quantile(limits_.step_J, limits_.step_J)) + square(first.from_halfwidth_s * first_W) +
                 square(last.to_halfwidth_s * last_W);
  if (count_ > 1)
    return edges + square(share_error(front_, limits_.max_power_W)) + square(share_error(back_, limits_.max_power_W));
  edges *= square(front_.seconds() / first.seconds());
  return edges + square(share_error(front_, limits_.max_power_W));
}

void Stretch::bound(Energy& e) const noexcept {
  const auto [low_a, high_a] = cumulative(limits_, front_, front_.from_ns);
  const auto [low_b, high_b] = cumulative(limits_, back_, back_.to_ns);
  const double joules = static_cast<double>(joules_);
  e.lower_J += std::clamp(joules + low_b - high_a, 0.0, joules);
  e.upper_J += std::max(joules, std::min(joules + high_b - low_a + hidden_J_, limits_.max_power_W * time_s_));
}

// Stretches of four refreshes, so that the one which is cut off at either end counts little; what it makes of a constant power
// is left out. Random curves hold the factors (tests/unit/part_time_test.cpp).
void Unseen::add(double joules, double seconds, double stray_J2, int strays) noexcept {
  if (limits_->seen >= 1 || seconds <= 0) return;
  joules_ += joules;
  time_s_ += seconds;
  all_J_ += joules;
  all_s_ += seconds;
  differences_ += stray_J2;
  count_ += strays;
  if (time_s_ < 4 * limits_->refresh_s) return;
  const double watts = joules_ / time_s_;
  if (before_W_ >= 0 && strays == 0) {
    differences_ += square((watts - before_W_) * time_s_);
    noise_ += 0.5 * square(watts * late_s_);
    ++count_;
  }
  before_W_ = watts;
  joules_ = time_s_ = 0;
}

double Unseen::variance() const noexcept {
  if (limits_->seen >= 1 || all_s_ <= 0) return 0;
  const double looks = all_s_ / limits_->refresh_s + 1;
  const double handful_J = std::min(0.8, 2 / square(looks)) * all_J_;
  const double few = count_ > 0 ? (1.5 - 0.4 * limits_->seen) * (1 + 2.0 / count_) : 0;
  return square(few) * std::max(0.0, differences_ - noise_) + square(handful_J);
}

void CounterSum::add(const Part& part) {
  const Interval& x = part.interval;
  sum_.wraps += x.wrapped ? 1 : 0;
  sum_.ambiguous += x.hidden_J > 0 ? 1 : 0;
  if (x.valid) {
    seen_s_ += part.seconds();
    if (!stretch_) stretch_.emplace(limits_);
    stretch_->add(part);
    unseen_.add(part.joules(), part.seconds());
    return;
  }
  close_stretch();
  if (x.stuck) {
    sum_.stuck_s += part.seconds();
  } else {
    ++sum_.invalid;
    sum_.invalid_s += part.seconds();
  }
  sum_.upper_J += limits_.max_power_W * part.seconds();
}

void CounterSum::close_stretch() {
  if (!stretch_) return;
  joules_ += stretch_->joules();
  variance_ += stretch_->variance();
  stretch_->bound(sum_);
  stretch_.reset();
}

void CounterSum::finish(Energy& e) {
  close_stretch();
  e = sum_;
  e.joules = static_cast<double>(joules_);
  // Whatever it was, between nothing and the most that can be, while nobody looked.
  e.lower_J *= limits_.seen;
  e.upper_J = std::max(
      e.joules, limits_.seen * e.upper_J + (1 - limits_.seen) * limits_.max_power_W * (seen_s_ + e.invalid_s + e.stuck_s));
  // As for time without readings: nothing but the mean power is known.
  const double unknown_J = seen_s_ > 0 ? 3 * e.joules / seen_s_ * (e.invalid_s + e.stuck_s) : 0;
  e.uncertainty_J = std::sqrt(variance_ + unseen_.variance() + square(unknown_J));
}

GaugeSum::GaugeSum(const Limits& limits, std::optional<Range> range) noexcept
    : limits_(limits), given_(range), seen_{limits.max_power_W, 0} {}

void GaugeSum::add(const Part& part) {
  const Interval& x = part.interval;
  const double mean_W = x.watts(), half_W = std::abs(x.bend_J) / x.seconds();
  seen_.least_W = std::min(seen_.least_W, mean_W - half_W);
  seen_.most_W = std::max(seen_.most_W, mean_W + half_W);
  ++count_;
  joules_ += part.joules();
  time_s_ += part.seconds();
  const double between_W = 2 * x.bend_J / x.seconds();
  variance_ += square(between_W * part.seconds());
  if (x.stuck) stuck_s_ += part.seconds();
  if (!x.bridged) return;
  gaps_seen_ = true;
  if (!given_) return;
  const double gap_J = part.seconds() * std::max({given_->most_W - mean_W, mean_W - given_->least_W, 0.1 * mean_W});
  // One gap tells nothing of the next, but a value that stands still is one and the same error.
  (x.stuck ? stuck_J_ : gaps_) += x.stuck ? gap_J : square(gap_J);
}

void GaugeSum::finish(Energy& e) const {
  const auto n = static_cast<double>(count_);
  // Means miss less than moments, if they leave nothing out. Two readings say little of the spread.
  const double share = time_s_ > 0 ? std::min(1.0, limits_.averaging_s * n / time_s_) : 0;
  const double few = (1.5 - 0.4 * share) * (1 + 2 / n);
  // A value is up to a refresh old; at both ends a mean also holds what was outside: 1/8 of its time for a step there.
  const double lag_s = 0.5 * limits_.refresh_s + 0.1 * limits_.averaging_s;
  // And a handful of looks may all have met the same part of the curve: that much of the mean is not known. A mean has
  // seen all of its time.
  const double seen_s = std::max(limits_.refresh_s, limits_.averaging_s);
  const double looks = (limits_.averaging_s * n > time_s_ ? time_s_ / seen_s : std::min(n, time_s_ / seen_s)) + 1;
  const double unseen_J = std::min(0.8, 2 / square(looks)) * static_cast<double>(joules_);
  e.joules = static_cast<double>(joules_);
  e.stuck_s = stuck_s_;
  e.uncertainty_J = std::sqrt(square(few) * variance_ + gaps_ + square(stuck_J_) + square(0.95 * limits_.step_W * time_s_) +
                              square(lag_s * (seen_.most_W - seen_.least_W)) + square(unseen_J));
  e.upper_J = std::max(e.joules, limits_.max_power_W * time_s_);
}

}  // namespace perun
