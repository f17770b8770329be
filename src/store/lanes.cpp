// SPDX-License-Identifier: BSD-3-Clause
#include "store/lanes.hpp"

#include <algorithm>
#include <limits>
#include <map>

#include "model/domains.hpp"

namespace perun {

namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

bool is_counted(const Sensor& s) {
  return s.counted && is_meter(s);
}

/// Raw steps from a to b of a counter; NaN when it was set back.
double increase(const Sensor& sensor, std::int64_t a, std::int64_t b) {
  const auto difference = static_cast<std::uint64_t>(b) - static_cast<std::uint64_t>(a);
  if (b >= a) return static_cast<double>(difference);
  if (sensor.wraps_at <= 0 || a > sensor.wraps_at || b < 0) return unknown;
  return static_cast<double>(difference + static_cast<std::uint64_t>(sensor.wraps_at) + 1);
}

}  // namespace

Status ReadingsRecording::replay(const std::function<void(std::span<const Sample>)>& take) const {
  std::vector<SeriesCursor> cursors;
  std::size_t rows = 0;
  for (std::size_t i = 0; i < readings_.sensors(); ++i) rows = std::max(rows, cursors.emplace_back(readings_.cursor(i)).size());
  std::vector<Sample> row;
  for (std::size_t k = 0; k < rows; ++k) {
    row.clear();
    for (std::size_t i = 0; i < cursors.size(); ++i)
      if (k < cursors[i].size()) row.push_back({static_cast<std::uint32_t>(i), cursors[i][k]});
    take(row);
  }
  return readings_.status();
}

std::vector<Lane> lanes(const NodeRecord& node) {
  LaneFinder finder(node.sensors.size());
  SeriesInMemory series(node.series);
  static_cast<void>(ReadingsRecording(series).replay([&](std::span<const Sample> samples) { finder.add(samples); }));
  return finder.lanes();
}

LaneFinder::LaneFinder(std::size_t sensors) : groups_(1), group_of_(sensors), rows_(sensors) {}

bool LaneFinder::Group::take(std::size_t row, std::int64_t t_ns) {
  if (row == rows) {
    times[rows++ % memory] = t_ns;
    return true;
  }
  constexpr std::int64_t most = (std::int64_t{1} << 30) - 1;  // of two from a third: less than 2^31 of each other
  std::int64_t apart = 0;
  return row < rows && rows - row <= memory && !__builtin_sub_overflow(t_ns, times[row % memory], &apart) && apart >= -most &&
         apart <= most;
}

void LaneFinder::add(std::span<const Sample> samples) {
  for (const Sample& s : samples) {
    if (s.sensor >= rows_.size()) continue;
    const std::size_t row = rows_[s.sensor]++, group = group_of_[s.sensor];
    if (groups_[group].take(row, s.reading.t_ns)) continue;
    // Whoever left the group in the same row may stay together.
    const auto left = std::find_if(groups_.begin(), groups_.end(), [&](Group& g) {
      return g.parent == group && g.since == row && g.take(row, s.reading.t_ns);
    });
    group_of_[s.sensor] = static_cast<std::size_t>(left - groups_.begin());
    if (left != groups_.end()) continue;
    Group& fresh = groups_.emplace_back();
    fresh.parent = group;
    fresh.since = fresh.rows = row;
    static_cast<void>(fresh.take(row, s.reading.t_ns));
  }
}

std::vector<Lane> LaneFinder::lanes() const {
  std::vector<Lane> all;
  std::map<std::pair<std::size_t, std::size_t>, std::size_t> known;
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    const auto [lane, fresh] = known.try_emplace({group_of_[i], rows_[i]}, all.size());
    if (fresh) all.push_back({{}, rows_[i]});
    all[lane->second].members.push_back(i);
  }
  if (all.empty()) all.emplace_back();
  return all;
}

TotalPower::TotalPower(const NodeRecord& node, Readings& readings, const std::vector<Lane>& lanes) {
  const auto& main = lanes.front().members;
  if (!main.empty()) times_ = readings.cursor(main.front());
  for (const Lane& lane : lanes)
    for (const std::size_t i : lane.members)
      if (is_counted(node.sensors[i])) sources_.push_back({&node.sensors[i], readings.cursor(i), &lane == &lanes.front()});
}

/// Looks at the next row: W in the time up to it. False behind the last one.
bool TotalPower::Source::step() {
  watts = unknown;
  if (row >= series.size()) return false;
  const Reading now = series[row++];
  t_ns = now.t_ns;
  if (now.raw == missing) return true;
  if (sensor->behavior == Behavior::gauge) {
    watts = static_cast<double>(now.raw) * sensor->scale;
  } else if (before && now.t_ns > before->t_ns) {
    const double seconds = static_cast<double>(now.t_ns - before->t_ns) * 1e-9;
    watts = increase(*sensor, before->raw, now.raw) * sensor->scale / seconds;
  }
  if (sensor->max_power_W > 0 && watts > sensor->max_power_W) watts = unknown;
  before = now;
  return true;
}

void TotalPower::next(std::span<double> watts) {
  std::fill(watts.begin(), watts.end(), 0.0);
  for (Source& s : sources_) {
    for (std::size_t i = 0; i < watts.size(); ++i) {
      if (s.in_main_lane) {
        s.step();
      } else {  // its first reading at or behind that time
        const std::int64_t t_ns = (*times_)[row_ + i].t_ns;
        if (s.row == 0) s.step();
        while (s.t_ns < t_ns && s.step()) {
        }
      }
      watts[i] += s.watts;
    }
  }
  row_ += watts.size();
}

Kind counted_kind(const NodeRecord& node) {
  Kind kind = Kind::unavailable;
  for (const auto& sensor : node.sensors)
    if (is_counted(sensor)) kind = kind == Kind::unavailable || kind == sensor.kind ? sensor.kind : Kind::mixed;
  return kind;
}

}  // namespace perun
