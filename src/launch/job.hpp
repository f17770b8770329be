// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hpp"
#include "launch/agent.hpp"
#include "launch/attend.hpp"
#include "launch/measure.hpp"
#include "launch/meeting.hpp"
#include "launch/place.hpp"

namespace perun {

class Streams;

/// What the ranks of one job on one node are measured with. `agent.run.id` is left for the job's folder to say.
struct JobTask {
  AgentTask agent;
  Place place;
};

/// Runs the program as one rank of a job. The node's sampling process is started by whichever rank comes first, and anew
/// when it is killed; it belongs to no rank. The last rank of the job to end gets the run for its report, all others none.
/// A rank that failed is not held up, since the job waits to be told. Errors as measure(); what is wrong with this node
/// only (data_out is gone here) is told and the program runs unmeasured, so that the job is not harmed.
[[nodiscard]] Result<Measured> measure_rank(const Program& program, const JobTask& task, SignalRelay& relay,
                                            const std::function<void(std::string_view)>& say);

/// The sampling process of a node. It listens to the ranks on the node, writes one part of the job's run, and brings the
/// whole run to its data file when the job ends with this node. Never returns.
[[noreturn]] void run_node_agent(const JobTask& task, const Meeting& meeting, const Fd& lock, Fd listener);

/// Brings a job's run to its data file and removes its folders, of which the first names the run. Errors: busy when a part may
/// still be written to or somebody else is at it, not_found when no process of the job had begun, unsupported when the rest of
/// the job is on other nodes, which do not see these folders.
[[nodiscard]] Result<Stored> commit_job(std::span<const std::filesystem::path> folders, const StoreRun& store);

/// Folders in what a message says, and back.
[[nodiscard]] std::string as_text(std::span<const std::filesystem::path> folders);
[[nodiscard]] std::vector<std::filesystem::path> folders_in(std::string_view text);

/// Whether a node's sampling process stays for up to 10 s when the rest of the job is not over: names of files take their time
/// to appear on other nodes, and some ranks may never come.
enum class Patience : unsigned char { none, for_other_nodes };

/// What a sampling process does when its part, in `folder`, has ended: stores the job's run if the whole job has, and answers
/// `launcher`, whose rank was the last one here.
void conclude_job(const JobTask& task, const std::filesystem::path& folder, Channel& launcher, Patience patience,
                  Streams& streams);

/// As commit_job(), for pieces of one job, from nodes that did not share a data_out; what is missing then is missing for good.
[[nodiscard]] Result<Stored> merge_job(std::span<const std::filesystem::path> folders, const StoreRun& store);

}  // namespace perun
