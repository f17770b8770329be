// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/intervals.hpp"

#include <algorithm>
#include <cmath>

namespace perun {

namespace {

constexpr double seconds(std::int64_t ns) noexcept {
  return static_cast<double>(ns) * 1e-9;
}

/// b - a without overflow, whatever garbage was read.
std::int64_t difference(std::int64_t b, std::int64_t a) noexcept {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(b) - static_cast<std::uint64_t>(a));
}

Interval counted(const Sensor& sensor, const Limits& limits, const Series& series, std::size_t a, std::size_t b) {
  Interval x;
  x.from_ns = series.t_ns[a];
  x.to_ns = series.t_ns[b];
  x.from_halfwidth_s = seconds(series.halfwidth_ns[a]);
  x.to_halfwidth_s = seconds(series.halfwidth_ns[b]);
  std::int64_t delta = difference(series.raw[b], series.raw[a]);
  if (delta < 0 && sensor.wraps_at > 0) {
    delta += sensor.wraps_at;
    x.wrapped = true;
  }
  // The counter may show energy of up to one refresh before the interval, in one step.
  const double slack_s = limits.refresh_s + x.from_halfwidth_s + x.to_halfwidth_s;
  const double most_J = limits.max_power_W * (x.seconds() + slack_s) + limits.step_J;
  const double energy = static_cast<double>(delta) * sensor.scale;
  x.valid = delta >= 0 && energy <= most_J;
  if (!x.valid) {
    x.wrapped = false;
    return x;
  }
  x.joules = energy;
  if (limits.range_J > 0) x.hidden_J = std::floor((most_J - energy) / limits.range_J) * limits.range_J;
  return x;
}

Interval gauged(const Sensor& sensor, const Series& series, std::size_t a, std::size_t b) {
  Interval x;
  x.from_ns = series.t_ns[a];
  x.to_ns = series.t_ns[b];
  x.from_halfwidth_s = seconds(series.halfwidth_ns[a]);
  x.to_halfwidth_s = seconds(series.halfwidth_ns[b]);
  const double first = static_cast<double>(series.raw[a]) * sensor.scale;
  const double last = static_cast<double>(series.raw[b]) * sensor.scale;
  x.joules = 0.5 * (first + last) * x.seconds();
  x.bend_J = 0.5 * (last - first) * x.seconds();
  return x;
}

/// How long a sensor may stand still before it counts as stuck.
double longest_standstill_s(const Limits& limits) noexcept {
  return std::max(20 * limits.refresh_s, 0.1);
}

/// Intervals of a counter, as its readings come. Readings that cannot be right are left out where others show so.
class CounterReader {
 public:
  CounterReader(const Sensor& sensor, const Series& series, EnergyTrack& track)
      : sensor_(sensor), series_(series), limits_(limits_of(sensor)), track_(track), lookahead_(series.size() + 65'536) {}

  void read() {
    std::size_t before = next_good(0);
    bool bridged = false;
    for (std::size_t i = before + 1; i < series_.size(); ++i) {
      if (series_.raw[i] == missing) {
        bridged = true;
        continue;
      }
      if (series_.t_ns[i] <= series_.t_ns[before]) continue;
      Interval x = between(before, i);
      if (!x.valid && !standstill_ended(i, x)) {
        if (const std::size_t back = end_of_excursion(before, i, x); back < series_.size())
          i = back;
        else
          fell_back_from_excursion(i, x);
      }
      x.bridged = x.bridged || bridged;
      push(x, before, i);
      before = i;
      bridged = false;
    }
    if (watched()) mark_standstills();
  }

 private:
  [[nodiscard]] std::size_t next_good(std::size_t i) const {
    while (i < series_.size() && series_.raw[i] == missing) ++i;
    return i;
  }
  [[nodiscard]] Interval between(std::size_t a, std::size_t b) const { return counted(sensor_, limits_, series_, a, b); }

  void push(const Interval& x, std::size_t from, std::size_t) {
    if (starts_.size() > track_.intervals.size()) starts_.resize(track_.intervals.size());
    starts_.push_back(x.from_ns == series_.t_ns[from] ? from : merged_from_);
    track_.intervals.push_back(x);
  }

  /// A jump behind a standstill: the counter was not shown for a while and then caught up.
  bool standstill_ended(std::size_t i, Interval& x) {
    std::size_t n = track_.intervals.size();
    while (n > 0 && track_.intervals[n - 1].valid && track_.intervals[n - 1].joules <= 0) --n;
    return n < track_.intervals.size() && merge(n, i, x);
  }

  /// Puts everything from interval `n` on and the reading `i` into one interval, if that is one that can be.
  bool merge(std::size_t n, std::size_t i, Interval& x) {
    Interval whole = between(starts_[n], i);
    if (!whole.valid) return false;
    merged_from_ = starts_[n];
    track_.intervals.resize(n);
    whole.bridged = true;
    x = whole;
    return true;
  }

  /// Values that cannot be, until the counter is back where it would be: they are left out. Where the way back could be
  /// a counter that began anew, only a few readings are, and the bounds hold for that too.
  std::size_t end_of_excursion(std::size_t a, std::size_t b, Interval& x) {
    constexpr int few = 3;
    std::size_t previous = b;
    std::uint64_t passed = 1;
    for (std::size_t c = b + 1; c < series_.size() && lookahead_ > 0; ++c, --lookahead_) {
      if (series_.raw[c] == missing || series_.t_ns[c] <= series_.t_ns[previous]) continue;
      if (limits_.range_J > 0 && limits_.max_power_W * seconds(series_.t_ns[c] - series_.t_ns[a]) > limits_.range_J / 2) break;
      Interval across = between(a, c);
      const bool ambiguous = between(previous, c).valid;
      if (across.valid && (!ambiguous || passed <= few)) {
        if (ambiguous) across.hidden_J = std::max(across.hidden_J, limits_.max_power_W * across.seconds());
        across.bridged = true;
        track_.rejected += passed;
        x = across;
        return c;
      }
      previous = c;
      ++passed;
    }
    return series_.size();
  }

  /// The values before a fall were too high, if not impossible: left out up to where the counter fits again.
  void fell_back_from_excursion(std::size_t i, Interval& x) {
    constexpr std::size_t most = 16;
    const std::size_t size = track_.intervals.size();
    for (std::size_t k = 1; k <= std::min(most, size) && track_.intervals[size - k].valid; ++k)
      if (merge(size - k, i, x)) {
        x.hidden_J = std::max(x.hidden_J, limits_.max_power_W * x.seconds());
        track_.rejected += k;
        return;
      }
  }

  /// Processor cores and a graphics unit that is switched off may use nothing at all, and a model does not get stuck.
  [[nodiscard]] bool watched() const noexcept {
    return sensor_.kind == Kind::measured && sensor_.domain != Domain::cores && sensor_.domain != Domain::uncore;
  }

  void mark_standstills() {
    auto& all = track_.intervals;
    double joules = 0, moving_s = 0;
    for (const Interval& x : all)
      if (x.valid && x.joules > 0) joules += x.joules, moving_s += x.seconds();
    const double mean_W = moving_s > 0 ? joules / moving_s : 0, least_W = std::max(0.01, 0.01 * mean_W);
    for (std::size_t i = 0; i < all.size();) {
      std::size_t end = i;
      double still_s = 0;
      for (; end < all.size() && all[end].valid && all[end].joules <= 0; ++end) still_s += all[end].seconds();
      if (still_s >= longest_standstill_s(limits_) && limits_.step_J / still_s <= least_W && !caught_up(end, still_s, mean_W))
        for (std::size_t k = i; k < end; ++k) {
          all[k].valid = false;
          all[k].stuck = true;
        }
      i = std::max(end, i + 1);
    }
  }

  /// Whether the interval behind a standstill also holds the energy of that.
  [[nodiscard]] bool caught_up(std::size_t next, double still_s, double mean_W) const {
    if (next >= track_.intervals.size() || !track_.intervals[next].valid) return false;
    const Interval& x = track_.intervals[next];
    return x.joules >= 0.5 * mean_W * (still_s + x.seconds()) && x.joules >= 2 * mean_W * x.seconds();
  }

  const Sensor& sensor_;
  const Series& series_;
  Limits limits_;
  EnergyTrack& track_;
  std::vector<std::size_t> starts_;  ///< of each interval in the series
  std::size_t merged_from_ = 0;
  std::size_t lookahead_;  ///< readings that may still be looked at more than once
};

/// Marks as bridged the stretches in which a gauge that else hardly ever shows the same value twice does so all the time.
void mark_frozen(const Sensor& sensor, const Limits& limits, EnergyTrack& track) {
  constexpr std::size_t least = 10;
  auto& all = track.intervals;
  const auto still = [](const Interval& x) { return x.bend_J == 0; };
  const auto is_run = [&](std::size_t i, std::size_t end) {
    return end - i >= least && seconds(all[end - 1].to_ns - all[i].from_ns) >= std::max(10 * limits.refresh_s, 0.1);
  };
  std::size_t outside = 0, moved = 0;
  const auto each_run = [&](auto&& run, auto&& other) {
    for (std::size_t i = 0; i < all.size();) {
      std::size_t end = i;
      while (end < all.size() && still(all[end])) ++end;
      if (is_run(i, end))
        run(i, end);
      else
        for (std::size_t k = i; k < end; ++k) other(all[k]);
      if (end < all.size()) other(all[end]);
      i = end + 1;
    }
  };
  if (sensor.kind != Kind::measured) return;
  each_run([](std::size_t, std::size_t) {},
           [&](const Interval& x) {
             ++outside;
             moved += still(x) ? 0 : 1;
           });
  // A curve of steps stands still between them; a sensor that shows noise does not.
  if (outside < 10 || outside * 2 < all.size() || moved * 10 < outside * 8) return;
  each_run(
      [&](std::size_t i, std::size_t end) {
        for (; i < end; ++i) all[i].bridged = all[i].stuck = true;
      },
      [](const Interval&) {});
}

}  // namespace

void read_counter(const Sensor& sensor, const Series& series, EnergyTrack& track) {
  CounterReader(sensor, series, track).read();
}

void read_gauge(const Sensor& sensor, const Series& series, EnergyTrack& track) {
  const Limits limits = limits_of(sensor);
  // What runs uses something: 0 W of a whole device is a sensor without an answer.
  const bool never_zero = sensor.kind == Kind::measured && sensor.domain != Domain::cores && sensor.domain != Domain::uncore;
  std::size_t before = series.size();
  bool bridged = false;
  for (std::size_t i = 0; i < series.size(); ++i) {
    bool good = series.raw[i] != missing;
    if (good) {
      const double watts = static_cast<double>(series.raw[i]) * sensor.scale;
      good = watts <= limits.max_power_W && (never_zero ? watts > 0 : watts >= 0);
      if (!good) ++track.rejected;
    }
    if (!good) {
      bridged = true;
      continue;
    }
    if (before != series.size()) {
      if (series.t_ns[i] <= series.t_ns[before]) continue;
      track.intervals.push_back(gauged(sensor, series, before, i));
      track.intervals.back().bridged = bridged;
    }
    before = i;
    bridged = false;
  }
  mark_frozen(sensor, limits, track);
}

}  // namespace perun
