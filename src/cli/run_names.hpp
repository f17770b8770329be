// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <filesystem>
#include <string_view>

#include "analysis/compare.hpp"
#include "base/result.hpp"

namespace perun {

/// The runs that a word of `perun compare` means: FILE (its newest run, with all rounds of it), FILE:RUN, or a RUN of the
/// newest data file below `data_out`; RUN as for choose_runs(). Errors: not_found, and those of reading.
[[nodiscard]] Result<Side> side_of(std::string_view word, const std::filesystem::path& data_out);

/// The file of such a word, for recovering what is cut off beside it.
[[nodiscard]] Result<std::filesystem::path> file_of(std::string_view word, const std::filesystem::path& data_out);

}  // namespace perun
