// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace perun {

/// Facts as (name, text), in the order they were found.
using Attributes = std::vector<std::pair<std::string, std::string>>;

}  // namespace perun
