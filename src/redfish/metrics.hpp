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

/// Where a power stands.
/// Which counter of energy a resource has: two of them need not have begun at one time, so a meter keeps to one.
enum class Counter : unsigned char { none, joules, kWh };
[[nodiscard]] constexpr double step_J(Counter counter) noexcept {
  return counter == Counter::kWh ? 3600 : 1;
}

struct Meter {
  /// Of the resource: ".../Chassis/1U/EnvironmentMetrics"; of its power supplies there are several, which together are it.
  std::vector<std::string> paths = {};
  Counter energy = Counter::none;
  double mean_s = 0;  ///< its power is the mean of so long a time; 0: of a moment, or not known
};

/// What a resource tells; nothing where it does not.
struct Values {
  std::optional<double> power_W = {}, energy_J = {};
};
/// Of a resource, energy by its finest counter that has begun; which one that is.
[[nodiscard]] Counter counter_of(const Json& resource);
[[nodiscard]] Values values_of(const Json& resource, Counter counter);

/// The values of a meter now: the sum over its resources, nothing where one of them does not answer.
[[nodiscard]] Values values_of(const Get& get, const Meter& meter);

/// The meter of the machine: a chassis that holds a computer system goes before one that does not, EnvironmentMetrics
/// (or the sensor it names) before Power (or HPE's power meter that it names), that before the inputs of its power supplies.
/// Never the sum of several, which may be parts of each other, and never NVIDIA's baseboard, which is a part.
[[nodiscard]] Result<Meter> find_meter(const Get& get);

struct Gpu {
  std::string name;  ///< "GPU_SXM_1"
  Meter meter;       ///< one resource
};

/// Processors of its systems that are GPUs and tell a power or an energy.
[[nodiscard]] std::vector<Gpu> find_gpus(const Get& get);

}  // namespace perun::redfish
