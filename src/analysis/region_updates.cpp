// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/region_updates.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "analysis/sums.hpp"
#include "analysis/track_reader.hpp"

namespace perun {

namespace {

class Gatherer {
 public:
  Gatherer(const Sensor& sensor, const Story& story)
      : story_(story),
        window_(story.window()),
        counter_(sensor.behavior == Behavior::counter),
        refresh_s_(limits_of(sensor).refresh_s) {
    out_.limits = limits_of(sensor);
    out_.gauge = !counter_;
  }

  /// Intervals that show nothing new wait for the one that does; when that takes too long, it did stand still.
  void add(const Interval& x) {
    if (x.to_ns <= x.from_ns) return;
    read_s_ += x.seconds();
    ++readings_;
    const bool still = counter_ && x.valid && x.joules <= 0;
    if (still && still_s_ <= 1.5 * refresh_s_) {
      still_s_ += x.seconds();
      waiting_.push_back(x);
      return;
    }
    // The run's edges cut the same intervals as everywhere else.
    const bool inside = !waiting_.empty() && waiting_.front().from_ns >= window_.from_ns && x.to_ns <= window_.to_ns;
    if (inside && x.valid && !still && still_s_ <= 1.5 * refresh_s_) {
      Interval whole = x;
      whole.from_ns = waiting_.front().from_ns;
      whole.from_halfwidth_s = waiting_.front().from_halfwidth_s;
      waiting_.clear();
      keep(whole);
    } else {
      flush();
      keep(x);
    }
    if (!still) still_s_ = 0;
  }

  Updates finish() {
    flush();
    out_.period_s = std::max(count_ > 0 ? seconds_ / count_ : 0, refresh_s_);
    if (readings_ > 0) out_.late_s = std::min(refresh_s_, read_s_ / readings_);
    if (counter_) set_back(static_cast<std::int64_t>(out_.late_s * 5e8));
    return std::move(out_);
  }

 private:
  void flush() {
    for (const Interval& x : waiting_) keep(x);
    waiting_.clear();
  }

  void keep(const Interval& x) {
    seconds_ += x.seconds();
    ++count_;
    const bool edge = x.from_ns < window_.from_ns || x.to_ns > window_.to_ns || story_.changes_within(x.from_ns, x.to_ns);
    quiet_ = counter_ && x.valid && !edge ? quiet_ + 1 : 0;
    if (quiet_ == 0) strays_.reset();
    auto& all = out_.intervals;
    const std::size_t n = all.size();
    if (quiet_ <= 5) {
      all.push_back(x);
      return;
    }
    Interval& middle = all[n - 3];
    const Interval& next = all[n - 2];
    middle.to_ns = next.to_ns;
    middle.joules += next.joules;
    middle.hidden_J += next.hidden_J;
    middle.to_halfwidth_s = next.to_halfwidth_s;
    middle.wrapped = middle.wrapped || next.wrapped;
    middle.bridged = middle.bridged || next.bridged;
    if (!strays_) strays_.emplace(out_.limits, readings_ > 0 ? std::min(refresh_s_, read_s_ / readings_) : refresh_s_);
    strays_->add(next.joules, next.seconds());
    middle.stray_J2 = strays_->stray_J2();
    middle.strays = strays_->strays();
    all[n - 2] = all[n - 1];
    all[n - 1] = x;
  }

  /// Moves all edges between two intervals. What the run's own edges cut off of theirs stays the same share, and what they
  /// leave stays the same energy to the last digit, though moments are whole nanoseconds.
  void set_back(std::int64_t by_ns) {
    auto& all = out_.intervals;
    for (std::size_t i = 1; i < all.size(); ++i) {
      Interval &x = all[i - 1], &y = all[i];
      const std::int64_t was_ns = y.from_ns, now_ns = was_ns - by_ns;
      if (x.to_ns != was_ns || now_ns <= std::max(x.from_ns, window_.from_ns) || was_ns >= window_.to_ns) continue;
      const double x_J = inside(x), y_J = inside(y);
      if (x.from_ns < window_.from_ns)
        x.from_ns = window_.from_ns - scaled(window_.from_ns - x.from_ns, now_ns - window_.from_ns, was_ns - window_.from_ns);
      if (y.to_ns > window_.to_ns)
        y.to_ns = window_.to_ns + scaled(y.to_ns - window_.to_ns, window_.to_ns - now_ns, window_.to_ns - was_ns);
      x.to_ns = y.from_ns = now_ns;
      if (inside(x) > 0) x.joules *= x_J / inside(x);
      if (inside(y) > 0) y.joules *= y_J / inside(y);
    }
  }
  [[nodiscard]] double inside(const Interval& x) const noexcept {
    return x.between(std::max(x.from_ns, window_.from_ns), std::min(x.to_ns, window_.to_ns));
  }
  static std::int64_t scaled(std::int64_t ns, std::int64_t by, std::int64_t from) noexcept {
    return std::llround(static_cast<double>(ns) * static_cast<double>(by) / static_cast<double>(from));
  }

  const Story& story_;
  Window window_;
  bool counter_;
  double refresh_s_;
  std::vector<Interval> waiting_;
  double still_s_ = 0, seconds_ = 0, count_ = 0, read_s_ = 0, readings_ = 0;
  std::size_t quiet_ = 0;         ///< intervals without a change, up to now
  std::optional<Unseen> strays_;  ///< of those that became one
  Updates out_;
};

}  // namespace

Updates updates(const Sensor& sensor, const SeriesCursor& series, const Story& story) {
  std::optional<Hindsight> hindsight;
  for (;;) {
    TrackReader track(sensor, series, story.window(), hindsight);
    PaddedTrack padded(track);
    Gatherer gatherer(sensor, story);
    while (const Interval* x = padded.next()) gatherer.add(*x);
    if (hindsight || !track.wants_hindsight()) return gatherer.finish();
    hindsight = track.hindsight();
  }
}

}  // namespace perun
