// SPDX-License-Identifier: BSD-3-Clause
#include "base/json.hpp"
#include "base/units.hpp"
#include "live/frame.hpp"
#include "report/document.hpp"

namespace perun::live {

namespace {

Json number(std::optional<double> value) {
  return value ? json_number(*value) : Json(nullptr);
}

/// The figures that all parts have, null where nothing is measured.
void figures(Json& out, Kind kind, double joules, std::optional<double> watts) {
  out["kind"] = name(kind);
  out["energy_J"] = kind == Kind::unavailable ? Json(nullptr) : json_number(joules);
  out["power_W"] = kind == Kind::unavailable ? Json(nullptr) : number(watts);
}

}  // namespace

std::string json_line(const RunView& view) {
  Json out{{"schema", "perun-live/1"}};
  out["run"] = json_words(view.id);
  out["app"] = json_words(view.app);
  out["begin"] = units::iso8601(view.begin_real_ns);
  out["elapsed_s"] = json_number(view.elapsed_s);
  out["over"] = view.over;
  figures(out, view.kind, view.joules, view.watts);
  const bool known = view.kind != Kind::unavailable;
  out["co2e_kg"] = known ? json_number(view.co2e_kg) : Json(nullptr);
  out["cost_cent"] = known ? json_number(view.cost_cent) : Json(nullptr);
  out["region"] = view.region.empty() ? Json(nullptr) : Json(json_words(view.region));
  out["nodes"] = Json::array();
  for (const NodeView& n : view.nodes) {
    Json node{{"host", json_words(n.host)}};
    figures(node, n.kind, n.joules, n.watts);
    node["cpu_utilization"] = number(n.cpu_utilization);
    node["cpu_frequency_Hz"] = number(n.cpu_clock_Hz);
    node["cpu_temperature_C"] = number(n.cpu_temperature_C);
    node["memory_bytes"] = number(n.memory_bytes);
    node["over"] = n.over;
    out["nodes"].push_back(std::move(node));
  }
  out["devices"] = Json::array();
  for (const DeviceView& d : view.devices) {
    Json device{{"node", d.node}, {"id", json_words(d.id)}, {"label", json_words(d.label)}, {"counted", d.counted}};
    figures(device, d.kind, d.joules, d.watts);
    device["limit_W"] = number(d.limit_W);
    device["utilization"] = number(d.utilization);
    device["temperature_C"] = number(d.temperature_C);
    device["frequency_Hz"] = number(d.clock_Hz);
    out["devices"].push_back(std::move(device));
  }
  out["regions"] = Json::array();
  for (const RegionView& r : view.regions)
    out["regions"].push_back(
        {{"node", r.node},
         {"name", json_words(r.name)},
         {"calls", r.calls},
         {"open", r.open},
         {"wall_s", json_number(r.wall_s)},
         {"node_energy_J", view.nodes[r.node].kind == Kind::unavailable ? Json(nullptr) : json_number(r.joules)}});
  return out.dump(-1, ' ', true);
}

}  // namespace perun::live
