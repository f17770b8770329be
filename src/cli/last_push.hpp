// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <span>
#include <string>

#include "base/result.hpp"
#include "model/summary.hpp"

namespace perun {

/// The figures of runs that ended as OTLP/JSON requests, each in one line: those of the report.
[[nodiscard]] std::string otlp_of(const RunSummary& run);

/// Sends them to a collector, by perun-otlp, and waits for that: 15 s at most. perun-otlp says itself what the collector does
/// not take. Errors: invalid (the address), not_found (perun-otlp), io, busy (no end in that time).
Status push_runs(const std::string& url, std::span<const RunSummary> runs);

}  // namespace perun
