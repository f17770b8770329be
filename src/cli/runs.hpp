// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "store/store.hpp"

namespace perun {

/// The runs of one file that `perun runs` lists.
struct ListedFile {
  std::filesystem::path file;
  std::string app;
  int runs_in_file = 0;
  std::vector<StoredRun> runs;  ///< those that pass the filter
};

/// What a run must be to be listed.
struct RunFilter {
  std::string app;                ///< a glob; empty: any
  std::vector<std::string> tags;  ///< globs; one tag of the run must match each
  std::int64_t since_ns = std::numeric_limits<std::int64_t>::min(), until_ns = std::numeric_limits<std::int64_t>::max();

  [[nodiscard]] bool takes(const StoredRun& run) const;
};

/// For reading, one line a run.
[[nodiscard]] std::string runs_text(const std::vector<ListedFile>& files);

/// The same as data, schema "perun-runs/1".
[[nodiscard]] Json runs_json(const std::vector<ListedFile>& files);

/// All that is stored of one run, but for its samples and what a report computes from them.
[[nodiscard]] std::string run_text(const Run& run, const std::filesystem::path& file);

}  // namespace perun
