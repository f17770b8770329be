// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "store/commit_file.hpp"

namespace perun {

// Changes to what is stored, but for samples. Each is in the file wholly or not at all, whenever the process ends; the
// protocol is the one of adding a run. All wait up to 10 s for other users of the file. Errors: those of Store::open, and
// not_found for a run that is not there; the file is then as before.

/// What a user may call a run.
struct RunEdit {
  std::optional<std::string> title = {};   ///< empty: none
  std::vector<std::string> add_tags = {};  ///< one that is there already stays where it is
  std::vector<std::string> remove_tags = {};
};

/// Returns how many of the runs were changed by it.
[[nodiscard]] Result<int> edit_runs(const std::filesystem::path& file, std::span<const int> numbers, const RunEdit& edit,
                                    const CommitHook& hook = {});

/// Takes runs out of the file, which costs the same whatever they hold; what they took up stays unused until the file is
/// compacted. Their numbers are never given again.
[[nodiscard]] Status delete_runs(const std::filesystem::path& file, std::span<const int> numbers, const CommitHook& hook = {});

/// Gives all runs another application's name and the file the name that goes with it, which is returned. Works on a copy.
/// Errors: invalid (the name cannot be one, or a file of that name is there).
[[nodiscard]] Result<std::filesystem::path> rename_application(const std::filesystem::path& file, const std::string& name);

}  // namespace perun
