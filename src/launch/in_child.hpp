// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "launch/agent.hpp"

namespace perun {

/// The same in a process of its own: a damaged file in which the library that reads it dies is then an error, and
/// not the end of whoever asked.
[[nodiscard]] StoreRun in_a_child(StoreRun store);

}  // namespace perun
