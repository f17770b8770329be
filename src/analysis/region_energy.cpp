// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/region_energy.hpp"

#include <algorithm>
#include <cmath>
#include <deque>
#include <numeric>
#include <optional>

#include "analysis/region_shape.hpp"
#include "analysis/sums.hpp"

namespace perun {

namespace {

constexpr double square(double x) noexcept {
  return x * x;
}

/// 95 % quantile of the difference of two reading errors that are each evenly spread over a whole, as one of two equal parts.
constexpr double one_edge = 0.776 / 1.41421356;

// What follows is what random curves and nestings ask for (tests/unit/region_coverage_test.cpp).

/// How old the first and the last reading of a run are errs to one side only: more than one_edge tells.
constexpr double one_sided = 1.8;
/// How much of the lateness of readings is in the place of a step.
constexpr double place_of_step = 0.8;
/// A late value of a gauge errs by the change of the power meanwhile, not by the power.
constexpr double change_of_gauge = 0.2;
/// A gauge between two values.
constexpr double bend = 1.4;

/// What the intervals of a sensor are good for.
struct Meter {
  Limits limits;
  double late_s;  ///< how old a reading can be
  bool gauge;
  double least_W = 0;  ///< what the power there is taken for at least
};

/// Follows one region through the intervals of one sensor.
class Follower {
 public:
  explicit Follower(const Meter& meter) noexcept : unseen_(meter.limits, meter.late_s) {}

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
  void settle(std::size_t index, const Interval& x, const Shape* shape, const Meter& meter, Portion& out) noexcept {
    const Limits& limits = meter.limits;
    const double seconds = x.seconds(), level = weighted_s_ / seconds;
    if (last_ != index) leave(meter, out);
    const bool whole = active_s_ >= seconds * (1 - 1e-9);
    if (!whole) least_ = 0;
    const double spread = most_ - least_, share = spread > 1e-9 ? std::clamp((level - least_) / spread, 0.0, 1.0) : 1;
    const double watts = std::max(0.0, x.watts());
    step(std::abs(level - level_), std::max({watts, watts_, meter.least_W}), meter, out);
    out.joules += joules_;
    out.seen_s += weighted_s_;
    bound(x, least_, spread, share, meter, out);
    if (!x.valid) out.coarse_J += limits.max_power_W * weighted_s_;
    looks_ += weighted_s_ / seconds;
    if (meter.gauge) {
      bends_ += square(2 * bend * level * x.bend_J);
      out.coarse_J += limits.step_W * weighted_s_;
    }
    // Other threads may change the part of a region that is open all the time: that is no matter of its length.
    const bool cut = spread > 1e-9 && shape != nullptr;
    if (cut) out.coarse_J += spread * share * (1 - share) * seconds * shape->rough_W();
    if (!meter.gauge && x.valid)
      unseen_.add(joules_, weighted_s_, whole ? square(level) * x.stray_J2 : 0, whole ? x.strays : 0);
    const double error = cut ? cut_error(*shape, spread, joules_ - level * x.joules, meter) : 0;
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

  /// All is over.
  void finish(const Meter& meter, Portion& out) noexcept {
    leave(meter, out);
    const Limits& l = meter.limits;
    const double wider = 1 + (l.averaging_s < l.refresh_s ? l.averaging_s / l.refresh_s : 0);  // as much where nobody looked
    out.variance += unseen_.variance() + wider * bends_ * square(1 + 2 / std::max(1.0, looks_));
    if (meter.gauge) out.variance += square(std::min(0.8, 2 / square(looks_ + 1)) * out.joules);
    out.lower_J *= l.seen;
    out.upper_J = l.seen * out.upper_J + (1 - l.seen) * l.max_power_W * out.seen_s;
    out.lower_J = std::max(0.0, std::min(out.lower_J, out.joules));
    out.upper_J = std::max(out.upper_J, out.joules);
  }

  /// The region is not open in what follows.
  void leave(const Meter& meter, Portion& out) noexcept {
    step(level_, std::max(watts_, meter.least_W), meter, out);
    out.coarse_J += pending_J_;
    pending_J_ = pending_s_ = level_ = watts_ = 0;
    whole_before_ = false;
  }

 private:
  /// A reading between two intervals of which the region has different parts may be late by a refresh.
  static void step(double change, double watts, const Meter& meter, Portion& out) noexcept {
    if (change <= 0) return;
    const Limits& limits = meter.limits;
    const double late_J = (meter.gauge ? change_of_gauge : 1) * meter.late_s * watts;
    out.variance += square(change * one_edge) * (square(late_J) + square(limits.step_J));
    const double most_J = change * (limits.max_power_W * limits.refresh_s + limits.step_J);
    out.lower_J -= most_J;
    out.upper_J += most_J;
  }
  /// 95 % half width of what the region got of an interval that it has a part of; `bent_J` more than that part of the mean.
  static double cut_error(const Shape& shape, double spread, double bent_J, const Meter& meter) noexcept {
    const double known = meter.gauge ? change_of_gauge : place_of_step;
    const double unseen_s = meter.gauge ? 0 : (1 - meter.limits.seen) * meter.limits.refresh_s;
    return std::hypot(bent_J, spread * one_edge * (known * meter.late_s + unseen_s) * shape.highest_W());
  }
  /// What a gauge did not look at may have been anything, as in its totals.
  static void bound(const Interval& x, double least, double spread, double share, const Meter& meter, Portion& out) noexcept {
    const double whole_s = x.seconds(), most_W = meter.limits.max_power_W, most_J = most_W * share * whole_s;
    if (!x.valid || meter.gauge) {
      out.upper_J += most_W * (least + spread * share) * whole_s;
      return;
    }
    const double rest_J = most_W * (1 - share) * whole_s;
    out.lower_J += least * x.joules + spread * std::max(0.0, x.joules - rest_J);
    out.upper_J += least * x.joules + spread * std::min(x.joules, most_J);
  }

  double weighted_s_ = 0, active_s_ = 0, joules_ = 0, least_ = 1, most_ = 0;  // in the interval that is being looked at
  double level_ = 0, watts_ = 0, pending_J_ = 0, pending_s_ = 0;              // of the one before
  std::size_t last_ = 0;
  bool whole_before_ = false;
  bool certain_ = true;  ///< in the interval that is being looked at
  double looks_ = 0, bends_ = 0;
  Unseen unseen_;
};

/// A region with the place its results go to.
struct Entry {
  Follower follower;
  Portion* out;
};

class Sharer {
 public:
  Sharer(const Story& story, std::size_t names, const Updates& updates)
      : story_(story),
        intervals_(updates.intervals),
        late_s_(updates.late_s),
        meter_{updates.limits, updates.late_s, updates.gauge} {
    double joules = 0, seconds = 0;
    for (const Interval& x : intervals_) joules += x.joules, seconds += x.valid ? x.seconds() : 0;
    mean_W_ = seconds > 0 ? joules / seconds : 0;
    out_.inclusive.resize(names);
    out_.exclusive.resize(names);
    out_.call_J.resize(story.calls().size());
    for (std::size_t i = 0; i < names; ++i)
      for (Portion* out : {&out_.inclusive[i], &out_.exclusive[i]}) entries_.push_back({Follower(meter_), out});
    entries_.push_back({Follower(meter_), &out_.unmarked});
    sums_.resize(2 * names);
    tops_.resize(2 * names);
  }

  RegionEnergies share_out() && {
    story_.tell({.piece = [this](const Piece& p) { piece(p); },
                 .begins = [this](std::size_t c) { out_.call_J[c] = -threads_[story_.calls()[c].thread]; },
                 .ends = [this](std::size_t c) { out_.call_J[c] += threads_[story_.calls()[c].thread]; }});
    while (at_ < intervals_.size()) settle();
    for (Entry& e : entries_) e.follower.finish(meter_, *e.out);
    return std::move(out_);
  }

 private:
  void piece(const Piece& p) {
    while (at_ < intervals_.size() && intervals_[at_].to_ns <= p.from_ns) settle();
    for (std::size_t i = at_; i < intervals_.size() && intervals_[i].from_ns < p.to_ns; ++i) {
      const Interval& x = intervals_[i];
      const auto from = std::max(x.from_ns, p.from_ns), to = std::min(x.to_ns, p.to_ns);
      if (from > x.from_ns || to < x.to_ns) look_closely(i);
      part(p, static_cast<double>(to - from) * 1e-9, shape_ ? shape_->between(from, to) : x.valid ? x.joules : 0);
      if (x.to_ns <= p.to_ns) settle();
    }
  }

  /// At an interval in which something changes. The run's edges share theirs by time, as everywhere.
  void look_closely(std::size_t i) {
    const Interval& x = intervals_[i];
    const bool inside = x.from_ns >= story_.window().from_ns && x.to_ns <= story_.window().to_ns;
    if (!shape_) shape_.emplace(intervals_, i, inside && !meter_.gauge);
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
    const Interval& x = intervals_[at_];
    const auto refresh_ns = static_cast<std::int64_t>(meter_.limits.refresh_s * 1e9);
    const Window window = story_.window();
    const bool edge = x.from_ns < window.from_ns + refresh_ns || x.to_ns > window.to_ns - refresh_ns;
    meter_.late_s = edge ? std::max(one_sided * meter_.limits.refresh_s, late_s_) : late_s_;
    meter_.least_W = edge ? mean_W_ : 0;
    const Shape* shape = shape_ ? &*shape_ : nullptr;
    for (const std::size_t i : touched_) entries_[i].follower.settle(at_, x, shape, meter_, *entries_[i].out);
    touched_.clear();
    shape_.reset();
    ++at_;
  }

  const Story& story_;
  const std::vector<Interval>& intervals_;
  double late_s_, mean_W_ = 0;
  Meter meter_;
  std::optional<Shape> shape_;  ///< of the interval being filled, if something changes in it
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

RegionEnergies share_out_regions(const Story& story, std::size_t names, const Updates& updates) {
  return Sharer(story, names, updates).share_out();
}

namespace {

/// Rows of the intervals that pieces still add to.
class RowWriter {
 public:
  using Take = std::function<void(const Interval&, const Row&)>;
  RowWriter(const Story& story, const Updates& updates, const Take& take)
      : updates_(updates),
        blur_s_(std::max(updates.late_s + updates.limits.averaging_s, 1e-9)),
        half_ns_(static_cast<std::int64_t>(blur_s_ * 5e8) + 1),
        late_ns_(updates.gauge ? static_cast<std::int64_t>(updates.late_s * 5e8) : 0),
        edge_ns_(std::max(half_ns_ + late_ns_, static_cast<std::int64_t>(updates.limits.refresh_s * 1e9))),
        window_(story.window()),
        take_(take) {}

  void add(const Piece& p) {
    const auto& all = updates_.intervals;
    while (at_ < all.size() && all[at_].to_ns + half_ns_ <= p.from_ns) settle();
    for (std::size_t i = at_; i < all.size() && all[i].from_ns - half_ns_ - late_ns_ < p.to_ns; ++i) {
      if (rows_.size() <= i - at_) rows_.emplace_back();
      const double seconds = updates_.gauge ? looked_at(all[i], p) : counted(all[i], p);
      for (const Active& a : p.active)
        if (a.innermost > 0 && seconds > 0) rows_[i - at_][a.name] += a.innermost * seconds;
    }
  }

 private:
  /// Seconds of a piece behind a moment that may be half of the blur earlier or later.
  [[nodiscard]] double behind(std::int64_t moment_ns, const Piece& p) const noexcept {
    const auto until = [&](std::int64_t t_ns) {
      const double t = static_cast<double>(t_ns - moment_ns) * 1e-9, half = blur_s_ / 2;
      return t >= half ? t : t <= -half ? 0 : square(t + half) / (2 * blur_s_);
    };
    return until(p.to_ns) - until(p.from_ns);
  }
  /// What a counter's interval tells of a piece; one that looks for a part of the time only tells what was there then.
  [[nodiscard]] double counted(const Interval& x, const Piece& p) const noexcept {
    const double refresh_s = updates_.limits.refresh_s, look_s = updates_.limits.seen * refresh_s;
    const bool one_look = updates_.limits.seen < 1 && x.seconds() <= 1.5 * refresh_s;
    if (!one_look) return behind(x.from_ns, p) - behind(x.to_ns, p);
    const std::int64_t from_ns = x.to_ns - static_cast<std::int64_t>(look_s * 1e9);
    return (behind(from_ns, p) - behind(x.to_ns, p)) * x.seconds() / look_s;
  }
  /// A gauge's interval is half of what was there at each end, when the value was made.
  [[nodiscard]] double looked_at(const Interval& x, const Piece& p) const noexcept {
    const auto present = [&](std::int64_t t_ns) {
      t_ns -= late_ns_;
      const auto common_ns = std::min(p.to_ns, t_ns + half_ns_) - std::max(p.from_ns, t_ns - half_ns_);
      return std::max(0.0, static_cast<double>(common_ns) / static_cast<double>(2 * half_ns_));
    };
    return (present(x.from_ns) + present(x.to_ns)) / 2 * x.seconds();
  }
  /// How old the first and the last reading of a run are is not known.
  void settle() {
    const Interval& x = updates_.intervals[at_++];
    if (rows_.empty()) return;
    const auto row = std::move(rows_.front());
    rows_.pop_front();
    if (x.valid && x.from_ns - edge_ns_ >= window_.from_ns && x.to_ns + edge_ns_ <= window_.to_ns)
      take_(x, Row(row.begin(), row.end()));
  }

  const Updates& updates_;
  double blur_s_;
  std::int64_t half_ns_;
  std::int64_t late_ns_;  ///< a gauge's values are so old; a counter's edges are set back already
  std::int64_t edge_ns_;
  Window window_;
  const Take& take_;
  std::size_t at_ = 0;
  std::deque<std::map<std::uint32_t, double>> rows_;  ///< of the intervals from `at_` on
};

}  // namespace

void each_row(const Story& story, const Updates& updates, const std::function<void(const Interval&, const Row&)>& take) {
  RowWriter rows(story, updates, take);
  story.tell({.piece = [&](const Piece& p) { rows.add(p); }});
}

}  // namespace perun
