// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <functional>
#include <span>
#include <string>

#include "base/result.hpp"
#include "exchange/sink.hpp"
#include "exchange/source.hpp"
#include "model/summary.hpp"

namespace perun {

// Readings as tables (docs/format.md, "Exported tables"). One run at a time is in memory.

/// CSV, one line for each reading of each sensor.
[[nodiscard]] Status write_csv_long(const Source& source, std::span<const int> numbers, Sink& out);

/// CSV, one line for each tick, two columns for each sensor: raw and in its SI unit.
[[nodiscard]] Status write_csv_wide(const Source& source, std::span<const int> numbers, Sink& out);

/// JSON lines: each run, node and sensor once, and then its readings, one a line.
[[nodiscard]] Status write_jsonl(const Source& source, std::span<const int> numbers, Sink& out);

// Regions as tables: one line for each region of each node, of a job also for each of its ranks, and one for what no region
// got.
using SummarizeRun = std::function<RunSummary(const Run&)>;
[[nodiscard]] Status write_csv_regions(const Source& source, std::span<const int> numbers, const SummarizeRun& summarize,
                                       Sink& out);
[[nodiscard]] Status write_jsonl_regions(const Source& source, std::span<const int> numbers, const SummarizeRun& summarize,
                                         Sink& out);

/// RFC 4180: quoted where it must be. A cell is UTF-8, so that every reader takes the file.
[[nodiscard]] std::string csv_cell(const std::string& text);

}  // namespace perun
