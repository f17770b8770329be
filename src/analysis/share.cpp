// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/share.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "analysis/baseline.hpp"

namespace perun {

namespace {

std::optional<std::size_t> sensor_of(const NodeRecord& node, const Readings& readings, std::string_view id) {
  for (std::size_t i = 0; i < node.sensors.size() && i < readings.sensors(); ++i)
    if (node.sensors[i].id == id) return i;
  return std::nullopt;
}

bool has_two(SeriesCursor series) {
  int good = 0;
  for (std::size_t i = 0; i < series.size() && good < 2; ++i) good += series.raw(i) != missing ? 1 : 0;
  return good >= 2;
}

}  // namespace

std::optional<double> increase_of(const NodeRecord& node, Readings& readings, std::string_view id, Window window) {
  const auto sensor = sensor_of(node, readings, id);
  if (!sensor || !has_two(readings.cursor(*sensor))) return std::nullopt;
  return increase_between(node.sensors[*sensor], readings.cursor(*sensor), window);
}

std::optional<CpuTimes> node_cpu_times(const NodeRecord& node, Readings& readings, Window window) {
  const auto busy = sensor_of(node, readings, "proc:cpu_busy");
  const auto busy_s = increase_of(node, readings, "proc:cpu_busy", window);
  const auto total_s = increase_of(node, readings, "proc:cpu_total", window);
  if (!busy_s || !total_s) return std::nullopt;
  CpuTimes t;
  t.busy_s = *busy_s;
  t.total_s = *total_s;
  const double cpus = window.seconds() > 0 ? std::max(1.0, t.total_s / window.seconds()) : 1;
  t.error_s = 0.776 * node.sensors[*busy].scale * std::sqrt(cpus);  // each processor's time is a tick off at either end
  return t;
}

Attribution share_out(const Shareable& energy, CpuTimes times) noexcept {
  Attribution a;
  times.total_s = std::max(times.total_s, 0.0);
  times.run_s = std::clamp(times.run_s, 0.0, times.total_s);
  // The kernel counts everybody's time in ticks, the run's own finer: the run is part of what was busy.
  times.busy_s = std::clamp(times.busy_s, times.run_s, times.total_s);
  a.run_cpu_s = times.run_s;
  a.others_cpu_s = times.busy_s - times.run_s;
  a.idle_cpu_s = times.total_s - times.busy_s;
  a.unattributed_J = energy.other_J;
  a.by_baseline = energy.idle_J.has_value();
  const double whole_s = a.by_baseline ? times.busy_s : times.total_s;  // whose time shares the energy
  if (a.by_baseline) {
    a.above_energy = *energy.idle_J > energy.cpu_J;
    a.idle_J = std::clamp(*energy.idle_J, 0.0, energy.cpu_J);
  }
  const double shared_J = energy.cpu_J - a.idle_J;
  if (!(whole_s > 0)) {  // nobody to give it to
    a.idle_J = energy.cpu_J;
    return a;
  }
  const double share = times.run_s / whole_s;
  a.run_J = shared_J * share;
  a.others_J = a.by_baseline ? shared_J - a.run_J : shared_J * (a.others_cpu_s / whole_s);
  if (!a.by_baseline) a.idle_J = std::max(0.0, energy.cpu_J - a.run_J - a.others_J);
  const double share_error = a.by_baseline ? std::min(1.0, share * times.error_s / whole_s) : 0;
  a.run_uncertainty_J = std::hypot(share * energy.cpu_uncertainty_J, a.by_baseline ? share * energy.idle_uncertainty_J : 0,
                                   shared_J * share_error);
  return a;
}

std::optional<Attribution> attribution_of(const NodeSummary& node, const CpuTimes& times) {
  Amount cpu, other;
  for (const DeviceSummary& d : node.devices)
    if (d.counted) (follows_cpu_time(d.domain) ? cpu : other) += d.usage.energy;
  if (cpu.kind == Kind::unavailable || times.total_s <= 0) return std::nullopt;
  Shareable energy{cpu.joules(), cpu.uncertainty_J, other.joules(), std::nullopt, 0};
  if (node.baseline) {
    const Baseline& b = *node.baseline;
    const double total_J = node.usage.energy.joules(), seconds = node.usage.duration_s;
    // One that does not tell its parts is split as the energy is.
    const double part = b.cpu_W ? (b.power_W > 0 ? *b.cpu_W / b.power_W : 0) : total_J > 0 ? cpu.joules() / total_J : 1;
    energy.idle_J = b.power_W * part * seconds;
    energy.idle_uncertainty_J = baseline_uncertainty_W(b, seconds) * part * seconds;
  }
  Attribution a = share_out(energy, times);
  a.kind = cpu.kind;
  return a;
}

Attribution& operator+=(Attribution& sum, const Attribution& other) noexcept {
  sum.run_J += other.run_J;
  sum.others_J += other.others_J;
  sum.idle_J += other.idle_J;
  sum.unattributed_J += other.unattributed_J;
  sum.run_uncertainty_J = std::hypot(sum.run_uncertainty_J, other.run_uncertainty_J);
  sum.run_cpu_s += other.run_cpu_s;
  sum.others_cpu_s += other.others_cpu_s;
  sum.idle_cpu_s += other.idle_cpu_s;
  sum.by_baseline = sum.by_baseline && other.by_baseline;
  sum.above_energy = sum.above_energy || other.above_energy;
  sum.kind = sum.kind == other.kind ? sum.kind : Kind::mixed;
  return sum;
}

}  // namespace perun
