// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/energy.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "analysis/metering.hpp"
#include "analysis/peak.hpp"
#include "analysis/sums.hpp"
#include "analysis/track_reader.hpp"

namespace perun {

namespace {

/// What a look at the whole series has to know beforehand. Most series can do without.
struct Foreknowledge {
  std::optional<Hindsight> hindsight;
  std::optional<Range> range;
  double shortest_s;
};

/// One look at a series.
class Look {
 public:
  Look(const Sensor& sensor, SeriesCursor series, Window window, const Foreknowledge& known)
      : sensor_(sensor),
        window_(window),
        limits_(limits_of(sensor)),
        track_(sensor, std::move(series), window, known.hindsight),
        counter_(limits_),
        gauge_(limits_, known.range),
        peak_(window, known.shortest_s) {}

  void take() {
    PaddedTrack padded(track_);
    for (const Interval* x = padded.next(); x != nullptr; x = padded.next()) {
      peak_.add(*x, padded.ended() ? PeakPower::Cut::never : PeakPower::Cut::at_end);
      if (!before_) {
        before_ = *x;
      } else if (padded.ended()) {
        after_ = *x;
      } else {
        add(*x);
      }
    }
  }

  /// What the next look has to know; nothing when this one knew enough.
  [[nodiscard]] std::optional<Foreknowledge> regrets(const Foreknowledge& known, const Energy& e) const {
    Foreknowledge next = known;
    if (track_.wants_hindsight()) next.hindsight = track_.hindsight();
    if (gauge_.wants_range() && sensor_.behavior == Behavior::gauge) next.range = gauge_.range();
    next.shortest_s = shortest_stretch_s(sensor_, mean_W(e));
    const bool same = next.hindsight.has_value() == known.hindsight.has_value() &&
                      next.range.has_value() == known.range.has_value() && next.shortest_s == known.shortest_s;
    return same || !e.available ? std::nullopt : std::optional(next);
  }

  [[nodiscard]] Energy energy() {
    Energy e;
    if (!before_ || window_.to_ns < window_.from_ns || window_.to_ns < before_->from_ns || window_.from_ns > after_.to_ns)
      return e;
    if (parts_ > 0) sensor_.behavior == Behavior::gauge ? gauge_.finish(e) : counter_.finish(e);
    // A counter that never moved measured nothing.
    if (all_stuck_) return {.stuck_s = e.stuck_s};
    e.available = true;
    extend(*before_, window_.from_ns, std::min(window_.to_ns, before_->to_ns), e);
    extend(after_, std::max(window_.from_ns, after_.from_ns), window_.to_ns, e);
    e.missing = track_.tally().failed_in_window;
    (sensor_.behavior == Behavior::gauge ? e.invalid : e.rejected) += track_.rejected();
    e.max_W = std::max(mean_W(e), peak_.watts());
    return e;
  }
  [[nodiscard]] const Tally& tally() const noexcept { return track_.tally(); }

 private:
  void add(const Interval& x) {
    all_stuck_ = all_stuck_ && x.stuck && !x.valid;
    if (x.to_ns <= window_.from_ns || x.from_ns >= window_.to_ns) return;
    ++parts_;
    const Part part{x, std::max(x.from_ns, window_.from_ns), std::min(x.to_ns, window_.to_ns)};
    sensor_.behavior == Behavior::gauge ? gauge_.add(part) : counter_.add(part);
  }

  /// Half an interval on each side is filled with the neighbour's power; what lies farther out was not seen.
  void extend(const Interval& x, std::int64_t from_ns, std::int64_t to_ns, Energy& e) const {
    if (to_ns <= from_ns) return;
    const double all_s = static_cast<double>(to_ns - from_ns) * 1e-9;
    const double energy = x.valid ? x.between(from_ns, to_ns) : 0;
    const double watts = x.seconds() > 0 && x.valid ? x.watts() : 0;
    const double near_s =
        static_cast<double>(std::max<std::int64_t>(std::min(to_ns, x.to_ns) - std::max(from_ns, x.from_ns), 0)) * 1e-9;
    e.joules += energy;
    e.unseen_s += all_s - near_s;
    e.upper_J += limits_.max_power_W * all_s;
    e.uncertainty_J = std::hypot(e.uncertainty_J, watts * (2 * near_s + 3 * (all_s - near_s)));
  }

  [[nodiscard]] double mean_W(const Energy& e) const noexcept {
    return window_.to_ns > window_.from_ns ? e.joules / window_.seconds() : 0;
  }

  const Sensor& sensor_;
  Window window_;
  Limits limits_;
  TrackReader track_;
  CounterSum counter_;
  GaugeSum gauge_;
  PeakPower peak_;
  std::optional<Interval> before_;
  Interval after_;
  std::size_t parts_ = 0;
  bool all_stuck_ = true;
};

}  // namespace

Metering meter(const Sensor& sensor, const SeriesCursor& series, Window window) {
  Foreknowledge known{{}, {}, shortest_stretch_s(sensor, 0)};
  for (;;) {
    Look look(sensor, series, window, known);
    look.take();
    Energy e = look.energy();
    const auto next = look.regrets(known, e);
    if (!next) return {e, look.tally()};
    known = *next;
  }
}

Energy energy_between(const Sensor& sensor, const SeriesCursor& series, Window window) {
  return meter(sensor, series, window).energy;
}

double increase_between(const Sensor& sensor, SeriesCursor series, Window window) {
  const std::size_t size = series.size();
  std::optional<Reading> first, last;
  for (std::size_t i = 0; i < size; ++i) {
    const Reading r = series[i];
    if (r.raw == missing) continue;
    const bool opens = !first || r.t_ns <= window.from_ns;
    if (opens) first = r;
    last = r;
    if (r.t_ns >= window.to_ns && !opens) break;
  }
  if (!first) return 0;
  const auto delta = static_cast<std::uint64_t>(last->raw) - static_cast<std::uint64_t>(first->raw);
  return std::max(0.0, static_cast<double>(static_cast<std::int64_t>(delta)) * sensor.scale);
}

}  // namespace perun
