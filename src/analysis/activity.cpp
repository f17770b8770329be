// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/activity.hpp"

#include <algorithm>

#include "analysis/parts.hpp"

namespace perun {

namespace {

std::optional<double> highest(const Seen& seen, std::string_view id) {
  std::optional<double> most;
  for (std::size_t k = 0; k < seen.sensors(); ++k) {
    const Sensor& sensor = seen.node.sensors[k];
    if (sensor.id != id) continue;
    auto series = seen.readings.cursor(k);
    for (std::size_t i = 0; i < series.size(); ++i) {
      const Reading r = series[i];
      const bool inside = r.t_ns <= seen.window.to_ns || !most;
      if (r.raw != missing && inside) most = std::max(most.value_or(0), static_cast<double>(r.raw) * sensor.scale);
    }
    break;
  }
  return most;
}

/// Lowest, mean and highest value of a gauge in the window, or as near to it as there is one.
struct Spread {
  double least = 0, mean = 0, most = 0;
};
std::optional<Spread> spread(const Sensor& sensor, SeriesCursor series, Window window) {
  Spread s;
  double count = 0;
  for (std::size_t i = 0; i < series.size(); ++i) {
    const Reading r = series[i];
    if (r.raw == missing || (r.t_ns > window.to_ns && count > 0)) continue;
    const double value = static_cast<double>(r.raw) * sensor.scale;
    s.least = count > 0 ? std::min(s.least, value) : value;
    s.most = count > 0 ? std::max(s.most, value) : value;
    s.mean += value;
    ++count;
  }
  if (count == 0) return std::nullopt;
  s.mean /= count;
  return s;
}

/// What the processors did beside using energy: series of the backend state.
void describe_state(const Seen& node, Activity& a) {
  for (std::size_t i = 0; i < node.sensors(); ++i) {
    const Sensor& s = node.node.sensors[i];
    if (s.domain == Domain::gpu || s.domain == Domain::apu) continue;
    if (s.quantity == Quantity::events) a.throttle_events = node.increase(s.id);
    if (s.quantity != Quantity::frequency && s.quantity != Quantity::temperature && s.quantity != Quantity::limit) continue;
    const auto seen = spread(s, node.readings.cursor(i), node.window);
    if (!seen) continue;
    if (s.quantity == Quantity::frequency) a.cpu_frequency_mean_Hz = seen->mean;
    if (s.quantity == Quantity::temperature)
      a.cpu_temperature_max_C = std::max(a.cpu_temperature_max_C.value_or(0), seen->most);
    if (s.quantity == Quantity::limit) a.cpu_power_limit_W = a.cpu_power_limit_W.value_or(0) + seen->least;
  }
}

}  // namespace

Activity activity_of(const Seen& node) {
  Activity a;
  const auto busy = node.increase("proc:cpu_busy"), total = node.increase("proc:cpu_total");
  if (busy && total && *total > 0) a.cpu_utilization = std::clamp(*busy / *total, 0.0, 1.0);
  a.memory_used_max_bytes = highest(node, "proc:memory_used");
  a.disk_read_bytes = node.increase("proc:disk_read");
  a.disk_written_bytes = node.increase("proc:disk_written");
  a.network_received_bytes = node.increase("proc:net_received");
  a.network_sent_bytes = node.increase("proc:net_sent");
  describe_state(node, a);
  describe_gpus(node.node, node.readings, node.window, a);
  return a;
}

}  // namespace perun
