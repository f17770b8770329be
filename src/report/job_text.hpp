// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>

#include "model/summary.hpp"

namespace perun::job_text {

/// "exit 0"; of a job that did not go well what comes first: "rank 3: exit 139 (signal 11)", "2 ranks lost".
[[nodiscard]] std::string ending(const RunSummary& run);

/// "6 by openmpi: 4 ok, 1 failed, 1 lost; rank 3 on n2: exit 3 at 18:04:15 UTC, 4.0 s after the start". Empty when no job, or
/// one that was measured from outside.
[[nodiscard]] std::string ranks(const RunSummary& run);

/// Of a job that was measured from outside: what that means. Else empty.
[[nodiscard]] std::string outside(const RunSummary& run);

/// How well the nodes' wall clocks agree. Empty when there is one node.
[[nodiscard]] std::string clocks(const RunSummary& run);

/// "job 17 step 3, melt, partition batch". Empty when no batch system told anything.
[[nodiscard]] std::string scheduler(const RunSummary& run);

}  // namespace perun::job_text
