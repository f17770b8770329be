// SPDX-License-Identifier: BSD-3-Clause
// Resources as in DMTF's Redfish schemas: Chassis, EnvironmentMetrics (1.0; 1.2: EnergyJoules), Power (1.0), Sensor,
// PowerSubsystem, PowerSupplyMetrics, Processor, ProcessorMetrics; HPE's HpePowerMeter as its iLO API documents it; NVIDIA's
// baseboards (HGX) by the names in its documents of DPS.
#include "redfish/metrics.hpp"

#include <time.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

namespace perun::redfish {

namespace {

constexpr std::size_t most_chassis = 64, most_supplies = 16, most_systems = 8, most_processors = 64;
constexpr double kWh = 3.6e6;

/// A number at `key`, which may be an object with a Reading.
std::optional<double> reading(const Json& object, const char* key) {
  if (!object.is_object() || !object.contains(key)) return std::nullopt;
  const Json& value = object[key];
  const Json& number = value.is_object() && value.contains("Reading") ? value["Reading"] : value;
  if (!number.is_number() || !(number.get<double>() >= 0)) return std::nullopt;
  return number.get<double>();
}

std::string words(const Json& object, const char* key) {
  if (!object.is_object() || !object.contains(key) || !object[key].is_string()) return {};
  return object[key].get<std::string>();
}

Json child(const Json& object, const char* key) {
  return object.is_object() && object.contains(key) ? object[key] : Json();
}

std::string link(const Json& object, const char* key) {
  return words(child(object, key), "@odata.id");
}

/// Seconds since 1970 of "2026-05-01T12:00:10Z"; nothing for other words.
std::optional<double> seconds_of(const std::string& time) {
  tm parts{};
  const char* rest = ::strptime(time.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (rest == nullptr) return std::nullopt;
  return static_cast<double>(::timegm(&parts));
}

/// HPE's power meter: means of equal stretches, of which the newest is now.
struct Stretches {
  std::optional<double> newest_W = {};
  double length_s = 0;  ///< 0: not known
};
Stretches stretches_of(const Json& meter) {
  std::vector<std::pair<double, double>> means;  // until, W
  const Json details = child(meter, "PowerDetail");
  if (!details.is_array()) return {};
  for (const Json& one : details) {
    const auto until_s = seconds_of(words(one, "Time"));
    const auto watts = reading(one, "Average");
    if (until_s && watts && *watts > 0) means.emplace_back(*until_s, *watts);
  }
  if (means.empty()) return {};
  std::sort(means.begin(), means.end());
  const double length_s = means.size() > 1 ? means.back().first - means[means.size() - 2].first : 0;
  return {means.back().second, length_s};
}

std::string_view last_name(std::string_view path) {
  while (path.ends_with('/')) path.remove_suffix(1);
  return path.substr(path.rfind('/') + 1);
}

/// A baseboard of NVIDIA, a GPU on it, or another part of it.
bool of_baseboard(const Json& resource) {
  return last_name(words(resource, "@odata.id")).starts_with("HGX_") || words(resource, "Id").starts_with("HGX_");
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

Counter counter_of(const Json& resource) {
  if (const auto joules = reading(resource, "EnergyJoules"); joules && *joules > 0) return Counter::joules;
  return reading(resource, "EnergykWh") ? Counter::kWh : Counter::none;
}

Values values_of(const Json& resource, Counter counter) {
  Values out;
  if (!resource.is_object()) return out;
  if (counter == Counter::joules) out.energy_J = reading(resource, "EnergyJoules");
  if (counter == Counter::kWh)
    if (const auto energy = reading(resource, "EnergykWh")) out.energy_J = *energy * kWh;
  for (const auto* key : {"PowerWatts", "InputPowerWatts", "ConsumedPowerWatt"})
    if (!out.power_W) out.power_W = reading(resource, key);
  if (!out.power_W && words(resource, "ReadingType") == "Power") out.power_W = reading(resource, "Reading");
  if (const Json controls = child(resource, "PowerControl"); !out.power_W && controls.is_array() && !controls.empty())
    out.power_W = reading(controls[0], "PowerConsumedWatts");
  if (!out.power_W) out.power_W = stretches_of(resource).newest_W;
  return out;
}

Values values_of(const Get& get, const Meter& meter) {
  Values sum{0, 0};
  for (const std::string& path : meter.paths) {
    const auto resource = get(path);
    const Values v = resource ? values_of(*resource, meter.energy) : Values{};
    const auto add = [](std::optional<double>& to, const std::optional<double>& more) {
      to = to && more ? std::optional(*to + *more) : std::nullopt;
    };
    add(sum.power_W, v.power_W);
    add(sum.energy_J, v.energy_J);
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

/// The power meters that HPE's Power names, the one with the shorter stretches first.
std::vector<std::string> meters_of_hpe(const Json& power) {
  std::vector<std::string> out;
  for (const auto* maker : {"Hpe", "Hp"})
    for (const auto* links : {"Links", "links"})
      for (const auto* name : {"FastPowerMeter", "PowerMeter"}) {
        const Json named = child(child(child(child(power, "Oem"), maker), links), name);
        for (const auto* key : {"@odata.id", "href"})
          if (std::string path = words(named, key); !path.empty()) out.push_back(std::move(path));
      }
  return out;
}

/// A resource of one path that tells power.
std::optional<Meter> meter_at(const Get& get, const std::string& path) {
  const auto resource = path.empty() ? Result<Json>(Json()) : get(path);
  if (!resource) return std::nullopt;
  if (values_of(*resource, Counter::none).power_W) return Meter{{path}, counter_of(*resource)};
  // It may but name the sensor.
  std::vector<std::string> named = meters_of_hpe(*resource);
  named.insert(named.begin(), words(child(*resource, "PowerWatts"), "DataSourceUri"));
  for (const std::string& other : named) {
    if (other.empty() || other == path) continue;
    const auto sensor = get(other);
    if (sensor && values_of(*sensor, Counter::none).power_W)
      return Meter{{other}, Counter::none, stretches_of(*sensor).length_s};
  }
  return std::nullopt;
}

/// What all supplies of a chassis take in; all of them or nothing.
std::optional<Meter> supplies_of(const Get& get, const Json& chassis) {
  const std::string path = link(chassis, "PowerSubsystem");
  const auto subsystem = path.empty() ? Result<Json>(Json()) : get(path);
  if (!subsystem) return std::nullopt;
  Meter meter;
  for (const std::string& member : members_of(get, link(*subsystem, "PowerSupplies"), most_supplies)) {
    const auto supply = get(member);
    const std::string metrics = supply ? link(*supply, "Metrics") : std::string();
    const auto one = meter_at(get, metrics);
    if (!one) return std::nullopt;
    meter.energy = meter.paths.empty() || meter.energy == one->energy ? one->energy : Counter::none;
    meter.paths.push_back(metrics);
  }
  return meter.paths.empty() ? std::nullopt : std::optional(meter);
}

}  // namespace

Result<Meter> find_meter(const Get& get) {
  if (const auto list = get("/redfish/v1/Chassis"); !list) return list.error();
  std::vector<std::pair<int, Json>> chassis;
  for (const std::string& member : members_of(get, "/redfish/v1/Chassis", most_chassis)) {
    const auto one = get(member);
    if (one && one->is_object() && !of_baseboard(*one)) chassis.emplace_back(rank(*one), *one);
  }
  std::stable_sort(chassis.begin(), chassis.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [unused, one] : chassis) {
    for (const auto* part : {"EnvironmentMetrics", "Power"})
      if (auto meter = meter_at(get, link(one, part))) return *std::move(meter);
    if (auto meter = supplies_of(get, one)) return *std::move(meter);
  }
  return Error{Errc::unsupported, "none of its chassis tells a power", {}};
}

std::vector<Gpu> find_gpus(const Get& get) {
  std::vector<Gpu> out;
  for (const std::string& system : members_of(get, "/redfish/v1/Systems", most_systems)) {
    const auto one = get(system);
    if (!one) continue;
    for (const std::string& member : members_of(get, link(*one, "Processors"), most_processors)) {
      const auto processor = get(member);
      if (!processor || words(*processor, "ProcessorType") != "GPU") continue;
      for (const auto* part : {"EnvironmentMetrics", "Metrics"}) {
        const auto meter = meter_at(get, link(*processor, part));
        if (!meter) continue;
        out.push_back({std::string(last_name(member)), *meter});
        break;
      }
    }
  }
  return out;
}

}  // namespace perun::redfish
