// SPDX-License-Identifier: BSD-3-Clause
#include "launch/circumstances.hpp"

#include <unistd.h>

#include <string_view>
#include <vector>

#include "launch/provenance.hpp"

namespace perun {

const Attributes& Circumstances::look(pid_t pid, const Run& run, const Host& host) {
  std::vector<std::string_view> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) environment.emplace_back(*entry);
  found_ = run.provenance;
  for (auto facts : {circumstances_of(pid, host), limits_of(pid), chosen_environment(environment)})
    found_.insert(found_.end(), facts.begin(), facts.end());
  git_.start(run.cwd);
  return found_;
}

const Attributes& Circumstances::finish(int git_patience_ms) {
  for (auto& fact : git_.finish(git_patience_ms)) found_.push_back(std::move(fact));
  return found_;
}

}  // namespace perun
