// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "cli/archive.hpp"
#include "cli/commands.hpp"
#include "journal/job_folder.hpp"
#include "launch/job.hpp"

namespace perun {

namespace fs = std::filesystem;

int merge(const CommandLine& line, const Resolved& resolved) {
  std::map<std::string, std::vector<fs::path>> jobs;  // by the folder's name, which is the job's key
  for (const auto& word : line.pieces) {
    const fs::path piece(word);
    std::error_code none;
    auto folders = fs::exists(piece / "run.json", none) ? std::vector{piece} : journal::job_folders(piece);
    if (folders.empty()) {
      complain({Errc::not_found, fmt::format("{} holds no piece of a job", piece.string()),
                "name a node's data_out, or the folder that its perun told"});
      return 1;
    }
    for (auto& folder : folders)
      jobs[fs::absolute(folder, none).lexically_normal().filename().string()].push_back(std::move(folder));
  }
  for (const auto& [key, folders] : jobs) {
    const auto stored = merge_job(folders, storing_into(resolved.config.data_out));
    if (!stored) {
      complain(stored.error());
      return 1;
    }
    if (!print(fmt::format("{}: {} {} joined as run {}\n", key, folders.size(), folders.size() == 1 ? "piece" : "pieces",
                           stored->number)))
      return 1;
  }
  return 0;
}

}  // namespace perun
