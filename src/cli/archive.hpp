// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "launch/agent.hpp"
#include "model/summary.hpp"

namespace perun {

/// DATA_OUT/APP.hdf5.
[[nodiscard]] std::filesystem::path data_file(const std::filesystem::path& data_out, std::string_view app);

/// Adds runs to their data files below `data_out`, with the derived figures that every report computes.
[[nodiscard]] StoreRun storing_into(const std::filesystem::path& data_out);

/// The runs asked for, loaded and analysed. `which`: "all", "last", "last~N" or a number. `adjust` says which factors to
/// look through; should they differ from a run's own, the total over all runs has a footprint only if all are asked for.
[[nodiscard]] Result<Summary> summarize_file(const std::filesystem::path& file, std::string_view which,
                                             const std::function<Factors(const Factors&)>& adjust);

/// Numbers of the runs that `which` means.
[[nodiscard]] Result<std::vector<int>> choose_runs(const std::filesystem::path& file, std::string_view which);

/// The data file of `data_out` that was changed last.
[[nodiscard]] Result<std::filesystem::path> newest_file(const std::filesystem::path& data_out);

}  // namespace perun
