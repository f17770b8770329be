// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/timeline.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <list>
#include <optional>
#include <string_view>

#include "analysis/summarize.hpp"
#include "analysis/track_reader.hpp"
#include "model/clock_alignment.hpp"
#include "model/domains.hpp"

namespace perun {

namespace {

constexpr std::size_t most_calls = 200'000;

std::int64_t to_us(std::int64_t ns) noexcept {
  return (ns >= 0 ? ns + 500 : ns - 500) / 1000;
}

/// What belongs to one node, with what its clock shows when the run begins.
struct Place {
  const NodeRecord& node;
  Readings& readings;
  std::size_t number;
  Window window;
  std::int64_t origin_ns;
  std::uint64_t stride;  ///< so many readings stand together
};

/// Puts the intervals of a meter together to a track, `stride` of them at a time.
class PowerMaker {
 public:
  PowerMaker(const Sensor& sensor, const Place& place) : stride_(place.stride), origin_ns_(place.origin_ns) {
    const Limits limits = limits_of(sensor);
    out_.node = place.number;
    out_.id = sensor.id;
    out_.gauge = sensor.behavior == Behavior::gauge;
    out_.unit = out_.gauge && thinned() ? 1e-6 : sensor.scale;
    out_.range_W = thinned() ? 1e-3 : 0;
    out_.refresh_s = limits.refresh_s;
    out_.averaging_s = limits.averaging_s;
    out_.seen = limits.seen;
    out_.step_J = limits.step_J;
    out_.step_W = limits.step_W;
    out_.highest_W = limits.max_power_W;
  }

  void add(const Interval& x) {
    out_.halfwidth_s = std::max({out_.halfwidth_s, x.from_halfwidth_s, x.to_halfwidth_s});
    const bool gap = !x.valid || x.stuck || (x.bridged && out_.gauge);
    const double first_W = (x.joules - x.bend_J) / x.seconds(), last_W = (x.joules + x.bend_J) / x.seconds();
    if (out_.t_us.empty()) put(x.from_ns, points() ? steps(first_W) : 0);
    joules_ += x.joules;
    if (!gap) {
      least_W_ = std::min({least_W_, first_W, last_W});
      most_W_ = std::max({most_W_, first_W, last_W});
    }
    gaps_ += gap ? 1 : 0;
    known_ = known_ && x.valid;
    to_ns_ = x.to_ns;
    last_W_ = last_W;
    if (++held_ >= stride_) settle();
  }

  PowerTrack finish() && {
    if (held_ > 0) settle();
    return std::move(out_);
  }

 private:
  [[nodiscard]] bool thinned() const noexcept { return stride_ > 1; }
  [[nodiscard]] bool points() const noexcept { return out_.gauge && !thinned(); }
  [[nodiscard]] std::int64_t steps(double amount) const noexcept { return std::llround(amount / out_.unit); }
  void put(std::int64_t t_ns, std::int64_t value) {
    out_.t_us.push_back(to_us(t_ns - origin_ns_));
    out_.value.push_back(value);
  }

  void settle() {
    // Two times within a microsecond are one.
    if (to_us(to_ns_ - origin_ns_) > out_.t_us.back()) {
      if (gaps_ == held_) out_.gaps.emplace_back(out_.t_us.size() - 1, known_);
      put(to_ns_, points() ? steps(last_W_) : steps(static_cast<double>(joules_)));
      if (thinned()) {
        const bool seen = most_W_ >= least_W_;
        out_.least.push_back(seen ? std::llround(least_W_ / out_.range_W) : 0);
        out_.most.push_back(seen ? std::llround(most_W_ / out_.range_W) : 0);
      }
    }
    held_ = gaps_ = 0;
    known_ = true;
    least_W_ = std::numeric_limits<double>::max();
    most_W_ = std::numeric_limits<double>::lowest();
  }

  PowerTrack out_;
  std::uint64_t stride_;
  std::int64_t origin_ns_, to_ns_ = 0;
  long double joules_ = 0;
  double last_W_ = 0;
  double least_W_ = std::numeric_limits<double>::max(), most_W_ = std::numeric_limits<double>::lowest();
  std::uint64_t held_ = 0, gaps_ = 0;
  bool known_ = true;
};

PowerTrack power_of(const Sensor& sensor, std::size_t column, const Place& place) {
  std::optional<Hindsight> known;
  for (;;) {
    TrackReader track(sensor, place.readings.cursor(column), place.window, known);
    PowerMaker maker(sensor, place);
    for (const Interval* x = track.next(); x != nullptr; x = track.next())
      if (x->to_ns > place.window.from_ns && x->from_ns < place.window.to_ns) maker.add(*x);
    if (!known && track.wants_hindsight()) {
      known = track.hindsight();
      continue;
    }
    PowerTrack out = std::move(maker).finish();
    out.readings = place.readings.size(column);
    const double length_s = out.t_us.empty() ? 0 : static_cast<double>(out.t_us.back() - out.t_us.front()) * 1e-6;
    if (!out.gauge && length_s > 0)
      out.shortest_s = shortest_stretch_s(sensor, static_cast<double>(out.value.back()) * out.unit / length_s);
    return out;
  }
}

/// Puts the values of a track down, the mean of `stride` of them at a time.
class StateMaker {
 public:
  StateMaker(const Sensor& sensor, const Place& place, bool rate, double unit) : stride_(place.stride) {
    out_.node = place.number;
    out_.label = sensor.label;
    out_.quantity = sensor.quantity;
    out_.rate = rate;
    out_.unit = unit;
  }
  void begin(std::int64_t t_us) { put(t_us, 0); }
  void add(std::int64_t t_us, double value) {
    if (!out_.t_us.empty() && t_us <= out_.t_us.back()) return;
    sum_ += value;
    t_us_ = t_us;
    if (++held_ >= stride_) settle();
  }
  StateTrack finish() && {
    if (held_ > 0) settle();
    return std::move(out_);
  }

 private:
  void put(std::int64_t t_us, std::int64_t value) {
    out_.t_us.push_back(t_us);
    out_.value.push_back(value);
  }
  void settle() {
    put(t_us_, std::llround(sum_ / static_cast<double>(held_) / out_.unit));
    sum_ = 0;
    held_ = 0;
  }
  StateTrack out_;
  std::uint64_t stride_, held_ = 0;
  std::int64_t t_us_ = 0;
  double sum_ = 0;
};

StateTrack gauge_of(const Sensor& sensor, std::size_t column, const Place& place) {
  StateMaker maker(sensor, place, false, sensor.scale);
  auto series = place.readings.cursor(column);
  for (std::size_t i = 0; i < series.size(); ++i)
    if (const Reading r = series[i]; r.raw != missing)
      maker.add(to_us(r.t_ns - place.origin_ns), static_cast<double>(r.raw) * sensor.scale);
  return std::move(maker).finish();
}

/// A counter's increase, by that of another or by time.
StateTrack rate_of(const Sensor& sensor, std::size_t column, std::optional<std::size_t> by, double unit, const Place& place) {
  StateMaker maker(sensor, place, true, unit);
  auto series = place.readings.cursor(column);
  auto against = place.readings.cursor(by.value_or(column));
  const std::size_t size = std::min(series.size(), against.size());
  std::optional<std::size_t> before;
  for (std::size_t i = 0; i < size; ++i) {
    const Reading r = series[i];
    if (r.raw == missing || against[i].raw == missing) continue;
    if (!before) {
      maker.begin(to_us(r.t_ns - place.origin_ns));
    } else {
      const Reading b = series[*before];
      const double more = static_cast<double>(r.raw - b.raw) * sensor.scale;
      const double base = by ? static_cast<double>(against.raw(i) - against.raw(*before)) * place.node.sensors[*by].scale
                             : static_cast<double>(r.t_ns - b.t_ns) * 1e-9;
      // A counter that was looked at before it moved tells nothing yet.
      if (base <= 0) continue;
      maker.add(to_us(r.t_ns - place.origin_ns), std::max(0.0, more / base));
    }
    before = i;
  }
  return std::move(maker).finish();
}

void add_states(Timeline& out, const Place& place, std::size_t columns) {
  const auto& sensors = place.node.sensors;
  const auto find = [&](std::string_view id) -> std::optional<std::size_t> {
    for (std::size_t i = 0; i < columns; ++i)
      if (sensors[i].id == id) return i;
    return std::nullopt;
  };
  for (std::size_t i = 0; i < columns; ++i) {
    const Sensor& s = sensors[i];
    const bool gauge = s.behavior == Behavior::gauge;
    StateTrack track;
    switch (s.quantity) {
      case Quantity::utilization:
        if (gauge) {
          track = gauge_of(s, i, place);
        } else if (const auto total = find("proc:cpu_total"); total && s.id == "proc:cpu_busy") {
          track = rate_of(s, i, total, 1e-4, place);
          track.label = "CPU";
        }
        break;
      case Quantity::bytes:
        track = gauge ? gauge_of(s, i, place) : rate_of(s, i, std::nullopt, 1, place);
        break;
      case Quantity::frequency:
      case Quantity::temperature:
        if (gauge) track = gauge_of(s, i, place);
        break;
      case Quantity::energy:
      case Quantity::power:
      case Quantity::limit:
      case Quantity::events:
        break;
    }
    if (track.t_us.size() > 1) out.states.push_back(std::move(track));
  }
}

}  // namespace

Timeline timeline_of(const Run& run, std::span<Readings* const> readings, std::uint64_t most_readings) {
  Timeline out;
  for (std::size_t n = 0; n < run.nodes.size(); ++n)
    for (std::size_t i = 0; i < std::min(run.nodes[n].sensors.size(), readings[n]->sensors()); ++i)
      out.readings += readings[n]->size(i);
  most_readings = std::max<std::uint64_t>(most_readings, 1);
  const std::uint64_t stride = std::max<std::uint64_t>(1, (out.readings + most_readings - 1) / most_readings);
  out.thinned = stride > 1;
  for (std::size_t n = 0; n < run.nodes.size(); ++n) {
    const NodeRecord& node = run.nodes[n];
    const Window window = window_of(run, node, *readings[n]);
    // A node of a job may begin later than the run; their wall clocks and MPI tell by how much.
    const std::int64_t late_ns = node.begin.mono_ns != 0 ? aligned_ns(node, node.begin.real_ns) - run.begin.real_ns : 0;
    const Place place{node, *readings[n], n, window, window.from_ns - late_ns, stride};
    out.length_us = std::max(out.length_us, to_us(window.to_ns - place.origin_ns));
    out.wall_ns.push_back(place.origin_ns + ahead_of(run, node) - run.begin.real_ns);
    const std::size_t columns = std::min(node.sensors.size(), readings[n]->sensors());
    for (std::size_t i = 0; i < columns; ++i)
      if (is_meter(node.sensors[i]))
        if (PowerTrack track = power_of(node.sensors[i], i, place); track.t_us.size() > 1)
          out.power.push_back(std::move(track));
    add_states(out, place, columns);
    add_calls(out, node, n, window, place.origin_ns, most_calls);
  }
  return out;
}

Timeline timeline_of(const Run& run, std::uint64_t most_readings) {
  std::list<SeriesInMemory> series;
  std::vector<Readings*> readings;
  for (const auto& node : run.nodes) readings.push_back(&series.emplace_back(node.series));
  return timeline_of(run, readings, most_readings);
}

}  // namespace perun
