// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "journal/journal.hpp"

namespace perun::journal {

/// One run out of the parts of a job, in any order. Parts of one node become one curve; machines that were measured twice
/// (two containers on one kernel) count once. Of a rank the highest status counts. Times stay each node's own: where wall
/// clocks cannot be believed the run lasts as long as its longest node. Pure. `parts` is not empty, each has a `part`.
struct Joined {
  Run run;
  std::vector<std::unique_ptr<Recording>> recordings;  ///< of parts that were opened, not read: what the run's nodes point to
};
[[nodiscard]] Joined join(std::vector<Contents> parts);

/// The run whose parts are in these folders, pieces of one job, each from nodes that did not share a data_out. `run_id` is
/// what the run shall be called; empty: as the part of the lowest rank says. Errors: not_found when no process of the job
/// had begun, format when they are not of one job.
[[nodiscard]] Result<Run> read_job(std::span<const std::filesystem::path> folders, const std::string& run_id = {});

/// The same for jobs of any size and length: the readings stay in the parts, which must not change any more.
[[nodiscard]] Result<Joined> open_job(std::span<const std::filesystem::path> folders, const std::string& run_id = {});

}  // namespace perun::journal
