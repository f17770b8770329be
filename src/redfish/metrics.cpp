// SPDX-License-Identifier: BSD-3-Clause
// Resources as in DMTF's Redfish schemas: Chassis, EnvironmentMetrics (1.0), Power (1.0), Sensor, PowerSubsystem,
// PowerSupplyMetrics.
#include "redfish/metrics.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace perun::redfish {

namespace {

constexpr std::size_t most_chassis = 64, most_supplies = 16;

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
  if (!resource.is_object()) return out;
  if (!out.power_W) out.power_W = reading(resource, "InputPowerWatts");
  if (!out.power_W && resource.value("ReadingType", Json("")) == "Power") out.power_W = reading(resource, "Reading");
  if (!out.power_W && resource.contains("PowerControl") && resource["PowerControl"].is_array() &&
      !resource["PowerControl"].empty())
    out.power_W = reading(resource["PowerControl"][0], "PowerConsumedWatts");
  return out;
}

Values values_of(const Get& get, const Meter& meter) {
  Values sum{0, 0};
  for (const std::string& path : meter.paths) {
    const auto resource = get(path);
    const Values v = resource ? values_of(*resource) : Values{};
    const auto add = [](std::optional<double>& to, const std::optional<double>& more) {
      to = to && more ? std::optional(*to + *more) : std::nullopt;
    };
    add(sum.power_W, v.power_W);
    add(sum.energy_kWh, v.energy_kWh);
  }
  return sum;
}

namespace {

std::vector<std::string> members_of(const Get& get, const std::string& path, std::size_t most) {
  std::vector<std::string> out;
  const auto list = path.empty() ? Result<Json>(Json()) : get(path);
  if (!list || !list->is_object()) return out;
  for (const Json& member : list->value("Members", Json::array()))
    if (out.size() < most && member.is_object() && member.contains("@odata.id") && member["@odata.id"].is_string())
      out.push_back(member["@odata.id"].get<std::string>());
  return out;
}

/// A resource of one path that tells power.
std::optional<Meter> meter_at(const Get& get, const std::string& path) {
  const auto resource = path.empty() ? Result<Json>(Json()) : get(path);
  if (!resource) return std::nullopt;
  if (const Values v = values_of(*resource); v.power_W) return Meter{{path}, v.energy_kWh.has_value()};
  if (!resource->is_object()) return std::nullopt;
  // It may but name the sensor.
  const Json power = resource->value("PowerWatts", Json::object());
  const Json source = power.is_object() ? power.value("DataSourceUri", Json()) : Json();
  if (!source.is_string() || source.get<std::string>() == path) return std::nullopt;
  const auto sensor = get(source.get<std::string>());
  if (!sensor || !values_of(*sensor).power_W) return std::nullopt;
  return Meter{{source.get<std::string>()}};
}

/// What all supplies of a chassis take in; all of them or nothing.
std::optional<Meter> supplies_of(const Get& get, const Json& chassis) {
  const std::string path = link(chassis, "PowerSubsystem");
  const auto subsystem = path.empty() ? Result<Json>(Json()) : get(path);
  if (!subsystem) return std::nullopt;
  Meter meter{{}, true};
  for (const std::string& member : members_of(get, link(*subsystem, "PowerSupplies"), most_supplies)) {
    const auto supply = get(member);
    const std::string metrics = supply ? link(*supply, "Metrics") : std::string();
    const auto one = meter_at(get, metrics);
    if (!one) return std::nullopt;
    meter.paths.push_back(metrics);
    meter.energy = meter.energy && one->energy;
  }
  return meter.paths.empty() ? std::nullopt : std::optional(meter);
}

}  // namespace

Result<Meter> find_meter(const Get& get) {
  if (const auto list = get("/redfish/v1/Chassis"); !list) return list.error();
  std::vector<std::pair<int, Json>> chassis;
  for (const std::string& member : members_of(get, "/redfish/v1/Chassis", most_chassis)) {
    const auto one = get(member);
    if (one && one->is_object()) chassis.emplace_back(rank(*one), *one);
  }
  std::stable_sort(chassis.begin(), chassis.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [unused, one] : chassis) {
    for (const auto* part : {"EnvironmentMetrics", "Power"})
      if (auto meter = meter_at(get, link(one, part))) return *std::move(meter);
    if (auto meter = supplies_of(get, one)) return *std::move(meter);
  }
  return Error{Errc::unsupported, "none of its chassis tells a power", {}};
}

}  // namespace perun::redfish
