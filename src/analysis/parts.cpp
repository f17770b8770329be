// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/parts.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <vector>

#include "base/missing.hpp"
#include "base/text.hpp"
#include "model/domains.hpp"

namespace perun {

namespace {

bool whole_node(Domain d) noexcept {
  return d == Domain::node || d == Domain::supply;
}

std::string_view attribute(const NodeSummary& node, std::string_view key) {
  for (const auto& [name, value] : node.attributes)
    if (name == key) return value;
  return {};
}

/// A GPU of NVIDIA, and no second meter of one.
bool is_gpu(const NodeSummary& node, const DeviceSummary& d) {
  if (!d.id.starts_with("nvml:")) return false;
  if (d.domain != Domain::gpu && d.domain != Domain::superchip) return false;
  const auto within = std::find_if(node.devices.begin(), node.devices.end(), [&](const auto& w) { return w.id == d.part_of; });
  return within == node.devices.end() || (within->domain != Domain::gpu && within->domain != Domain::superchip);
}

/// Sums over readings in the window.
struct Mean {
  double sum = 0, most = 0;
  std::size_t count = 0, capped = 0, slowed = 0;
};
Mean mean_of(const Sensor& s, SeriesCursor series, Window window) {
  constexpr std::int64_t power_cap = 0x4, slowdown = 0x8 | 0x20 | 0x40 | 0x80;  // bits of NVML
  Mean m;
  for (std::size_t i = 0; i < series.size(); ++i) {
    const Reading r = series[i];
    if (r.raw == missing || (r.t_ns > window.to_ns && m.count > 0)) continue;
    const double value = static_cast<double>(r.raw) * s.scale;
    m.sum += value;
    m.most = std::max(m.most, value);
    m.capped += (r.raw & power_cap) != 0 ? 1 : 0;
    m.slowed += (r.raw & slowdown) != 0 ? 1 : 0;
    ++m.count;
  }
  return m;
}

}  // namespace

std::optional<Inside> inside_of(const NodeRecord& node, std::span<const DeviceSummary> devices) {
  const auto& sensors = node.sensors;
  if (std::none_of(sensors.begin(), sensors.end(), [](const Sensor& s) { return s.counted && whole_node(s.domain); }))
    return std::nullopt;
  std::vector<Wish> wishes;
  wishes.reserve(sensors.size());
  for (const Sensor& s : sensors) wishes.push_back(whole_node(s.domain) ? Wish::leave_out : Wish::none);
  const auto verdicts = judge_total(sensors, wishes);
  Inside out;
  for (std::size_t i = 0; i < sensors.size(); ++i) {
    if (!verdicts[i].counted || sensors[i].kind != Kind::measured) continue;
    const auto d = std::find_if(devices.begin(), devices.end(), [&](const auto& x) { return x.id == sensors[i].id; });
    if (d == devices.end() || d->kind == Kind::unavailable) continue;
    out.joules += d->usage.energy.joules();
    out.uncertainty_J = std::hypot(out.uncertainty_J, d->usage.energy.uncertainty_J);
    out.devices.push_back(d->id);
  }
  return out.devices.empty() ? std::nullopt : std::optional(out);
}

std::optional<VisibleGpus> visible_gpus(const NodeSummary& node) {
  const bool known =
      std::any_of(node.attributes.begin(), node.attributes.end(), [](const auto& a) { return a.first == "gpus_visible"; });
  if (!known) return std::nullopt;
  const auto shown = text::split(attribute(node, "gpus_visible"), ',');
  VisibleGpus out;
  for (const DeviceSummary& d : node.devices) {
    if (!is_gpu(node, d) || d.kind == Kind::unavailable) continue;
    const bool seen = std::find(shown.begin(), shown.end(), d.id) != shown.end();
    ++out.gpus_of_node;
    out.joules_of_node += d.usage.energy.joules();
    out.gpus += seen ? 1 : 0;
    out.joules += seen ? d.usage.energy.joules() : 0;
  }
  return out.gpus_of_node == 0 ? std::nullopt : std::optional(out);
}

void describe_gpus(const NodeRecord& node, Readings& readings, Window window, Activity& out) {
  Mean busy, reasons;
  for (std::size_t i = 0; i < std::min(node.sensors.size(), readings.sensors()); ++i) {
    const Sensor& s = node.sensors[i];
    if ((s.domain != Domain::gpu && s.domain != Domain::apu) || is_meter(s)) continue;
    const Mean m = mean_of(s, readings.cursor(i), window);
    if (m.count == 0) continue;
    const double mean = m.sum / static_cast<double>(m.count);
    if (s.quantity == Quantity::utilization) busy.sum += mean, ++busy.count;
    if (s.quantity == Quantity::bytes) out.gpu_memory_used_max_bytes = out.gpu_memory_used_max_bytes.value_or(0) + m.most;
    if (s.quantity == Quantity::temperature)
      out.gpu_temperature_max_C = std::max(out.gpu_temperature_max_C.value_or(0), m.most);
    if (s.quantity == Quantity::events) reasons.count += m.count, reasons.capped += m.capped, reasons.slowed += m.slowed;
  }
  if (busy.count > 0) out.gpu_utilization = std::clamp(busy.sum / static_cast<double>(busy.count), 0.0, 1.0);
  if (reasons.count == 0) return;
  out.gpu_power_capped = static_cast<double>(reasons.capped) / static_cast<double>(reasons.count);
  out.gpu_slowed = static_cast<double>(reasons.slowed) / static_cast<double>(reasons.count);
}

}  // namespace perun
