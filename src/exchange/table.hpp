// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <span>

#include "base/result.hpp"
#include "exchange/sink.hpp"
#include "exchange/source.hpp"

namespace perun {

// Readings as tables (docs/format.md, "Exported tables"). One run at a time is in memory.

/// CSV, one line for each reading of each sensor.
[[nodiscard]] Status write_csv_long(const Source& source, std::span<const int> numbers, Sink& out);

/// CSV, one line for each tick, two columns for each sensor: raw and in its SI unit.
[[nodiscard]] Status write_csv_wide(const Source& source, std::span<const int> numbers, Sink& out);

/// JSON lines: each run, node and sensor once, and then its readings, one a line.
[[nodiscard]] Status write_jsonl(const Source& source, std::span<const int> numbers, Sink& out);

}  // namespace perun
