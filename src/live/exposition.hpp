// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "live/view.hpp"
#include "report/exposition.hpp"

namespace perun::live {

/// What is known of a run in progress as metrics.
void add(Exposition& out, const RunView& view);

}  // namespace perun::live
