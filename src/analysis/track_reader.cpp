// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/track_reader.hpp"

#include <algorithm>

namespace perun {

namespace {

std::variant<CounterChain, GaugeChain> chain_of(const Sensor& sensor, SeriesCursor& series, Tally& tally) {
  if (sensor.behavior == Behavior::gauge) return GaugeChain(sensor, series, tally);
  return CounterChain(sensor, series, tally);
}

/// How long a counter may stand still before it counts as stuck.
double longest_standstill_s(const Limits& limits) noexcept {
  return std::max(20 * limits.refresh_s, 0.1);
}

/// Processor cores and a graphics unit that is switched off may use nothing at all, and a model does not get stuck.
bool watched(const Sensor& sensor) noexcept {
  return sensor.kind == Kind::measured &&
         (sensor.behavior == Behavior::gauge || (sensor.domain != Domain::cores && sensor.domain != Domain::uncore));
}

}  // namespace

TrackReader::TrackReader(const Sensor& sensor, SeriesCursor series, Window window, std::optional<Hindsight> hindsight)
    : sensor_(sensor),
      limits_(limits_of(sensor)),
      series_(std::move(series)),
      tally_(window),
      chain_(chain_of(sensor, series_, tally_)),
      given_(hindsight) {}

std::uint64_t TrackReader::rejected() const {
  return std::visit([](const auto& chain) { return chain.rejected(); }, chain_);
}

bool TrackReader::still(const Interval& x) const noexcept {
  return gauge() ? x.bend_J == 0 : x.valid && x.joules <= 0;
}

const Interval* TrackReader::next() {
  while (!ready()) {
    ended_ = !std::visit([&](auto& chain) { return chain.advance(links_); }, chain_);
    // The newest link may stand where others were.
    if (!ended_) still_ = std::min(still_, links_.size() - 1);
  }
  if (links_.empty()) return nullptr;
  if (decided_ == 0) gauge() ? decide_gauge() : decide_counter();
  current_ = links_.front().interval;
  links_.pop_front();
  --decided_;
  return &current_;
}

/// Whether the first link is what it will be, with all that is to be decided together with it; also when there is none left.
bool TrackReader::ready() {
  if (decided_ > 0 || ended_) return true;
  while (still_ < links_.size() && still(links_[still_].interval)) ++still_;
  if (!gauge()) return links_.size() > still_ + CounterChain::settled || still_ >= longest_standstill;
  return links_.size() > still_ || (still_ > 0 && (in_run_ || is_run()));
}

void TrackReader::decide_counter() {
  while (still_ < links_.size() && still(links_[still_].interval)) ++still_;
  decided_ = std::max<std::size_t>(still_, 1);
  if (still_ == 0) {
    const Interval& x = links_.front().interval;
    if (x.valid) joules_ += x.joules, moving_s_ += x.seconds();
    return;
  }
  double still_s = 0;
  for (std::size_t i = 0; i < still_; ++i) still_s += links_[i].interval.seconds();
  if (watched(sensor_) && still_s >= longest_standstill_s(limits_)) {
    suspicious_ = true;
    if (given_ && stuck(still_s))
      for (std::size_t i = 0; i < still_; ++i) {
        links_[i].interval.valid = false;
        links_[i].interval.stuck = true;
      }
  }
  still_ = 0;
}

/// Whether a standstill at the front, so long, is one that no power explains; else the interval behind it also holds its
/// energy, or it is too short for one step of the counter.
bool TrackReader::stuck(double still_s) const {
  const double mean_W = given_->moving_W, least_W = std::max(0.01, 0.01 * mean_W);
  if (limits_.step_J / still_s > least_W) return false;
  if (still_ >= links_.size() || !links_[still_].interval.valid) return true;
  const Interval& x = links_[still_].interval;
  return !(x.joules >= 0.5 * mean_W * (still_s + x.seconds()) && x.joules >= 2 * mean_W * x.seconds());
}

/// Whether the standstill at the front is long enough to mean something.
bool TrackReader::is_run() const noexcept {
  constexpr std::size_t least = 10;
  const auto seconds = [](std::int64_t ns) { return static_cast<double>(ns) * 1e-9; };
  return still_ >= least &&
         seconds(links_[still_ - 1].interval.to_ns - links_.front().interval.from_ns) >= std::max(10 * limits_.refresh_s, 0.1);
}

/// A gauge that else hardly ever shows the same value twice and then does so all the time is frozen.
void TrackReader::decide_gauge() {
  while (still_ < links_.size() && still(links_[still_].interval)) ++still_;
  decided_ = std::max<std::size_t>(still_, 1);
  passed_ += decided_;
  in_run_ = still_ > 0 && (in_run_ || is_run());
  if (in_run_) {
    suspicious_ = true;
    if (given_ && given_->restless)
      for (std::size_t i = 0; i < still_; ++i) links_[i].interval.bridged = links_[i].interval.stuck = true;
  } else {
    outside_ += decided_;
    moved_ += still_ == 0 ? 1 : 0;
  }
  still_ = 0;
}

bool TrackReader::wants_hindsight() const noexcept {
  return !given_ && suspicious_ && watched(sensor_) && (!gauge() || hindsight().restless);
}

Hindsight TrackReader::hindsight() const noexcept {
  // A curve of steps stands still between them; a sensor that shows noise does not.
  return {moving_s_ > 0 ? joules_ / moving_s_ : 0, outside_ >= 10 && outside_ * 2 >= passed_ && moved_ * 10 >= outside_ * 8};
}

const Interval* PaddedTrack::next() {
  const auto half = [](const Interval& x) { return (x.to_ns - x.from_ns) / 2; };
  const auto as = [](const Interval& x, std::int64_t from_ns, std::int64_t to_ns) {
    Interval beyond;
    beyond.from_ns = from_ns;
    beyond.to_ns = to_ns;
    beyond.joules = x.watts() * beyond.seconds();
    beyond.valid = x.valid;
    return beyond;
  };
  const Interval* x = nullptr;
  switch (stage_) {
    case Stage::before:
      x = track_.next();
      stage_ = x == nullptr ? Stage::done : Stage::first;
      if (x == nullptr) return nullptr;
      last_ = *x;
      held_ = as(last_, last_.from_ns - half(last_), last_.from_ns);
      return &held_;
    case Stage::first:
      stage_ = Stage::inner;
      return &last_;
    case Stage::inner:
      if (x = track_.next(); x != nullptr) {
        last_ = *x;
        return x;
      }
      stage_ = Stage::done;
      held_ = as(last_, last_.to_ns, last_.to_ns + half(last_));
      return &held_;
    case Stage::done:
      break;
  }
  return nullptr;
}

void EnergyFlow::add_to(std::span<double> joules, std::span<const std::int64_t> edges) {
  std::size_t at = 0;
  for (; interval_ != nullptr; interval_ = padded_.next()) {
    const Interval& x = *interval_;
    while (at + 1 < edges.size() && edges[at + 1] + shift_ns_ <= x.from_ns) ++at;
    for (std::size_t i = at; i + 1 < edges.size() && edges[i] + shift_ns_ < x.to_ns; ++i)
      joules[i] += x.between(std::max(edges[i] + shift_ns_, x.from_ns), std::min(edges[i + 1] + shift_ns_, x.to_ns));
    if (x.to_ns > edges.back() + shift_ns_) break;
  }
  track_.rest();
}

}  // namespace perun
