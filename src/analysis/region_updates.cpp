// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/region_updates.hpp"

#include <algorithm>
#include <optional>

#include "analysis/track_reader.hpp"

namespace perun {

namespace {

class Gatherer {
 public:
  Gatherer(const Sensor& sensor, const Story& story)
      : story_(story),
        window_(story.window()),
        counter_(sensor.behavior == Behavior::counter),
        refresh_s_(limits_of(sensor).refresh_s) {}

  /// Intervals that show nothing new wait for the one that does; when that takes too long, it did stand still.
  void add(const Interval& x) {
    if (x.to_ns <= x.from_ns) return;
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
    all[n - 2] = all[n - 1];
    all[n - 1] = x;
  }

  const Story& story_;
  Window window_;
  bool counter_;
  double refresh_s_;
  std::vector<Interval> waiting_;
  double still_s_ = 0, seconds_ = 0, count_ = 0;
  std::size_t quiet_ = 0;  ///< intervals without a change, up to now
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
