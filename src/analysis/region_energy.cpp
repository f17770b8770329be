// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/region_energy.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace perun {

namespace {

constexpr double square(double x) noexcept {
  return x * x;
}

/// 95 % quantile of the difference of two reading errors that are each evenly spread over a whole, as one of two equal parts.
constexpr double one_edge = 0.776 / 1.41421356;

/// 95 % half width of the energy in a share of an interval whose power curve is not known (as for a run's edges, energy.cpp).
double share_error(double share, double joules, double most_W, double seconds) noexcept {
  const double smaller = std::min(share, 1 - share);
  return std::min(joules * std::min(2 * smaller, 1 - smaller), most_W * smaller * seconds);
}

/// Follows one region through the intervals of one sensor.
class Follower {
 public:
  /// `top` is the weight while the region is open; above `weight` where that is only known on average.
  void add(double weight, double top, double seconds, double joules) noexcept {
    weighted_s_ += weight * seconds;
    active_s_ += seconds;
    joules_ += weight * joules;
    least_ = std::min(least_, top > weight * (1 + 1e-9) ? 0 : weight);
    most_ = std::max(most_, top);
    certain_ = certain_ && top <= weight * (1 + 1e-9);
  }
  [[nodiscard]] bool touched() const noexcept { return active_s_ > 0; }

  /// The interval `index` is over.
  void settle(std::size_t index, const Interval& x, const Limits& limits, bool gauge, Portion& out) noexcept {
    const double seconds = x.seconds(), level = weighted_s_ / seconds;
    if (last_ != index) leave(limits, out);
    const bool whole = active_s_ >= seconds * (1 - 1e-9);
    if (!whole) least_ = 0;
    const double spread = most_ - least_, share = spread > 1e-9 ? std::clamp((level - least_) / spread, 0.0, 1.0) : 1;
    const double watts = std::max(0.0, x.watts());
    step(std::abs(level - level_), std::max(watts, watts_), limits, out);
    out.joules += joules_;
    out.seen_s += weighted_s_;
    bound(x, least_, spread, share, limits, out);
    if (!x.valid) out.coarse_J += limits.max_power_W * weighted_s_;
    if (gauge) out.variance += square(2 * 1.96 * level * x.bend_J);
    // Other threads may change the part of a region that is open all the time: that is no matter of its length.
    const double error = spread > 1e-9 ? spread * share_error(share, x.joules, limits.max_power_W, seconds) : 0;
    if (whole && certain_) {
      out.variance += square(error) + square(pending_J_);
      out.resolved_s += weighted_s_ + pending_s_;
      pending_J_ = pending_s_ = 0;
    } else {
      out.coarse_J += pending_J_;
      pending_J_ = pending_s_ = 0;
      if (whole_before_) {
        out.variance += square(error);
        out.resolved_s += weighted_s_;
      } else {
        pending_J_ = error;
        pending_s_ = weighted_s_;
      }
    }
    whole_before_ = whole && certain_;
    level_ = level;
    watts_ = watts;
    last_ = index + 1;
    weighted_s_ = active_s_ = joules_ = most_ = 0;
    least_ = 1;
    certain_ = true;
  }

  /// The region is not open in what follows.
  void leave(const Limits& limits, Portion& out) noexcept {
    step(level_, watts_, limits, out);
    out.coarse_J += pending_J_;
    pending_J_ = pending_s_ = level_ = watts_ = 0;
    whole_before_ = false;
  }

 private:
  /// A reading between two intervals of which the region has different parts may be late by a refresh.
  static void step(double change, double watts, const Limits& limits, Portion& out) noexcept {
    if (change <= 0) return;
    const double late_J = limits.refresh_s * 1.1 * watts;
    out.variance += square(change * one_edge) * (square(late_J) + square(limits.step_J));
    const double most_J = change * (limits.max_power_W * limits.refresh_s + limits.step_J);
    out.lower_J -= most_J;
    out.upper_J += most_J;
  }
  static void bound(const Interval& x, double least, double spread, double share, const Limits& limits, Portion& out) noexcept {
    const double whole_s = x.seconds(), most_J = limits.max_power_W * share * whole_s;
    if (!x.valid) {
      out.upper_J += limits.max_power_W * (least + spread * share) * whole_s;
      return;
    }
    const double rest_J = limits.max_power_W * (1 - share) * whole_s;
    out.lower_J += least * x.joules + spread * std::max(0.0, x.joules - rest_J);
    out.upper_J += least * x.joules + spread * std::min(x.joules, most_J);
  }

  double weighted_s_ = 0, active_s_ = 0, joules_ = 0, least_ = 1, most_ = 0;  // in the interval that is being looked at
  double level_ = 0, watts_ = 0, pending_J_ = 0, pending_s_ = 0;              // of the one before
  std::size_t last_ = 0;
  bool whole_before_ = false;
  bool certain_ = true;  ///< in the interval that is being looked at
};

/// A region with the place its results go to.
struct Entry {
  Follower follower;
  Portion* out;
};

class Sharer {
 public:
  Sharer(const Story& story, std::size_t names, const Sensor& sensor, const std::vector<Interval>& intervals)
      : story_(story), intervals_(intervals), limits_(limits_of(sensor)), gauge_(sensor.behavior == Behavior::gauge) {
    out_.inclusive.resize(names);
    out_.exclusive.resize(names);
    out_.call_J.resize(story.calls().size());
    entries_.resize(2 * names + 1);
    for (std::size_t i = 0; i < names; ++i) {
      entries_[2 * i].out = &out_.inclusive[i];
      entries_[2 * i + 1].out = &out_.exclusive[i];
    }
    entries_.back().out = &out_.unmarked;
    sums_.resize(2 * names);
    tops_.resize(2 * names);
  }

  RegionEnergies share_out() && {
    story_.tell({.piece = [this](const Piece& p) { piece(p); },
                 .begins = [this](std::size_t c) { out_.call_J[c] = -threads_[story_.calls()[c].thread]; },
                 .ends = [this](std::size_t c) { out_.call_J[c] += threads_[story_.calls()[c].thread]; }});
    while (at_ < intervals_.size()) settle();
    for (Entry& e : entries_) {
      e.follower.leave(limits_, *e.out);
      e.out->lower_J = std::max(0.0, std::min(e.out->lower_J, e.out->joules));
      e.out->upper_J = std::max(e.out->upper_J, e.out->joules);
    }
    return std::move(out_);
  }

 private:
  void piece(const Piece& p) {
    while (at_ < intervals_.size() && intervals_[at_].to_ns <= p.from_ns) settle();
    for (std::size_t i = at_; i < intervals_.size() && intervals_[i].from_ns < p.to_ns; ++i) {
      const Interval& x = intervals_[i];
      const auto from = std::max(x.from_ns, p.from_ns), to = std::min(x.to_ns, p.to_ns);
      part(p, static_cast<double>(to - from) * 1e-9, x.valid ? x.between(from, to) : 0);
      if (x.to_ns <= p.to_ns) settle();
    }
  }

  /// A piece of an interval in which nothing changes.
  void part(const Piece& p, double seconds, double joules) {
    if (p.unmarked > 0) add(entries_.size() - 1, p.unmarked, p.unmarked, seconds, joules);
    for (const Active& a : p.active) {
      const std::size_t column = std::size_t{2} * a.name;
      if (column + 1 >= sums_.size()) continue;
      auto& [inclusive, exclusive] = out_.cells[{a.thread, a.name}];
      inclusive += a.inclusive * joules;
      exclusive += a.exclusive * joules;
      sums_[column] += a.inclusive;
      sums_[column + 1] += a.exclusive;
      if (a.present > 0) tops_[column] += a.inclusive / a.present;
      if (a.innermost > 0) tops_[column + 1] += a.exclusive / a.innermost;
      threads_[a.thread] += a.exclusive * joules;
    }
    for (const Active& a : p.active)
      for (const std::size_t i : {2 * std::size_t{a.name}, 2 * std::size_t{a.name} + 1}) {
        if (i >= sums_.size() || sums_[i] <= 0) continue;
        add(i, sums_[i], std::clamp(tops_[i], sums_[i], 1.0), seconds, joules);
        sums_[i] = tops_[i] = 0;
      }
  }
  void add(std::size_t i, double weight, double top, double seconds, double joules) {
    if (!entries_[i].follower.touched()) touched_.push_back(i);
    entries_[i].follower.add(weight, top, seconds, joules);
  }
  void settle() {
    for (const std::size_t i : touched_) entries_[i].follower.settle(at_, intervals_[at_], limits_, gauge_, *entries_[i].out);
    touched_.clear();
    ++at_;
  }

  const Story& story_;
  const std::vector<Interval>& intervals_;
  Limits limits_;
  bool gauge_;
  RegionEnergies out_;
  std::vector<Entry> entries_;       ///< inclusive and exclusive of each name in turn; the last is unmarked
  std::vector<double> sums_, tops_;  ///< over threads, of one piece
  std::vector<std::size_t> touched_;
  std::map<std::uint16_t, double> threads_;  ///< joules of each thread so far
  std::size_t at_ = 0;                       ///< the interval being filled
};

}  // namespace

double Portion::uncertainty_J() const noexcept {
  return std::hypot(std::sqrt(variance), coarse_J);
}

RegionEnergies share_out_regions(const Story& story, std::size_t names, const Sensor& sensor,
                                 const std::vector<Interval>& intervals) {
  return Sharer(story, names, sensor, intervals).share_out();
}

void each_row(const Story& story, const std::vector<Interval>& intervals,
              const std::function<void(const Interval&, const Row&, double)>& take) {
  std::map<std::uint32_t, double> row;
  double unmarked_s = 0;
  std::size_t at = 0;
  const Window window = story.window();
  const auto settle = [&] {
    const Interval& x = intervals[at++];
    if (x.valid && x.from_ns >= window.from_ns && x.to_ns <= window.to_ns) take(x, Row(row.begin(), row.end()), unmarked_s);
    row.clear();
    unmarked_s = 0;
  };
  story.tell({.piece = [&](const Piece& p) {
    while (at < intervals.size() && intervals[at].to_ns <= p.from_ns) settle();
    for (std::size_t i = at; i < intervals.size() && intervals[i].from_ns < p.to_ns; ++i) {
      const auto from = std::max(intervals[i].from_ns, p.from_ns), to = std::min(intervals[i].to_ns, p.to_ns);
      const double seconds = static_cast<double>(to - from) * 1e-9;
      unmarked_s += p.unmarked * seconds;
      for (const Active& a : p.active)
        if (a.exclusive > 0) row[a.name] += a.exclusive * seconds;
      if (intervals[i].to_ns <= p.to_ns) settle();
    }
  }});
}

}  // namespace perun
