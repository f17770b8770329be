// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "cli/factors.hpp"
#include "exchange/source.hpp"
#include "launch/agent.hpp"
#include "model/summary.hpp"
#include "store/store.hpp"

namespace perun {

/// DATA_OUT/APP.hdf5.
[[nodiscard]] std::filesystem::path data_file(const std::filesystem::path& data_out, std::string_view app);

/// How reports come to their figures.
enum class Figures : unsigned char {
  stored_if_current,  ///< as they were stored, unless another analysis computed them
  recomputed,         ///< from the readings
};

/// The summary of a run as this perun computes it, and says so in it.
[[nodiscard]] RunSummary summarized(const Run& run);

/// The summary of a stored run.
[[nodiscard]] Result<RunSummary> summary_of(const RunInFile& run, Figures figures = Figures::stored_if_current);

/// The factors to look at a run through, told its own; a factor that changes with time needs the run, which `load` gives.
using Adjust = std::function<Result<Factors>(const Factors& own, const LoadRun& load)>;
[[nodiscard]] Result<Factors> own_factors(const Factors& own, const LoadRun& load);

/// Adds runs to their data files below `data_out`, with the derived figures that every report computes. `choice` has the series
/// that their factors are means of.
[[nodiscard]] StoreRun storing_into(const std::filesystem::path& data_out, const FactorChoice& choice = {});

/// Computes the figures of runs and stores nothing; their readings have to fit in memory.
[[nodiscard]] StoreRun storing_nowhere(const FactorChoice& choice = {});

/// The runs asked for. `which` as for choose_runs(). `adjust` says which factors to look through; should they
/// differ from a run's own, the total over all runs has a footprint only if all are asked for.
[[nodiscard]] Result<Summary> summarize_file(const std::filesystem::path& file, std::string_view which, const Adjust& adjust,
                                             Figures figures = Figures::stored_if_current);

/// Numbers of the runs that `which` means, ascending: "all", or one or several, separated by commas, of: a number, "last",
/// "last~N", the beginning of a run's id that no other run's has. `file` is for messages.
[[nodiscard]] Result<std::vector<int>> choose_runs(const Source& source, const std::filesystem::path& file,
                                                   std::string_view which);
[[nodiscard]] Result<std::vector<int>> choose_runs(const std::filesystem::path& file, std::string_view which);

/// The data files in a folder, by name.
[[nodiscard]] Result<std::vector<std::filesystem::path>> data_files(const std::filesystem::path& data_out);

/// The data file of `data_out` that was changed last.
[[nodiscard]] Result<std::filesystem::path> newest_file(const std::filesystem::path& data_out);

}  // namespace perun
