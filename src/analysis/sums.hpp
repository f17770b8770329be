// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "analysis/energy.hpp"
#include "analysis/track.hpp"

namespace perun {

/// The part of an interval inside a window.
struct Part {
  Interval interval;
  std::int64_t from_ns = 0, to_ns = 0;
  [[nodiscard]] double seconds() const noexcept { return static_cast<double>(to_ns - from_ns) * 1e-9; }
  [[nodiscard]] double joules() const noexcept { return interval.between(from_ns, to_ns); }
};

/// Power that may be drawn at an edge of a stretch of intervals, which are added from that edge inwards until full().
class LocalPower {
 public:
  explicit LocalPower(const Limits& limits) noexcept : limits_(limits) {}
  void add(double joules, double seconds) noexcept;
  [[nodiscard]] bool full() const noexcept { return all_s_ >= 8 * limits_.refresh_s; }
  [[nodiscard]] double watts() const noexcept;

 private:
  const Limits& limits_;
  double joules_ = 0, time_s_ = 0, all_s_ = 0, highest_W_ = 0;
};

/// Good intervals of a counter that follow each other: only the readings at both ends carry an error.
class Stretch {
 public:
  explicit Stretch(const Limits& limits) noexcept : limits_(limits), first_W_(limits) {}

  void add(const Part& part);
  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
  [[nodiscard]] long double joules() const noexcept { return joules_; }
  /// Square of the statistical half width.
  [[nodiscard]] double variance() const noexcept;
  /// Adds the hard bounds; power lies between 0 and the limit and a reading is at most one refresh old.
  void bound(Energy& e) const noexcept;

 private:
  struct Recent {
    double joules, seconds;
  };
  [[nodiscard]] double last_power() const noexcept;

  const Limits& limits_;
  std::uint64_t count_ = 0;
  long double joules_ = 0;
  double hidden_J_ = 0, time_s_ = 0;
  Part front_, back_;
  LocalPower first_W_;
  std::deque<Recent> recent_;  ///< the last intervals, as far as the power at the last edge is told by them
  double recent_s_ = 0;
};

/// What a counter's sensor did not see in between: how far the powers of neighbouring stretches differ tells how far it may
/// have strayed, as for a gauge.
class Unseen {
 public:
  /// `late_s`: how old what a reading shows can be; each stretch is off by so much.
  Unseen(const Limits& limits, double late_s) noexcept : limits_(&limits), late_s_(late_s) {}
  /// `stray_J2` and `strays` of an interval that is several.
  void add(double joules, double seconds, double stray_J2 = 0, int strays = 0) noexcept;
  /// Square of the statistical half width.
  [[nodiscard]] double variance() const noexcept;

  /// Sum of squares so far, less what a constant power makes, and of how many differences.
  [[nodiscard]] double stray_J2() const noexcept { return differences_ - noise_; }
  [[nodiscard]] int strays() const noexcept { return count_; }

 private:
  const Limits* limits_;
  double late_s_;
  double joules_ = 0, time_s_ = 0, all_J_ = 0, all_s_ = 0, before_W_ = -1, differences_ = 0, noise_ = 0;
  int count_ = 0;
};

/// Energy of a counter, part after part of its intervals.
class CounterSum {
 public:
  explicit CounterSum(const Limits& limits) noexcept : limits_(limits), unseen_(limits, limits.refresh_s) {}
  void add(const Part& part);
  void finish(Energy& e);

 private:
  void close_stretch();

  const Limits& limits_;
  Energy sum_;
  long double joules_ = 0;
  double variance_ = 0, seen_s_ = 0;
  std::optional<Stretch> stretch_;
  Unseen unseen_;
};

/// Lowest and highest value of a gauge.
struct Range {
  double least_W = 0, most_W = 0;
};

/// Energy of a gauge. Its readings are samples of a curve that nobody saw in between: neighbours that differ tell how far
/// it may have strayed.
class GaugeSum {
 public:
  /// Without the range of its values gaps are not accounted for, and wants_range() tells whether there are any.
  GaugeSum(const Limits& limits, std::optional<Range> range) noexcept;
  void add(const Part& part);
  void finish(Energy& e) const;
  [[nodiscard]] bool wants_range() const noexcept { return !given_ && gaps_seen_; }
  [[nodiscard]] Range range() const noexcept { return seen_; }

 private:
  const Limits& limits_;
  std::optional<Range> given_;
  Range seen_;
  long double joules_ = 0;
  double variance_ = 0, gaps_ = 0, stuck_J_ = 0, stuck_s_ = 0, time_s_ = 0;
  std::uint64_t count_ = 0;
  bool gaps_seen_ = false;
};

}  // namespace perun
