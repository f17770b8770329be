// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/energy.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <utility>
#include <vector>

#include "analysis/track.hpp"

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

/// The part of an interval inside the window.
struct Part {
  const Interval* interval;
  std::int64_t from_ns, to_ns;
  [[nodiscard]] double seconds() const noexcept { return static_cast<double>(to_ns - from_ns) * 1e-9; }
  [[nodiscard]] double joules() const noexcept { return interval->between(from_ns, to_ns); }
};

/// Intervals that overlap the window, seen as the parts inside it.
class Parts {
 public:
  Parts(std::span<const Interval> intervals, Window window) : intervals_(intervals), window_(window) {}

  [[nodiscard]] std::size_t size() const noexcept { return intervals_.size(); }
  [[nodiscard]] Part operator[](std::size_t i) const noexcept {
    const Interval& x = intervals_[i];
    return {&x, std::max(x.from_ns, window_.from_ns), std::min(x.to_ns, window_.to_ns)};
  }
  [[nodiscard]] Part front() const noexcept { return (*this)[0]; }
  [[nodiscard]] Part back() const noexcept { return (*this)[size() - 1]; }
  [[nodiscard]] Parts sub(std::size_t first, std::size_t count) const { return {intervals_.subspan(first, count), window_}; }

 private:
  std::span<const Interval> intervals_;
  Window window_;
};

Parts parts_of(std::span<const Interval> intervals, Window window) {
  const auto first =
      std::partition_point(intervals.begin(), intervals.end(), [&](const Interval& x) { return x.to_ns <= window.from_ns; });
  const auto last = std::partition_point(first, intervals.end(), [&](const Interval& x) { return x.from_ns < window.to_ns; });
  return {{first, last}, window};
}

/// 95 % half width of a share of an interval whose power curve is not known: exponentially distributed power
/// (only its mean is known) stays below three times its mean.
double share_error(const Part& part, double max_power_W) noexcept {
  const double share = part.interval->fraction(part.to_ns) - part.interval->fraction(part.from_ns);
  const double smaller = std::min(share, 1 - share);
  const double energy = part.interval->joules;
  return std::min(energy * std::min(2 * smaller, 1 - smaller), max_power_W * smaller * part.interval->seconds());
}

enum class Edge : unsigned char { first, last };

/// Power that may be drawn at an edge of `parts`: the highest that two refreshes show within the nearest eight, and a
/// tenth. A shorter time knows it badly and a longer interval only its mean; twice that covers a square wave of half
/// duty. Random curves hold the factors (tests/unit/energy_test.cpp).
double local_power(Parts parts, Edge edge, const Limits& limits) noexcept {
  double joules = 0, time_s = 0, all_s = 0, highest_W = 0;
  for (std::size_t i = 0; i < parts.size() && all_s < 8 * limits.refresh_s; ++i) {
    const Interval& x = *parts[edge == Edge::last ? parts.size() - 1 - i : i].interval;
    joules += x.joules;
    time_s += x.seconds();
    all_s += x.seconds();
    if (time_s < 2 * limits.refresh_s) continue;
    highest_W = std::max(highest_W, (time_s > 8 * limits.refresh_s ? 2 : 1.1) * joules / time_s);
    joules = time_s = 0;
  }
  if (all_s >= 2 * limits.refresh_s) return std::min(highest_W, limits.max_power_W);
  return joules > limits.step_J ? std::min(2 * joules / all_s, limits.max_power_W) : limits.max_power_W;
}

/// Good intervals of a counter that follow each other: only the readings at both ends carry an error.
class Stretch {
 public:
  Stretch(Parts parts, const Limits& limits) : parts_(parts), limits_(limits) {
    for (std::size_t i = 0; i < parts_.size(); ++i) joules_ += parts_[i].joules();
  }

  /// Square of the statistical half width.
  [[nodiscard]] double variance() const noexcept {
    const Interval &first = *parts_.front().interval, &last = *parts_.back().interval;
    const double first_W = local_power(parts_, Edge::first, limits_), last_W = local_power(parts_, Edge::last, limits_);
    double edges = square(difference_quantile(limits_.refresh_s * first_W, limits_.refresh_s * last_W)) +
                   square(difference_quantile(limits_.step_J, limits_.step_J)) + square(first.from_halfwidth_s * first_W) +
                   square(last.to_halfwidth_s * last_W);
    if (parts_.size() > 1)
      return edges + square(share_error(parts_.front(), limits_.max_power_W)) +
             square(share_error(parts_.back(), limits_.max_power_W));
    edges *= square(parts_.front().seconds() / first.seconds());
    return edges + square(share_error(parts_.front(), limits_.max_power_W));
  }

  /// Adds the hard bounds; power lies between 0 and the limit and a reading is at most one refresh old.
  void bound(Energy& e) const noexcept {
    const auto [low_a, high_a] = cumulative(parts_.front(), parts_.front().from_ns);
    const auto [low_b, high_b] = cumulative(parts_.back(), parts_.back().to_ns);
    double hidden = 0, time_s = 0;
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      const Part p = parts_[i];
      hidden += p.interval->hidden_J + (p.interval->wrapped ? limits_.step_J : 0);
      time_s += p.seconds();
    }
    const double joules = static_cast<double>(joules_);
    e.lower_J += std::clamp(joules + low_b - high_a, 0.0, joules);
    e.upper_J += std::max(joules, std::min(joules + high_b - low_a + hidden, limits_.max_power_W * time_s));
  }

  [[nodiscard]] long double joules() const noexcept { return joules_; }

 private:
  /// True energy at `t_ns` relative to the interpolated counter: lowest and highest.
  [[nodiscard]] std::array<double, 2> cumulative(const Part& part, std::int64_t t_ns) const noexcept {
    const Interval& x = *part.interval;
    const double most = limits_.max_power_W, f = x.fraction(t_ns), passed = f * x.joules, rest = x.joules - passed;
    const double late_J = most * limits_.refresh_s + limits_.step_J;
    const double low_left = -most * x.from_halfwidth_s - passed;
    const double low_right = rest - most * x.to_halfwidth_s - most * (1 - f) * x.seconds();
    const double high_left = late_J + most * x.from_halfwidth_s + most * f * x.seconds() - passed;
    const double high_right = rest + late_J + most * x.to_halfwidth_s;
    return {std::max(low_left, low_right), std::min(high_left, high_right)};
  }

  Parts parts_;
  const Limits& limits_;
  long double joules_ = 0;
};

void sum_counter(Parts parts, const Limits& limits, Energy& e) {
  long double joules = 0;
  double variance = 0, seen_s = 0;
  for (std::size_t i = 0; i < parts.size();) {
    if (!parts[i].interval->valid) {
      if (parts[i].interval->stuck) {
        e.stuck_s += parts[i].seconds();
      } else {
        ++e.invalid;
        e.invalid_s += parts[i].seconds();
      }
      e.upper_J += limits.max_power_W * parts[i].seconds();
      ++i;
      continue;
    }
    std::size_t end = i;
    for (; end < parts.size() && parts[end].interval->valid; ++end) seen_s += parts[end].seconds();
    const Stretch stretch(parts.sub(i, end - i), limits);
    joules += stretch.joules();
    variance += stretch.variance();
    stretch.bound(e);
    i = end;
  }
  for (std::size_t i = 0; i < parts.size(); ++i) {
    e.wraps += parts[i].interval->wrapped ? 1 : 0;
    e.ambiguous += parts[i].interval->hidden_J > 0 ? 1 : 0;
  }
  e.joules = static_cast<double>(joules);
  // As for time without readings: nothing but the mean power is known.
  const double unknown_J = seen_s > 0 ? 3 * e.joules / seen_s * (e.invalid_s + e.stuck_s) : 0;
  e.uncertainty_J = std::sqrt(variance + square(unknown_J));
}

/// Readings of a gauge are samples of a curve that nobody saw in between: neighbours that differ tell how far it
/// may have strayed.
void sum_gauge(Parts parts, const Limits& limits, Energy& e) {
  long double joules = 0;
  double variance = 0, gaps = 0, stuck_J = 0, time_s = 0, least_W = limits.max_power_W, most_W = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Part p = parts[i];
    const double mean_W = p.interval->watts(), half_W = std::abs(p.interval->bend_J) / p.interval->seconds();
    least_W = std::min(least_W, mean_W - half_W);
    most_W = std::max(most_W, mean_W + half_W);
  }
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Part p = parts[i];
    joules += p.joules();
    time_s += p.seconds();
    const double between_W = 2 * p.interval->bend_J / p.interval->seconds();
    variance += square(between_W * p.seconds());
    if (p.interval->stuck) e.stuck_s += p.seconds();
    if (!p.interval->bridged) continue;
    const double mean_W = p.interval->watts();
    const double gap_J = p.seconds() * std::max({most_W - mean_W, mean_W - least_W, 0.1 * mean_W});
    // One gap tells nothing of the next, but a value that stands still is one and the same error.
    (p.interval->stuck ? stuck_J : gaps) += p.interval->stuck ? gap_J : square(gap_J);
  }
  const auto n = static_cast<double>(parts.size());
  const double few = 1.96 * (1 + 2 / n);  // two readings say little of the spread
  // And a handful of looks may all have met the same part of the curve: that much of the mean is not known.
  const double looks = std::min(n, static_cast<double>(time_s) / limits.refresh_s) + 1;
  const double unseen_J = std::min(0.8, 2 / square(looks)) * static_cast<double>(joules);
  e.joules = static_cast<double>(joules);
  e.uncertainty_J = std::sqrt(square(few) * variance + gaps + square(stuck_J) + square(0.95 * limits.step_W * time_s) +
                              square(limits.refresh_s * (most_W - least_W)) + square(unseen_J));
  e.upper_J = std::max(e.joules, limits.max_power_W * time_s);
}

/// Half an interval on each side is filled with the neighbour's power; what lies farther out was not seen.
void extend(const EnergyTrack& track, Window window, const Limits& limits, Energy& e) {
  const auto outside = [&](const Interval& x, std::int64_t from_ns, std::int64_t to_ns) {
    if (to_ns <= from_ns) return;
    const double all_s = static_cast<double>(to_ns - from_ns) * 1e-9;
    const double energy = x.valid ? x.between(from_ns, to_ns) : 0;
    const double watts = x.seconds() > 0 && x.valid ? x.watts() : 0;
    const double near_s =
        static_cast<double>(std::max<std::int64_t>(std::min(to_ns, x.to_ns) - std::max(from_ns, x.from_ns), 0)) * 1e-9;
    e.joules += energy;
    e.unseen_s += all_s - near_s;
    e.upper_J += limits.max_power_W * all_s;
    e.uncertainty_J = std::hypot(e.uncertainty_J, watts * (2 * near_s + 3 * (all_s - near_s)));
  };
  outside(track.before(), window.from_ns, std::min(window.to_ns, track.intervals.front().from_ns));
  outside(track.after(), std::max(window.from_ns, track.intervals.back().to_ns), window.to_ns);
}

/// Failed readings from the one that opens the window to the one that closes it.
std::uint64_t failed(const Series& series, Window window) {
  std::size_t first = 0, last = series.size();
  for (std::size_t i = 0; i < series.size(); ++i) {
    if (series.raw[i] == missing) continue;
    if (series.t_ns[i] <= window.from_ns) first = i;
    if (series.t_ns[i] >= window.to_ns) {
      last = i;
      break;
    }
  }
  const auto begin = series.raw.begin();
  return static_cast<std::uint64_t>(
      std::count(begin + static_cast<std::ptrdiff_t>(first), begin + static_cast<std::ptrdiff_t>(last), missing));
}

}  // namespace

Energy energy_between(const Sensor& sensor, const Series& series, Window window) {
  EnergyTrack track;
  return energy_between(sensor, series, window, track);
}

Energy energy_between(const Sensor& sensor, const Series& series, Window window, EnergyTrack& track) {
  read_track(sensor, series, track);
  if (track.intervals.empty() || window.to_ns < window.from_ns || window.to_ns < track.before().from_ns ||
      window.from_ns > track.after().to_ns)
    return {};
  const Limits limits = limits_of(sensor);
  const Parts parts = parts_of(track.intervals, window);
  Energy e;
  e.available = true;
  if (parts.size() > 0) (sensor.behavior == Behavior::gauge ? sum_gauge : sum_counter)(parts, limits, e);
  // A counter that never moved measured nothing.
  const bool all_stuck =
      std::all_of(track.intervals.begin(), track.intervals.end(), [](const Interval& x) { return x.stuck && !x.valid; });
  if (all_stuck) return {.stuck_s = e.stuck_s};
  extend(track, window, limits, e);
  e.missing = failed(series, window);
  (sensor.behavior == Behavior::gauge ? e.invalid : e.rejected) += track.rejected;
  const double mean_W = window.to_ns > window.from_ns ? e.joules / window.seconds() : 0;
  const auto edges = stretches(track, window, shortest_stretch_s(sensor, mean_W));
  std::vector<double> joules(edges.size() - 1);
  add_energy(track, edges, 0, joules);
  e.max_W = std::max(mean_W, highest_power(edges, joules));
  return e;
}

double increase_between(const Sensor& sensor, const Series& series, Window window) {
  std::size_t first = series.size(), last = series.size();
  for (std::size_t i = 0; i < series.size(); ++i) {
    if (series.raw[i] == missing) continue;
    if (first == series.size() || series.t_ns[i] <= window.from_ns) first = i;
    last = i;
    if (series.t_ns[i] >= window.to_ns && i > first) break;
  }
  if (first == last) return 0;
  const auto delta = static_cast<std::uint64_t>(series.raw[last]) - static_cast<std::uint64_t>(series.raw[first]);
  return std::max(0.0, static_cast<double>(static_cast<std::int64_t>(delta)) * sensor.scale);
}

}  // namespace perun
