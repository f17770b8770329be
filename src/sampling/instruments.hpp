// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "backends/backend.hpp"
#include "backends/late.hpp"
#include "model/run.hpp"

namespace perun {

/// What a node is measured with.
struct Instruments {
  std::vector<std::unique_ptr<Backend>> backends;  ///< may be empty: the run then holds no readings
  std::vector<BlockedSource> blocked;
  Attributes attributes = {};                              ///< what the sources tell of the node beside readings
  std::shared_ptr<Latecomers> late = {};                   ///< sources that are still starting; null: none
  std::map<std::string, Proved, std::less<>> proved = {};  ///< what sensors proved to be, for those
  std::string notice = {};  ///< one line for the user before the program starts; empty: nothing to say
};

}  // namespace perun
