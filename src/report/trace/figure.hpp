// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <string_view>

#include "model/summary.hpp"

namespace perun::trace {

/// A script for gnuplot, data included, that draws the power of a run over time: each counted meter, and all of a node
/// together, with the outermost regions of the first thread as bands. At most a thousand stretches of time each. `terminal`
/// is gnuplot's.
[[nodiscard]] std::string figure(const RunSummary& run, const Timeline& timeline, std::string_view terminal);

}  // namespace perun::trace
