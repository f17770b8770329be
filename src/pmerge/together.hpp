// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <filesystem>

#include "base/result.hpp"
#include "store/store.hpp"

namespace perun {

/// append_run() of all processes of MPI_COMM_WORLD, each of which calls it with the same run: what is compressed is shared out
/// among them, and written by MPI-IO. Works on a copy of the file, which takes its place in the end; on failure the file
/// is as before. Errors are every process's, told by the first; one that only some of them meet ends the job (MPI_Abort).
[[nodiscard]] Result<int> append_run_together(const std::filesystem::path& file, const Run& run, const Summarize& summarize,
                                              bool check_present);

}  // namespace perun
