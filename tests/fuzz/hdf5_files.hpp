// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <vector>

namespace perun::fuzz {

/// Good files to begin with: one of perun's with short and long runs, marks and a job; the Python perun's first layout, and
/// that of 0.2 to 0.9.
[[nodiscard]] std::vector<std::string> hdf5_files();

}  // namespace perun::fuzz
