// SPDX-License-Identifier: BSD-3-Clause
#include "store/lanes.hpp"

#include <algorithm>
#include <limits>

#include "model/domains.hpp"

namespace perun {

namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

bool shares(const Lane& lane, const std::vector<std::int64_t>& t_ns) {
  using Limits = std::numeric_limits<std::int32_t>;
  return std::equal(lane.t_ns.begin(), lane.t_ns.end(), t_ns.begin(), t_ns.end(), [](std::int64_t a, std::int64_t b) {
    std::int64_t difference = 0;
    return !__builtin_sub_overflow(b, a, &difference) && difference >= Limits::min() && difference <= Limits::max();
  });
}

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

/// W in the time up to each reading.
std::vector<double> power(const Sensor& sensor, const Series& series) {
  std::vector<double> out(series.size(), unknown);
  std::size_t before = series.size();  // none yet
  for (std::size_t k = 0; k < series.size(); ++k) {
    if (series.raw[k] == missing) continue;
    if (sensor.behavior == Behavior::gauge) {
      out[k] = static_cast<double>(series.raw[k]) * sensor.scale;
    } else if (before < k && series.t_ns[k] > series.t_ns[before]) {
      const double seconds = static_cast<double>(series.t_ns[k] - series.t_ns[before]) * 1e-9;
      out[k] = increase(sensor, series.raw[before], series.raw[k]) * sensor.scale / seconds;
    }
    if (sensor.max_power_W > 0 && out[k] > sensor.max_power_W) out[k] = unknown;
    before = k;
  }
  return out;
}

/// Adds to each of `at` the value of the first reading at or behind it.
void add(std::vector<double>& sum, const std::vector<std::int64_t>& at, const std::vector<std::int64_t>& t_ns,
         const std::vector<double>& values) {
  std::size_t k = 0;
  for (std::size_t i = 0; i < at.size(); ++i) {
    while (k < t_ns.size() && t_ns[k] < at[i]) ++k;
    sum[i] += k < values.size() ? values[k] : unknown;
  }
}

}  // namespace

std::vector<Lane> lanes(const NodeRecord& node) {
  std::vector<Lane> all;
  for (std::size_t i = 0; i < node.sensors.size() && i < node.series.size(); ++i) {
    const auto& t_ns = node.series[i].t_ns;
    auto lane = std::find_if(all.begin(), all.end(), [&](const Lane& l) { return shares(l, t_ns); });
    if (lane == all.end()) lane = all.insert(lane, Lane{t_ns, {}});
    lane->members.push_back(i);
  }
  if (all.empty()) all.emplace_back();
  return all;
}

std::vector<double> total_power(const NodeRecord& node, const std::vector<Lane>& all) {
  const auto& at = all.front().t_ns;
  std::vector<double> sum;
  for (const auto& lane : all)
    for (const auto i : lane.members) {
      if (!is_counted(node.sensors[i])) continue;
      const auto values = power(node.sensors[i], node.series[i]);
      sum.resize(at.size(), 0.0);
      if (&lane == &all.front())
        std::transform(sum.begin(), sum.end(), values.begin(), sum.begin(), std::plus<>{});
      else
        add(sum, at, node.series[i].t_ns, values);
    }
  return sum;
}

Kind counted_kind(const NodeRecord& node) {
  Kind kind = Kind::unavailable;
  for (const auto& sensor : node.sensors)
    if (is_counted(sensor)) kind = kind == Kind::unavailable || kind == sensor.kind ? sensor.kind : Kind::mixed;
  return kind;
}

}  // namespace perun
