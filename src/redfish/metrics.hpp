// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/json.hpp"
#include "base/result.hpp"

namespace perun::redfish {

/// Fetches one resource of a service by its path.
using Get = std::function<Result<Json>(const std::string& path)>;

/// Where the power of the whole machine stands.
struct Meter {
  std::string path;     ///< of the resource: ".../Chassis/1U/EnvironmentMetrics"
  bool energy = false;  ///< it tells kWh too
};

/// What a resource tells: W and kWh; nothing where it does not.
struct Values {
  std::optional<double> power_W, energy_kWh;
};
[[nodiscard]] Values values_of(const Json& resource);

/// The meter of the machine: a chassis that holds a computer system goes before one that does not, EnvironmentMetrics before
/// Power. Never the sum of several, which may be parts of each other.
[[nodiscard]] Result<Meter> find_meter(const Get& get);

}  // namespace perun::redfish
