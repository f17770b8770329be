// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <optional>
#include <span>

#include "analysis/energy.hpp"
#include "model/readings.hpp"
#include "model/run.hpp"
#include "model/summary.hpp"

namespace perun {

/// What the node's sensors would add up to without the meter of the whole node that makes up its total; nothing where
/// none does, or nothing else is measured.
[[nodiscard]] std::optional<Inside> inside_of(const NodeRecord& node, std::span<const DeviceSummary> devices);

/// The part of the GPUs' energy that the program could have caused; nothing where it may see all, or is not known to be
/// restricted.
[[nodiscard]] std::optional<VisibleGpus> visible_gpus(const NodeSummary& node);

/// What the GPUs did beside using energy.
void describe_gpus(const NodeRecord& node, Readings& readings, Window window, Activity& out);

}  // namespace perun
