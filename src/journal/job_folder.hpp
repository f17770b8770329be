// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace perun::journal {

/// DATA_OUT/.perun/KEY: where the nodes of one job meet. It holds run.json, which names the run, and one part, a journal,
/// for each sampling process: NODE~SEGMENT.part while it is written, NODE~SEGMENT.N.part when it has ended after N ranks.
/// How much of the job is over is thus seen from names alone.
struct JobFolder {
  std::filesystem::path path;
  std::string run_id;  ///< unique for ever; keys of process managers are not
};

/// Enters the folder of a job, making it for the first who comes. One that an older job of the same key left behind is not
/// used: KEY.2, KEY.3 ... are tried then. `manager_age_ns`: how long the job's process manager runs, 0 if not known: then a
/// folder is an older job's when somebody was killed there and nobody has written for two minutes.
[[nodiscard]] Result<JobFolder> enter_job(const std::filesystem::path& data_out, std::string_view key,
                                          std::int64_t manager_age_ns);

/// What the run in a job's folder is called.
[[nodiscard]] Result<std::string> job_run_id(const std::filesystem::path& folder);

/// The folders of jobs below DATA_OUT/.perun.
[[nodiscard]] std::vector<std::filesystem::path> job_folders(const std::filesystem::path& data_out);

/// The folders of the job that is called `name` in `data_out`, as far as they are seen from here: in data_out, and in the
/// spool, where nodes go on whose data_out failed.
[[nodiscard]] std::vector<std::filesystem::path> folders_of_job(const std::filesystem::path& data_out,
                                                                const std::filesystem::path& spool, std::string_view name);

/// Names of the jobs of `data_out`, as folders_of_job() takes them.
[[nodiscard]] std::vector<std::string> names_of_jobs(const std::filesystem::path& data_out, const std::filesystem::path& spool);

/// A part by its name.
struct PartFile {
  std::filesystem::path path;
  std::string node;
  int segment = 0;
  std::optional<int> ended;  ///< how many ranks had ended by then that no earlier part of the node counts
};
[[nodiscard]] std::optional<PartFile> parse_part_name(const std::filesystem::path& path);
[[nodiscard]] std::vector<PartFile> parts_of(const std::filesystem::path& folder);  ///< by node, then segment

[[nodiscard]] std::filesystem::path part_path(const std::filesystem::path& folder, std::string_view node, int segment);

/// Gives a part its final name, and tells it.
Result<std::filesystem::path> end_part(const std::filesystem::path& part, int ranks);

/// Whether only this machine sees the folder's file system (not NFS, Lustre, ...), so that other nodes' parts are not in it.
[[nodiscard]] bool on_this_machine_only(const std::filesystem::path& folder);

/// Sum of the ranks that ended parts tell.
[[nodiscard]] int ranks_ended(std::span<const std::filesystem::path> folders);

/// Whether somebody may still write to a part, by the rule for all journals (standing()).
[[nodiscard]] bool alive(const PartFile& part);

/// Removes a folder with all its parts, and DATA_OUT/.perun when that is empty then.
void discard_job(const std::filesystem::path& folder) noexcept;

/// Held while a job is brought to its data file, so that several do not do the work at once. Only a convenience: the data
/// file itself takes a run once.
[[nodiscard]] std::optional<Fd> lock_job(const std::filesystem::path& folder);

/// How long ago `path` was changed by its file system's own clock, s; nothing when that cannot be told.
[[nodiscard]] std::optional<double> age_s(const std::filesystem::path& path);

}  // namespace perun::journal
