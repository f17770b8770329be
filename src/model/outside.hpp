// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string_view>

#include "model/job.hpp"

namespace perun {

/// The launcher of a job whose ranks only stand on the nodes for a program that srun starts beside them. What is known of its
/// own ranks is nothing: neither their number nor their processor time.
inline constexpr std::string_view outside_of_srun = "slurm-outside";
[[nodiscard]] inline bool from_outside(const JobRecord& job) {
  return job.launcher == outside_of_srun;
}

}  // namespace perun
