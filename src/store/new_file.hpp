// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "base/result.hpp"
#include "store/store.hpp"

namespace perun {

/// Hands out the next run with its figures; false when there are no more.
using NextRun = std::function<Result<bool>(Run&, RunSummary&)>;

/// Makes a data file of an application from runs that keep their numbers; a number below 0, or not above the one before,
/// is replaced by the next free one. The file appears under its name when it is complete. Errors: invalid (there is a file
/// of that name), and those of NextRun.
[[nodiscard]] Status make_file(const std::filesystem::path& file, const std::string& app, const NextRun& next);

/// Writes a file anew without the room that deleted runs have left. Figures come from `figures`, samples stay bit for
/// bit, numbers stay. Takes the same memory whatever the length of the runs. The file is as before until the new one is
/// complete. Returns how many bytes that freed.
[[nodiscard]] Result<std::int64_t> compact_file(const std::filesystem::path& file, const Revise& figures);

}  // namespace perun
