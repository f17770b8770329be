// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"

namespace perun::redfish {

/// Fetches one resource of a service by its path.
using Get = std::function<Result<Json>(const std::string& path)>;

/// Where the power of the whole machine stands.
struct Meter {
  /// Of the resource: ".../Chassis/1U/EnvironmentMetrics"; of its power supplies there are several, which together are it.
  std::vector<std::string> paths;
  bool energy = false;  ///< it tells kWh too
};

/// What a resource tells: W and kWh; nothing where it does not.
struct Values {
  std::optional<double> power_W, energy_kWh;
};
[[nodiscard]] Values values_of(const Json& resource);

/// The values of a meter now: the sum over its resources, nothing where one of them does not answer.
[[nodiscard]] Values values_of(const Get& get, const Meter& meter);

/// The meter of the machine: a chassis that holds a computer system goes before one that does not, EnvironmentMetrics
/// (or the sensor it names) before Power, that before the inputs of its power supplies. Never the sum of several, which may be
/// parts of each other.
[[nodiscard]] Result<Meter> find_meter(const Get& get);

}  // namespace perun::redfish
