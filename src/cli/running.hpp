// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "cli/archive.hpp"
#include "config/config.hpp"
#include "model/summary.hpp"

namespace perun {

/// The runs in progress in `place`: a data folder, or a data file, which need not be there yet, for the runs of its
/// application. Read from their journals, which nobody is disturbed by; energy up to the last reading written there.
/// not_found when there are none. `draw`: with what reports that draw need.
[[nodiscard]] Result<Summary> summarize_running(const std::filesystem::path& place, const Config& config, const Adjust& adjust,
                                                bool draw);

/// A run in progress and where its readings go to at the moment, a journal for each node.
struct RunInProgress {
  std::string id;
  std::vector<std::filesystem::path> journals;
};
[[nodiscard]] std::vector<RunInProgress> runs_in_progress(const std::filesystem::path& data_out, const Config& config);

}  // namespace perun
