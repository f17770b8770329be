// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>

#include "journal/job_folder.hpp"
#include "journal/journal.hpp"
#include "launch/job.hpp"

namespace perun {

/// The folder of the job in data_out, else in the spool: a disk that is full on one node is no reason not to measure there.
/// `notice` is set to what the user must know then.
[[nodiscard]] Result<journal::JobFolder> enter_somewhere(const JobTask& task, std::string& notice);

/// Begins the part of a node in `folder`, else likewise.
[[nodiscard]] Result<journal::Writer> begin_part(const JobTask& task, const std::filesystem::path& folder, const Run& run,
                                                 const journal::Part& part, std::string& notice);

/// A part that cannot be written any more goes on in the spool if it can. Says, for people, where it is now.
[[nodiscard]] std::string go_to_spool(journal::Writer& part, const std::filesystem::path& spool);

/// What earlier sampling processes of a node in a job knew.
struct Past {
  std::map<int, RankRecord> ranks;  ///< all that had begun
  int counted = 0;                  ///< of them, by names of parts that have ended
  int segments = 0;
};
[[nodiscard]] Past past_of(std::span<const std::filesystem::path> folders, const std::string& node);

}  // namespace perun
