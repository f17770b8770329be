// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>

#include "model/summary.hpp"

namespace perun::trace {

// A run as timeline for viewers that people have already. Text that may hold anything is in them as JSON strings only.

/// A processed profile of the Firefox Profiler: power tracks, regions as markers.
[[nodiscard]] std::string firefox(const RunSummary& run, const Timeline& timeline);

/// Trace events, as Perfetto and chrome://tracing read them: power and state as counters, regions as slices.
[[nodiscard]] std::string chrome(const RunSummary& run, const Timeline& timeline);

}  // namespace perun::trace
