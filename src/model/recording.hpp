// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "base/result.hpp"
#include "model/sensor.hpp"

namespace perun {

/// One sensor's reading among those of a node.
struct Sample {
  std::uint32_t sensor;  ///< index over all sensors of the node
  Reading reading;
};

/// The readings of a node as they came, each sensor's in its order, for whoever cannot hold them all.
class Recording {
 public:
  virtual ~Recording() = default;

  /// Runs through all of them, again and again if need be; every time they are the same.
  [[nodiscard]] virtual Status replay(const std::function<void(std::span<const Sample>)>& take) const = 0;
};

}  // namespace perun
