// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>

#include "analysis/energy.hpp"
#include "analysis/share.hpp"
#include "model/readings.hpp"
#include "model/run.hpp"
#include "model/summary.hpp"

namespace perun {

/// A node with its readings, which need not be in memory.
struct Seen {
  const NodeRecord& node;
  Readings& readings;
  Window window;

  [[nodiscard]] std::size_t sensors() const { return std::min(node.sensors.size(), readings.sensors()); }
  [[nodiscard]] std::optional<double> increase(std::string_view id) const { return increase_of(node, readings, id, window); }
};

/// What a node did beside using energy: its processors, memory, disks and network, and its GPUs.
[[nodiscard]] Activity activity_of(const Seen& node);

}  // namespace perun
