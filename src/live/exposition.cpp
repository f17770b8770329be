// SPDX-License-Identifier: BSD-3-Clause
#include "live/exposition.hpp"

#include <array>

namespace perun::live {

namespace {

Exposition::Labels place(const RunView& view, std::size_t node) {
  return view.nodes.size() > 1 ? Exposition::Labels{{"node", view.nodes[node].host}} : Exposition::Labels{};
}

Exposition::Labels with(Exposition::Labels labels, std::initializer_list<Exposition::Labels::value_type> more) {
  labels.insert(labels.end(), more);
  return labels;
}

void add_device(Exposition& out, const RunView& view, const DeviceView& d) {
  const auto labels = place(view, d.node);
  const std::string kind(name(d.kind));
  out.add(Metric::domain_energy, with(labels, {{"device", d.id}, {"domain", std::string(name(d.domain))}, {"kind", kind}}),
          d.joules);
  if (d.counted) out.add(Metric::energy, with(labels, {{"device", d.id}, {"kind", kind}}), d.joules);
  if (d.counted && d.watts) out.add(Metric::power, with(labels, {{"device", d.id}, {"kind", kind}}), *d.watts);
  const auto add = [&](Metric metric, const std::optional<double>& value) {
    if (value) out.add(metric, with(labels, {{"device", d.id}}), *value);
  };
  add(Metric::power_limit, d.limit_W);
  add(Metric::temperature, d.temperature_C);
  add(Metric::utilization, d.utilization);
  add(Metric::memory, d.memory_bytes);
}

void add_node(Exposition& out, const RunView& view, std::size_t n) {
  const NodeView& node = view.nodes[n];
  const auto labels = place(view, n);
  if (node.cpu_utilization) out.add(Metric::utilization, with(labels, {{"device", "cpu"}}), *node.cpu_utilization);
  if (node.cpu_temperature_C) out.add(Metric::temperature, with(labels, {{"device", "cpu"}}), *node.cpu_temperature_C);
  if (node.memory_bytes) out.add(Metric::memory, with(labels, {{"device", "memory"}}), *node.memory_bytes);
  out.add(Metric::samples, labels, static_cast<double>(node.samples));
  out.add(Metric::samples_missed, labels, static_cast<double>(node.missed));
  for (const auto& backend : node.blocked) out.add(Metric::backend_up, with(labels, {{"backend", backend}}), 0);
}

}  // namespace

void add(Exposition& out, const RunView& view) {
  std::array<double, 2> joules{};  // measured, estimated
  for (const DeviceView& d : view.devices) {
    add_device(out, view, d);
    if (d.counted) joules[d.kind == Kind::estimated ? 1 : 0] += d.joules;
  }
  for (std::size_t n = 0; n < view.nodes.size(); ++n) add_node(out, view, n);
  const double grams_per_J = view.joules > 0 ? view.co2e_kg * 1000 / view.joules : 0;
  if (joules[0] > 0) out.add(Metric::emissions, {{"kind", "measured"}}, joules[0] * grams_per_J);
  if (joules[1] > 0) out.add(Metric::emissions, {{"kind", "estimated"}}, joules[1] * grams_per_J);
  for (const RegionView& r : view.regions) {
    const Kind kind = view.nodes[r.node].kind;
    if (kind == Kind::measured || kind == Kind::estimated)
      out.add(Metric::region_energy,
              with(place(view, r.node), {{"app", view.app}, {"region", r.name}, {"kind", std::string(name(kind))}}), r.joules);
  }
  if (view.nodes.empty()) return;
  out.add(Metric::run_duration, {}, view.elapsed_s);
  out.add(Metric::run_info, {{"app", view.app}, {"run", view.id}}, 1);
}

}  // namespace perun::live
