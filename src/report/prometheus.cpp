// SPDX-License-Identifier: BSD-3-Clause
// The newest of the runs as metrics, for the textfile collector of node_exporter and for `perun serve FILE`.
#include <algorithm>

#include "report/exposition.hpp"
#include "report/writer.hpp"

namespace perun {

namespace {

/// Labels of a node's metric: which node only where there are several.
Exposition::Labels place(const RunSummary& run, const NodeSummary& node) {
  return run.nodes.size() > 1 ? Exposition::Labels{{"node", node.host}} : Exposition::Labels{};
}

Exposition::Labels with(Exposition::Labels labels, std::initializer_list<Exposition::Labels::value_type> more) {
  labels.insert(labels.end(), more);
  return labels;
}

void add_devices(Exposition& out, const RunSummary& run, const NodeSummary& node) {
  const auto labels = place(run, node);
  for (const DeviceSummary& d : node.devices) {
    if (d.kind == Kind::unavailable || d.usage.energy.kind == Kind::unavailable) continue;
    const std::string kind(name(d.kind));
    out.add(Metric::domain_energy, with(labels, {{"device", d.id}, {"domain", std::string(name(d.domain))}, {"kind", kind}}),
            d.usage.energy.joules());
    if (!d.counted) continue;
    out.add(Metric::energy, with(labels, {{"device", d.id}, {"kind", kind}}), d.usage.energy.joules());
    out.add(Metric::power, with(labels, {{"device", d.id}, {"kind", kind}}), d.usage.power_mean_W);
  }
}

void add_activity(Exposition& out, const RunSummary& run, const NodeSummary& node) {
  const auto labels = place(run, node);
  const Activity& a = node.activity;
  const auto add = [&](Metric metric, const char* device, const std::optional<double>& value) {
    if (value) out.add(metric, with(labels, {{"device", device}}), *value);
  };
  add(Metric::utilization, "cpu", a.cpu_utilization);
  add(Metric::utilization, "gpu", a.gpu_utilization);
  add(Metric::temperature, "cpu", a.cpu_temperature_max_C);
  add(Metric::temperature, "gpu", a.gpu_temperature_max_C);
  add(Metric::power_limit, "cpu", a.cpu_power_limit_W);
  add(Metric::memory, "memory", a.memory_used_max_bytes);
  add(Metric::memory, "gpu", a.gpu_memory_used_max_bytes);
}

void add_quality(Exposition& out, const RunSummary& run, const NodeSummary& node) {
  const auto labels = place(run, node);
  std::uint64_t failed = 0;
  for (const auto& d : node.devices) failed += d.read_errors;
  out.add(Metric::samples, labels, static_cast<double>(node.readings + failed));
  out.add(Metric::samples_missed, labels, static_cast<double>(failed));
  for (const auto& blocked : node.blocked) out.add(Metric::backend_up, with(labels, {{"backend", blocked.backend}}), 0);
}

/// CO2e in the measured and the estimated part, so that no sum hides an estimate.
void add_emissions(Exposition& out, const RunSummary& run) {
  if (!run.footprint) return;
  const Amount& e = run.usage.energy;
  const double grams = run.footprint->co2e_kg * 1000, all = e.joules();
  const double assumed = run.overhead_J, sum = all + assumed;
  if (sum <= 0) return;
  if (e.measured_J > 0) out.add(Metric::emissions, {{"kind", "measured"}}, grams * e.measured_J / sum);
  if (e.estimated_J + assumed > 0) out.add(Metric::emissions, {{"kind", "estimated"}}, grams * (e.estimated_J + assumed) / sum);
}

std::string write(const Summary& summary, const Style&) {
  Exposition out;
  if (!summary.runs.empty()) {
    const RunSummary& run = summary.runs.back();
    const std::string app = run.app.empty() ? summary.app : run.app;
    for (const NodeSummary& node : run.nodes) {
      add_devices(out, run, node);
      add_activity(out, run, node);
      add_quality(out, run, node);
    }
    add_emissions(out, run);
    for (const RegionSummary& r : run.regions.regions)
      if (r.resolved && r.energy.kind != Kind::unavailable && r.energy.kind != Kind::mixed)
        out.add(Metric::region_energy, {{"app", app}, {"region", r.name}, {"kind", std::string(name(r.energy.kind))}},
                r.energy.joules());
    out.add(Metric::run_duration, {}, run.usage.duration_s);
    out.add(Metric::run_info, {{"app", app}, {"run", run.id}}, 1);
    add_build(out, run.perun_version);
  }
  return out.text();
}

}  // namespace

extern const ReportWriter prometheus_writer{"prometheus", "metrics of the newest run in Prometheus' text format", &write, false,
                                            true};

}  // namespace perun
