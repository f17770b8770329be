// SPDX-License-Identifier: BSD-3-Clause
#include "backends/counted.hpp"

#include <algorithm>

namespace perun {

namespace {

bool is_meter(const Sensor& s) noexcept {
  return s.quantity == Quantity::energy || s.quantity == Quantity::power;
}

const Sensor* first_meter(std::span<const Sensor> sensors, Domain domain) noexcept {
  const auto at =
      std::find_if(sensors.begin(), sensors.end(), [&](const Sensor& s) { return is_meter(s) && s.domain == domain; });
  return at == sensors.end() ? nullptr : &*at;
}

/// The widest meters of a list.
struct Meters {
  explicit Meters(std::span<const Sensor> sensors) noexcept
      : node(first_meter(sensors, Domain::node)),
        package(first_meter(sensors, Domain::package)),
        platform(first_meter(sensors, Domain::platform)) {}
  const Sensor *node, *package, *platform;
};

InTotal judge(const Sensor& s, const Meters& meters, std::span<const Sensor> all) {
  if (!is_meter(s)) return {false, "not an energy"};
  for (const Sensor& other : all)
    if (!s.part_of.empty() && other.id == s.part_of) return {false, "part of " + other.label};
  if (meters.node != nullptr) return &s == meters.node ? InTotal{true} : InTotal{false, "part of " + meters.node->label};
  switch (s.domain) {
    case Domain::package:
      return {true};
    case Domain::platform:
      if (meters.package != nullptr) return {false, "overlaps with the packages"};
      return &s == meters.platform ? InTotal{true} : InTotal{false, "overlaps with " + meters.platform->label};
    case Domain::cores:
    case Domain::uncore:
      if (meters.package != nullptr) return {false, "part of a package"};
      [[fallthrough]];
    case Domain::dram:
    case Domain::gpu:
      if (meters.package == nullptr && meters.platform != nullptr) return {false, "overlaps with " + meters.platform->label};
      return {true};
    default:
      return {false, "what it covers is not known"};
  }
}

}  // namespace

std::vector<InTotal> judge_total(std::span<const Sensor> sensors) {
  const Meters meters(sensors);
  std::vector<InTotal> verdicts;
  verdicts.reserve(sensors.size());
  for (const Sensor& s : sensors) verdicts.push_back(judge(s, meters, sensors));
  return verdicts;
}

void choose_counted(std::vector<Sensor>& sensors) {
  const auto verdicts = judge_total(sensors);
  for (std::size_t i = 0; i < sensors.size(); ++i) sensors[i].counted = verdicts[i].counted;
}

Gaps find_gaps(std::span<const Sensor> sensors) {
  const Meters meters(sensors);
  if (meters.node != nullptr || (meters.platform != nullptr && meters.package == nullptr)) return {};
  return {.cpu = meters.package == nullptr, .dram = first_meter(sensors, Domain::dram) == nullptr};
}

}  // namespace perun
