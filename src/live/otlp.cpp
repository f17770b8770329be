// SPDX-License-Identifier: BSD-3-Clause
// Names and units: OpenTelemetry's semantic conventions for hardware (status: development); JSON of OTLP 1: 64-bit numbers as
// text.
#include "live/otlp.hpp"

#include <utility>
#include <vector>

#include "base/json.hpp"
#include "report/document.hpp"

namespace perun::live {

namespace {

Json attribute(std::string_view key, std::string_view value) {
  return {{"key", key}, {"value", {{"stringValue", json_words(value)}}}};
}

std::string_view hardware(Domain domain) {
  switch (domain) {
    case Domain::gpu:
      return "gpu";
    case Domain::dram:
    case Domain::memory:
      return "memory";
    case Domain::supply:
      return "power_supply";
    case Domain::disk:
      return "physical_disk";
    case Domain::network:
      return "network";
    case Domain::node:
    case Domain::platform:
      return "enclosure";
    default:
      return "cpu";
  }
}

/// The metrics of one node.
class Metrics {
 public:
  Metrics(const RunView& view, std::int64_t now_real_ns)
      : begin_(std::to_string(view.begin_real_ns)), now_(std::to_string(now_real_ns)) {}

  void sum(std::string_view name, std::string_view unit, double value, const Json& attributes) {
    Json point = point_of(value, attributes);
    point["startTimeUnixNano"] = begin_;
    metric(name, unit, "sum", std::move(point));
  }
  void gauge(std::string_view name, std::string_view unit, double value, const Json& attributes) {
    metric(name, unit, "gauge", point_of(value, attributes));
  }
  [[nodiscard]] Json take() { return std::move(list_); }

 private:
  [[nodiscard]] Json point_of(double value, const Json& attributes) const {
    return {{"timeUnixNano", now_}, {"asDouble", json_number(value)}, {"attributes", attributes}};
  }
  void metric(std::string_view name, std::string_view unit, const char* kind, Json point) {
    for (Json& metric : list_)
      if (metric["name"] == name) {
        metric[kind]["dataPoints"].push_back(std::move(point));
        return;
      }
    Json data{{"dataPoints", Json::array({std::move(point)})}};
    if (std::string_view(kind) == "sum") {
      constexpr int cumulative = 2;
      data["aggregationTemporality"] = cumulative;
      data["isMonotonic"] = true;
    }
    list_.push_back({{"name", name}, {"unit", unit}, {kind, std::move(data)}});
  }
  std::string begin_, now_;
  Json list_ = Json::array();
};

Json metrics_of(const RunView& view, std::size_t n, std::int64_t now_real_ns) {
  Metrics out(view, now_real_ns);
  for (const DeviceView& d : view.devices) {
    if (d.node != n || !d.counted) continue;
    const Json attributes = Json::array({attribute("hw.id", d.id), attribute("hw.type", hardware(d.domain)),
                                         attribute("hw.name", d.label), attribute("perun.kind", name(d.kind))});
    out.sum("hw.energy", "J", d.joules, attributes);
    if (d.watts) out.gauge("hw.power", "W", *d.watts, attributes);
  }
  const NodeView& node = view.nodes[n];
  if (node.kind == Kind::unavailable) return out.take();
  const Json kind = Json::array({attribute("perun.kind", name(node.kind))});
  out.sum("hw.host.energy", "J", node.joules, kind);
  if (node.watts) out.gauge("hw.host.power", "W", *node.watts, kind);
  if (view.joules > 0) out.sum("perun.emissions", "g", view.co2e_kg * 1000 * node.joules / view.joules, kind);
  return out.take();
}

}  // namespace

std::string otlp_request(const RunView& view, std::string_view version, std::int64_t now_real_ns) {
  Json resources = Json::array();
  for (std::size_t n = 0; n < view.nodes.size(); ++n) {
    Json resource;
    resource["resource"]["attributes"] = Json::array(
        {attribute("host.name", view.nodes[n].host), attribute("service.name", view.app), attribute("perun.run", view.id)});
    resource["scopeMetrics"] =
        Json::array({{{"scope", {{"name", "perun"}, {"version", version}}}, {"metrics", metrics_of(view, n, now_real_ns)}}});
    resources.push_back(std::move(resource));
  }
  return Json{{"resourceMetrics", std::move(resources)}}.dump(-1, ' ', true);
}

}  // namespace perun::live
