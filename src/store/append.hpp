// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "store/commit_file.hpp"
#include "store/store.hpp"

namespace perun {

struct AppendOptions {
  bool check_present = false;
  int wait_ms = 10'000;
  CommitHook hook = {};
  StoredTotals* totals = nullptr;
};

/// append_run() with a hook for tests.
[[nodiscard]] Result<int> append_run_with(const std::filesystem::path& file, const Run& run, const Summarize& summarize,
                                          const AppendOptions& options);
[[nodiscard]] Result<int> append_run_with(const std::filesystem::path& file, const Run& run, const RunSummary& summary,
                                          const AppendOptions& options);

}  // namespace perun
