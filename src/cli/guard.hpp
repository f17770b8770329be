// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <filesystem>
#include <functional>

namespace perun {

/// Runs what reads a data file in a process of its own, and returns its exit status. HDF5 dies in some damaged files:
/// that is told then, with the file's name, and the status is 1. Signals that end the process otherwise end this one too.
[[nodiscard]] int guarded(const std::filesystem::path& file, const std::function<int()>& command);

}  // namespace perun
