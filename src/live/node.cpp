// SPDX-License-Identifier: BSD-3-Clause
#include "live/node.hpp"

#include <algorithm>
#include <limits>

#include "analysis/share.hpp"
#include "model/domains.hpp"

namespace perun::live {

Node::Node(journal::Follower follower) : follower_(std::move(follower)), gauges_(sensors().size()) {
  meters_.reserve(sensors().size());
  for (const Sensor& s : sensors()) meters_.emplace_back(s);
}

Status Node::poll() {
  auto read =
      follower_.poll([this](std::span<const Sample> samples) { take(samples); }, [this](Marks& marks) { regions_.add(marks); });
  // The last marks of a run are written behind its last readings.
  settle(over() ? std::numeric_limits<std::int64_t>::max() : newest_ns_);
  return read;
}

void Node::settle(std::int64_t t_ns) {
  regions_.settle(t_ns, [this](std::int64_t at_ns) { return curve_.at(at_ns).joules; });
}

double Node::counted() const noexcept {
  double joules = 0;
  for (std::size_t i = 0; i < meters_.size(); ++i)
    if (sensors()[i].counted) joules += meters_[i].joules();
  return joules;
}

void Node::take(std::span<const Sample> samples) {
  const std::int64_t before = newest_ns_;
  for (const Sample& s : samples) {
    const Sensor& sensor = sensors()[s.sensor];
    ++samples_;
    if (s.reading.raw == missing) ++missed_;
    if (is_meter(sensor))
      meters_[s.sensor].add(s.reading);
    else
      gauges_[s.sensor].add(s.reading);
    newest_ns_ = std::max(newest_ns_, s.reading.t_ns);
  }
  if (newest_ns_ <= before) return;
  curve_.add(newest_ns_, counted());
  settle(newest_ns_);
}

std::optional<double> Node::value(Quantity quantity, Domain domain, std::optional<std::uint16_t> index) const {
  std::optional<double> highest;
  for (std::size_t i = 0; i < gauges_.size(); ++i) {
    const Sensor& s = sensors()[i];
    if (s.quantity != quantity || s.behavior != Behavior::gauge || (index && s.index != *index)) continue;
    const bool same = s.domain == domain || (domain == Domain::package && s.domain == Domain::cpu);
    if (!same || !gauges_[i].newest()) continue;
    highest = std::max(highest.value_or(0), static_cast<double>(gauges_[i].newest()->raw) * s.scale);
  }
  return highest;
}

std::optional<double> Node::cpu_utilization() const {
  std::optional<double> busy, total;
  for (std::size_t i = 0; i < gauges_.size(); ++i) {
    const auto newest = gauges_[i].newest(), before = gauges_[i].before();
    if (!newest || !before) continue;
    const double more = static_cast<double>(newest->raw - before->raw) * sensors()[i].scale;
    if (sensors()[i].id == "proc:cpu_busy") busy = more;
    if (sensors()[i].id == "proc:cpu_total") total = more;
  }
  if (!busy || !total || *total <= 0) return std::nullopt;
  return std::clamp(*busy / *total, 0.0, 1.0);
}

std::optional<std::pair<double, Kind>> Node::processors() const {
  std::optional<std::pair<double, Kind>> out;
  for (std::size_t i = 0; i < meters_.size(); ++i) {
    const Sensor& s = sensors()[i];
    if (!s.counted || !is_meter(s) || !follows_cpu_time(s.domain)) continue;
    if (!out) out.emplace(0, s.kind);
    out->first += meters_[i].joules();
    if (s.kind != out->second) out->second = Kind::mixed;
  }
  return out;
}

NodeView Node::view() const {
  NodeView view;
  view.host = facts().run.nodes.front().host;
  view.joules = counted();
  bool measured = false, estimated = false;
  for (std::size_t i = 0; i < meters_.size(); ++i) {
    const Sensor& s = sensors()[i];
    if (!s.counted || !is_meter(s)) continue;
    (s.kind == Kind::estimated ? estimated : measured) = true;
    if (const auto watts = meters_[i].watts(newest_ns_)) view.watts = view.watts.value_or(0) + *watts;
  }
  view.kind = measured && estimated ? Kind::mixed : measured ? Kind::measured : estimated ? Kind::estimated : Kind::unavailable;
  view.cpu_utilization = cpu_utilization();
  view.cpu_clock_Hz = value(Quantity::frequency, Domain::package, std::nullopt);
  view.cpu_temperature_C = value(Quantity::temperature, Domain::package, std::nullopt);
  view.memory_bytes = value(Quantity::bytes, Domain::memory, std::nullopt);
  view.samples = samples_;
  view.missed = missed_;
  for (const auto& source : facts().run.nodes.front().blocked) view.blocked.push_back(source.backend);
  view.over = over();
  view.marks_lost = regions_.lost();
  return view;
}

std::vector<DeviceView> Node::devices() const {
  std::vector<DeviceView> out;
  for (std::size_t i = 0; i < meters_.size(); ++i) {
    const Sensor& s = sensors()[i];
    if (!is_meter(s)) continue;
    DeviceView d;
    d.id = s.id;
    d.label = s.label;
    d.domain = s.domain;
    d.index = s.index;
    d.kind = s.kind;
    d.counted = s.counted;
    d.joules = meters_[i].joules();
    d.watts = meters_[i].watts(newest_ns_);
    if (s.domain == Domain::gpu || s.domain == Domain::package || s.domain == Domain::apu || s.domain == Domain::superchip) {
      d.limit_W = value(Quantity::limit, s.domain, s.index);
      d.utilization = value(Quantity::utilization, s.domain, s.index);
      d.temperature_C = value(Quantity::temperature, s.domain, s.index);
      d.clock_Hz = value(Quantity::frequency, s.domain, s.index);
      d.memory_bytes = value(Quantity::bytes, s.domain, s.index);
    }
    out.push_back(std::move(d));
  }
  return out;
}

}  // namespace perun::live
