// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <optional>

#include "model/job.hpp"
#include "store/attributes.hpp"

namespace perun::h5 {

/// The group `ranks` of a run: one row for each rank of the job.
[[nodiscard]] Status write_job(const Types& types, hid_t run_group, const JobRecord& job);

/// Nothing when the run is no job's.
[[nodiscard]] Result<std::optional<JobRecord>> read_job(hid_t run_group);

}  // namespace perun::h5
