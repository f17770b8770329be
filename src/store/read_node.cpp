// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <new>

#include "base/json.hpp"
#include "store/attributes.hpp"
#include "store/datasets.hpp"
#include "store/layout.hpp"
#include "store/read.hpp"
#include "store/regions.hpp"

namespace perun::h5 {

namespace {

namespace attr = layout::attr;

template <class E, std::size_t N>
bool take_name(const AttributeReader& a, const char* attribute, const std::array<std::string_view, N>& names, E& to) {
  const auto found = std::find(names.begin(), names.end(), a.text_or(attribute));
  if (found == names.end()) return false;
  to = static_cast<E>(found - names.begin());
  return true;
}

Result<Sensor> read_sensor(const AttributeReader& a, const std::string& dataset) {
  Sensor s;
  const auto id = a.text(attr::id);
  const auto scale = a.number(attr::scale_factor);
  if (!id || !scale || !take_name(a, attr::quantity, quantity_names, s.quantity) ||
      !take_name(a, attr::behavior, behavior_names, s.behavior) || !take_name(a, attr::domain, domain_names, s.domain) ||
      !take_name(a, attr::kind, kind_names, s.kind))
    return Error{Errc::format, fmt::format("the dataset '{}' lacks the attributes of a device", dataset)};
  s.id = *id;
  s.scale = *scale;
  s.label = a.text_or(attr::long_name);
  s.source = a.text_or(attr::source);
  s.index = static_cast<std::uint16_t>(
      std::clamp<std::int64_t>(a.integer_or(attr::index), 0, std::numeric_limits<std::uint16_t>::max()));
  s.resolution = a.integer_or(attr::resolution, s.resolution);
  s.wraps_at = a.integer_or(attr::wrap);
  s.refresh_ns = a.integer_or(attr::refresh);
  s.averaging_ns = a.integer_or(attr::averaging);
  s.part_of = a.text_or(attr::part_of);
  s.counted = a.integer_or(attr::counted) != 0;
  s.max_power_W = a.number_or(attr::device_max_power);
  s.systematic_percent = a.number_or(attr::systematic);
  s.note = a.text_or(attr::note);
  return s;
}

Result<std::vector<BlockedSource>> read_blocked(const AttributeReader& a) {
  const auto parsed = Json::parse(a.text_or(attr::blocked, "[]"), nullptr, false);
  std::vector<BlockedSource> blocked;
  if (!parsed.is_array()) return Error{Errc::format, fmt::format("the attribute '{}' is not a JSON array", attr::blocked)};
  const auto field = [](const Json& item, const char* key) {
    const auto found = item.find(key);
    return found != item.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  for (const auto& item : parsed)
    if (item.is_object()) blocked.push_back({field(item, "backend"), field(item, "reason"), field(item, "hint")});
  return blocked;
}

Result<Attributes> read_machine(const AttributeReader& a) {
  const auto names = texts_of_json(a.text_or(attr::machine, "[]"), attr::machine);
  if (!names) return names.error();
  Attributes machine;
  for (const auto& name : *names) machine.emplace_back(name, a.text_or((std::string(attr::machine_prefix) + name).c_str()));
  return machine;
}

Result<std::vector<Moment>> read_clock(hid_t group) {
  const auto mono = read_rows(group, layout::clock_mono);
  if (!mono) return mono.error();
  const auto real = read_rows(group, layout::clock);
  if (!real) return real.error();
  if (mono->size() != real->size()) return Error{Errc::format, "the clock's two columns differ in length"};
  std::vector<Moment> clock;
  for (std::size_t i = 0; i < mono->size(); ++i) clock.push_back({(*mono)[i], (*real)[i]});
  return clock;
}

}  // namespace

Result<StoredNode> open_node(hid_t run_group, const std::string& name, Moment run_begin) {
  const Group group(H5Gopen2(run_group, name.c_str(), H5P_DEFAULT));
  if (!group) return failure(Errc::format, "cannot be read");
  const AttributeReader a(group.get());
  NodeRecord node;
  node.host = a.text_or(attr::host, name);
  auto machine = read_machine(a);
  if (!machine) return machine.error();
  node.attributes = std::move(*machine);
  auto blocked = read_blocked(a);
  if (!blocked) return blocked.error();
  node.blocked = std::move(*blocked);
  auto clock = read_clock(group.get());
  if (!clock) return clock.error();
  node.clock = std::move(*clock);
  node.quality = {static_cast<std::uint64_t>(a.integer_or(attr::ticks)),
                  static_cast<std::uint64_t>(a.integer_or(attr::late)),
                  static_cast<std::uint64_t>(a.integer_or(attr::lost)),
                  a.integer_or(attr::reading),
                  a.integer_or(attr::agent_cpu),
                  a.integer_or(attr::launcher_cpu),
                  a.integer_or(attr::latency_p50),
                  a.integer_or(attr::latency_p99),
                  a.integer_or(attr::period),
                  a.integer_or(attr::period_begin)};
  node.begin = {a.integer_or(attr::begin_mono), a.integer_or(attr::begin_real)};
  node.end = {a.integer_or(attr::end_mono), a.integer_or(attr::end_real)};
  node.clock_error_s = a.number(attr::clock_error);
  if (const auto ahead = a.number(attr::clock_ahead))
    node.clock_ahead = {*ahead, a.number(attr::clock_ahead_error).value_or(0), a.number(attr::clock_drift).value_or(0)};
  if (const auto text = a.text(attr::scope)) {
    auto scope = decode_scope(*text);
    if (!scope) return scope.error();
    node.scope = *std::move(scope);
  }
  if (const auto text = a.text(attr::baseline)) {
    auto baseline = decode_baseline(*text);
    if (!baseline) return baseline.error();
    node.baseline = *std::move(baseline);
  }
  const auto devices = texts_of_json(a.text_or(attr::devices), attr::devices);
  if (!devices) return devices.error();
  for (const auto& device : *devices) {
    const auto dataset = open_dataset(group.get(), device);
    if (!dataset) return dataset.error();
    auto sensor = read_sensor(AttributeReader(dataset->get()), device);
    if (!sensor) return sensor.error();
    node.sensors.push_back(std::move(*sensor));
  }
  const Moment anchor = node.clock.empty() ? run_begin : node.clock.front();
  auto marks = read_regions(group.get(), anchor);
  if (!marks) return marks.error();
  node.marks = *std::move(marks);
  auto readings = StoredReadings::open(group.get(), *devices, anchor);
  if (!readings) return readings.error();
  return StoredNode{std::move(node), std::move(*readings)};
}

Result<NodeRecord> read_node(hid_t run_group, const std::string& name, Moment run_begin) try {
  auto node = open_node(run_group, name, run_begin);
  if (!node) return node.error();
  for (std::size_t i = 0; i < node->readings->sensors(); ++i) {
    auto series = node->readings->all(i);
    if (!series) return series.error();
    node->record.series.push_back(std::move(*series));
  }
  return std::move(node->record);
} catch (const std::bad_alloc&) {
  return Error{Errc::format, "not enough memory"};
}

}  // namespace perun::h5
