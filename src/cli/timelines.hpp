// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.hpp"
#include "config/config.hpp"
#include "exchange/source.hpp"
#include "model/summary.hpp"

namespace perun {

/// Adds what reports that draw need, from the file that the runs of `summary` with a number are stored in.
[[nodiscard]] Status add_timelines(Summary& summary, const std::filesystem::path& file, const Config& config);

/// The same for a run that is stored nowhere, or not yet: the timeline of summary.runs.back().
void add_timeline(Summary& summary, const Run& run, const Config& config);

/// A stored run with its timeline, of at most so many readings.
struct DrawnRun {
  RunSummary summary;
  Timeline timeline;
};
[[nodiscard]] Result<DrawnRun> drawn_run(const Source& source, int number, std::uint64_t most_readings);

}  // namespace perun
