// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "config/config.hpp"
#include "launch/agent.hpp"

namespace perun {

/// `--baseline auto` measures for so long, and takes a stored one that is not older than this.
inline constexpr std::int64_t auto_baseline_ns = 10'000'000'000;
inline constexpr std::int64_t auto_baseline_age_ns = 24 * 3'600'000'000'000;

/// How a run comes by its baseline.
struct BaselinePlan {
  FindBaseline find;        ///< empty: none is wanted
  std::int64_t ns = 0;      ///< how long that takes
  std::string notice = {};  ///< one line for the user who waits meanwhile; empty: nothing to say
};

/// What the configuration asks for. Errors (usage): a file that does not exist, holds no baseline, or none of this node.
[[nodiscard]] Result<BaselinePlan> plan_baseline(const Config& config);

/// Where `auto` keeps this host's baseline: $XDG_STATE_HOME/perun, else ~/.local/state/perun. Empty without a home.
[[nodiscard]] std::filesystem::path stored_baseline();

}  // namespace perun
