// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <filesystem>
#include <string_view>

namespace perun {

/// A program of ours beside the one that runs, in the folder it was built in or where it was installed; empty: not there.
[[nodiscard]] std::filesystem::path helper_program(std::string_view name);

}  // namespace perun
