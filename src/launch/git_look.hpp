// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>

#include "base/fd.hpp"
#include "model/run.hpp"

namespace perun {

/// Asks git which commit a folder is at and whether it differs from it, while something else goes on. One thread.
class GitLook {
 public:
  GitLook() = default;
  /// Ends a git that is still at work.
  ~GitLook();
  GitLook(const GitLook&) = delete;
  GitLook& operator=(const GitLook&) = delete;

  /// Starts git, with lower priority, if the folder is in a working tree. What cannot be started is no loss.
  void start(const std::filesystem::path& folder);

  /// "git_commit", "git_branch", "git_dirty" ("yes", "no"); what git has not told within `patience_ms` is left out.
  [[nodiscard]] Attributes finish(int patience_ms);

 private:
  pid_t pid_ = 0;
  Fd output_;
};

/// What `git status --porcelain=v2 --branch` printed, as facts.
[[nodiscard]] Attributes git_facts(std::string_view status);

}  // namespace perun
