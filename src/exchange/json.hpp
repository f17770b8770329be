// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "exchange/sink.hpp"
#include "exchange/source.hpp"
#include "model/run.hpp"

namespace perun {

inline constexpr const char* data_schema = "perun-data/1";

/// The runs `numbers` as one JSON document of schema perun-data/1 (docs/format.md): everything that the data file holds,
/// integers and doubles to the bit. One run at a time is in memory.
[[nodiscard]] Status write_json(const Source& source, std::span<const int> numbers, Sink& out);

/// Reads such a document back. Errors (format) name the place in it.
struct JsonRuns {
  std::string app;
  std::vector<Run> runs;
};
[[nodiscard]] Result<JsonRuns> read_json(const Json& document);

/// Pieces of it, shared with JSON lines: a run without its nodes, a node without its sensors, a sensor without readings.
[[nodiscard]] Json facts_of(const Run& run);
[[nodiscard]] Json facts_of(const NodeRecord& node);
[[nodiscard]] Json facts_of(const Sensor& sensor);

/// A text; what is not UTF-8 as {"hex": "..."}, so that no byte is lost.
[[nodiscard]] Json exact_text(const std::string& text);

}  // namespace perun
