// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "config/config.hpp"
#include "launch/channel.hpp"

namespace perun {

/// $XDG_STATE_HOME/perun, else ~/.local/state/perun: what perun keeps of its own. Empty without a home.
[[nodiscard]] std::filesystem::path state_folder();

/// Where runs are kept whose data folder fails: --spool, else state_folder(). Empty: nowhere.
[[nodiscard]] std::filesystem::path spool_of(const Config& config);

/// What became of a run that is not in its data file.
struct Recovered {
  enum class Fate : std::uint8_t {
    stored,         ///< it is now
    running,        ///< its writer lives, or another perun stores it at this moment
    elsewhere,      ///< its writer may live on another machine: it wrote less than a minute ago
    never_started,  ///< perun was killed before the program ran: nothing is lost
    failed,         ///< it stays where it is; `error` says why
  } fate;
  std::filesystem::path journal;
  std::string id;              ///< the run's
  std::filesystem::path file;  ///< its data file, with stored
  std::optional<Stored> stored = {};
  std::optional<Error> error = {};
};

/// Stores the runs of `data_out` that were cut off before they reached their data file, also those that are kept in
/// `spool` for it. With `all_homes` also what is in `spool` for other folders. Each run once, however many do this at
/// the same time.
enum class Homes : std::uint8_t { this_one, all };
[[nodiscard]] std::vector<Recovered> recover_runs(const std::filesystem::path& data_out, const std::filesystem::path& spool,
                                                  Homes homes);

/// Finishes what killed writers had begun to change in the data files of `folder` (docs/format.md, "Adding a run"); those
/// files. Plain HDF5 reads them before and after.
[[nodiscard]] std::vector<std::filesystem::path> finish_commits(const std::filesystem::path& folder);

/// What every command does first with its data folder. Lines for the user: what was stored, and what could not be.
[[nodiscard]] std::vector<std::string> recover(const std::filesystem::path& data_out, const Config& config);

}  // namespace perun
