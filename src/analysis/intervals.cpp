// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/intervals.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace perun {

namespace {

constexpr double seconds(std::int64_t ns) noexcept {
  return static_cast<double>(ns) * 1e-9;
}

/// b - a without overflow, whatever garbage was read.
std::int64_t difference(std::int64_t b, std::int64_t a) noexcept {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(b) - static_cast<std::uint64_t>(a));
}

Interval from_to(const Reading& a, const Reading& b) {
  Interval x;
  x.from_ns = a.t_ns;
  x.to_ns = b.t_ns;
  x.from_halfwidth_s = seconds(a.halfwidth_ns);
  x.to_halfwidth_s = seconds(b.halfwidth_ns);
  return x;
}

Interval counted(const Sensor& sensor, const Limits& limits, const Reading& a, const Reading& b) {
  Interval x = from_to(a, b);
  std::int64_t delta = difference(b.raw, a.raw);
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

}  // namespace

CounterChain::CounterChain(const Sensor& sensor, SeriesCursor& series, Tally& tally)
    : sensor_(sensor), series_(series), tally_(tally), limits_(limits_of(sensor)), lookahead_(series.size() + 65'536) {}

Reading CounterChain::look(std::size_t i) {
  const Reading r = series_[i];
  tally_.add(i, r);
  return r;
}

bool CounterChain::advance(std::deque<Link>& links) {
  bool bridged = false;
  for (; next_ < series_.size(); ++next_) {
    now_ = look(next_);
    if (!begun_) {
      before_ = now_;
      begun_ = now_.raw != missing;
      continue;
    }
    if (now_.raw == missing) {
      bridged = true;
      continue;
    }
    if (now_.t_ns <= before_.t_ns) continue;
    Link link{between(before_, now_), before_};
    if (!link.interval.valid) repair(links, link);
    link.interval.bridged = link.interval.bridged || bridged;
    links.push_back(link);
    before_ = now_;
    ++next_;
    return true;
  }
  return false;
}

Interval CounterChain::between(const Reading& a, const Reading& b) const {
  return counted(sensor_, limits_, a, b);
}

void CounterChain::repair(std::deque<Link>& links, Link& link) {
  if (!standstill_ended(links, link) && !end_of_excursion(link)) fell_back_from_excursion(links, link);
}

/// A jump behind a standstill: the counter was not shown for a while and then caught up.
bool CounterChain::standstill_ended(std::deque<Link>& links, Link& link) {
  std::size_t n = links.size();
  while (n > 0 && links[n - 1].interval.valid && links[n - 1].interval.joules <= 0) --n;
  return n < links.size() && merge(links, n, link);
}

/// Puts everything from link `n` on and the present reading into one interval, if that is one that can be.
bool CounterChain::merge(std::deque<Link>& links, std::size_t n, Link& link) {
  Link whole{between(links[n].start, now_), links[n].start};
  if (!whole.interval.valid) return false;
  whole.interval.bridged = true;
  links.resize(n);
  link = whole;
  return true;
}

/// Values that cannot be, until the counter is back where it would be: they are left out. Where the way back could be
/// a counter that began anew, only a few readings are, and the bounds hold for that too.
bool CounterChain::end_of_excursion(Link& link) {
  constexpr int few = 3;
  Reading previous = now_;
  std::uint64_t passed = 1;
  for (std::size_t c = next_ + 1; c < series_.size() && lookahead_ > 0; ++c, --lookahead_) {
    const Reading reading = look(c);
    if (reading.raw == missing || reading.t_ns <= previous.t_ns) continue;
    if (limits_.range_J > 0 && limits_.max_power_W * seconds(reading.t_ns - before_.t_ns) > limits_.range_J / 2) break;
    Interval across = between(before_, reading);
    const bool ambiguous = between(previous, reading).valid;
    if (across.valid && (!ambiguous || passed <= few)) {
      if (ambiguous) across.hidden_J = std::max(across.hidden_J, limits_.max_power_W * across.seconds());
      across.bridged = true;
      rejected_ += passed;
      link.interval = across;
      now_ = reading;
      next_ = c;
      return true;
    }
    previous = reading;
    ++passed;
  }
  return false;
}

/// The values before a fall were too high, if not impossible: left out up to where the counter fits again.
void CounterChain::fell_back_from_excursion(std::deque<Link>& links, Link& link) {
  constexpr std::size_t most = 16;
  static_assert(most < settled);
  const std::size_t size = links.size();
  for (std::size_t k = 1; k <= std::min(most, size) && links[size - k].interval.valid; ++k)
    if (merge(links, size - k, link)) {
      Interval& x = link.interval;
      x.hidden_J = std::max(x.hidden_J, limits_.max_power_W * x.seconds());
      rejected_ += k;
      return;
    }
}

GaugeChain::GaugeChain(const Sensor& sensor, SeriesCursor& series, Tally& tally)
    : sensor_(sensor),
      series_(series),
      tally_(tally),
      limits_(limits_of(sensor)),
      // What runs uses something: 0 W of a whole device is a sensor without an answer.
      never_zero_(sensor.kind == Kind::measured && sensor.domain != Domain::cores && sensor.domain != Domain::uncore) {}

bool GaugeChain::good(std::int64_t raw) const noexcept {
  const double watts = static_cast<double>(raw) * sensor_.scale;
  return watts <= limits_.max_power_W && (never_zero_ ? watts > 0 : watts >= 0);
}

bool GaugeChain::repeats(const Reading& now) const noexcept {
  return now.raw == before_.raw && seconds(now.t_ns - before_.t_ns) < limits_.refresh_s;
}

void GaugeChain::push(std::deque<Link>& links, const Reading& now) {
  const std::int64_t middle_ns = sensor_.averaging_ns / 2;
  const double first = static_cast<double>(before_.raw) * sensor_.scale, last = static_cast<double>(now.raw) * sensor_.scale;
  Interval x = from_to(before_, now);
  x.from_ns -= middle_ns;
  x.to_ns -= middle_ns;
  x.joules = 0.5 * (first + last) * x.seconds();
  x.bend_J = 0.5 * (last - first) * x.seconds();
  x.bridged = std::exchange(bridged_, false);
  links.push_back({x, std::exchange(before_, now)});
}

/// What the end leaves: the last value when it repeated the one before, then the newest half of the last mean, whose
/// power is known no better than that mean.
bool GaugeChain::finish(std::deque<Link>& links) {
  if (last_.t_ns != before_.t_ns) {
    push(links, last_);
    return true;
  }
  if (std::exchange(finished_, true) || !begun_ || sensor_.averaging_ns < 2) return false;
  Interval x = from_to(last_, last_);
  x.from_ns -= sensor_.averaging_ns / 2;
  x.joules = static_cast<double>(last_.raw) * sensor_.scale * x.seconds();
  x.bridged = true;
  links.push_back({x, last_});
  return true;
}

bool GaugeChain::advance(std::deque<Link>& links) {
  for (; next_ < series_.size(); ++next_) {
    const Reading now = series_[next_];
    tally_.add(next_, now);
    const bool absurd = now.raw != missing && !good(now.raw);
    if (absurd) ++rejected_;
    if (absurd || now.raw == missing) {
      bridged_ = true;
      continue;
    }
    if (begun_ && now.t_ns <= last_.t_ns) continue;
    last_ = now;
    if (!begun_) {
      before_ = now;
      begun_ = true;
      bridged_ = false;
      continue;
    }
    if (repeats(now)) continue;
    push(links, now);
    ++next_;
    return true;
  }
  return finish(links);
}

}  // namespace perun
