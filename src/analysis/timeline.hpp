// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <span>

#include "analysis/energy.hpp"
#include "model/readings.hpp"
#include "model/run.hpp"
#include "model/timeline.hpp"

namespace perun {

/// What a run was like over time. Every reading is in it while all sensors together have no more than `most_readings`; else
/// each track is thinned out by the same whole number, its energies staying exact at the times that are left. Pure.
[[nodiscard]] Timeline timeline_of(const Run& run, std::uint64_t most_readings);

/// The same of a run whose readings are elsewhere, as for summarize().
[[nodiscard]] Timeline timeline_of(const Run& run, std::span<Readings* const> readings, std::uint64_t most_readings);

/// The calls of a node's regions on its threads, `origin_ns` being the run's begin on the node's clock. When there are more
/// than `most`, short ones that follow each other stand together.
void add_calls(Timeline& out, const NodeRecord& node, std::size_t number, Window window, std::int64_t origin_ns,
               std::size_t most);

}  // namespace perun
