// SPDX-License-Identifier: BSD-3-Clause
// Resources as in DMTF's Redfish schemas: Chassis, EnvironmentMetrics (1.0), Power (1.0).
#include "redfish/metrics.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace perun::redfish {

namespace {

constexpr std::size_t most_chassis = 64;

/// A number at `key`, which may be an object with a Reading.
std::optional<double> reading(const Json& object, const char* key) {
  if (!object.is_object() || !object.contains(key)) return std::nullopt;
  const Json& value = object[key];
  const Json& number = value.is_object() && value.contains("Reading") ? value["Reading"] : value;
  if (!number.is_number() || !(number.get<double>() >= 0)) return std::nullopt;
  return number.get<double>();
}

std::string link(const Json& object, const char* key) {
  if (!object.is_object() || !object.contains(key) || !object[key].is_object()) return {};
  return object[key].value("@odata.id", Json("")).is_string() ? object[key].value("@odata.id", "") : "";
}

/// Whether a chassis is a machine and no shelf, fan tray or card: the system it holds says so best.
int rank(const Json& chassis) {
  const Json links = chassis.value("Links", Json::object());
  const bool system = links.is_object() && links.contains("ComputerSystems") && links["ComputerSystems"].is_array() &&
                      !links["ComputerSystems"].empty();
  const Json type = chassis.value("ChassisType", Json(""));
  constexpr std::array<const char*, 6> machines{"RackMount", "Sled", "Blade", "StandAlone", "Tower", "Card"};
  const auto at = std::find_if(machines.begin(), machines.end(), [&](const char* m) { return type == m; });
  return (system ? 0 : 100) + static_cast<int>(at - machines.begin());
}

}  // namespace

Values values_of(const Json& resource) {
  Values out;
  out.power_W = reading(resource, "PowerWatts");
  out.energy_kWh = reading(resource, "EnergykWh");
  if (!out.power_W && resource.is_object() && resource.contains("PowerControl") && resource["PowerControl"].is_array() &&
      !resource["PowerControl"].empty())
    out.power_W = reading(resource["PowerControl"][0], "PowerConsumedWatts");
  return out;
}

Result<Meter> find_meter(const Get& get) {
  const auto list = get("/redfish/v1/Chassis");
  if (!list) return list.error();
  const Json members = list->is_object() ? list->value("Members", Json::array()) : Json::array();
  std::vector<std::pair<int, Json>> chassis;
  for (const Json& member : members) {
    if (chassis.size() == most_chassis) break;
    if (!member.is_object() || !member.contains("@odata.id") || !member["@odata.id"].is_string()) continue;
    const auto one = get(member["@odata.id"].get<std::string>());
    if (one && one->is_object()) chassis.emplace_back(rank(*one), *one);
  }
  std::stable_sort(chassis.begin(), chassis.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [unused, one] : chassis)
    for (const auto* part : {"EnvironmentMetrics", "Power"}) {
      const std::string path = link(one, part);
      if (path.empty()) continue;
      const auto resource = get(path);
      if (!resource) continue;
      if (const Values v = values_of(*resource); v.power_W) return Meter{path, v.energy_kWh.has_value()};
    }
  return Error{Errc::unsupported, "none of its chassis tells a power", {}};
}

}  // namespace perun::redfish
