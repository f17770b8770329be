// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "backends/select.hpp"
#include "base/json.hpp"

namespace perun {

/// How often counters were seen to change, ns by sensor id.
using Periods = std::map<std::string, std::int64_t, std::less<>>;

/// Reads all energy sensors but those that may wait for their device (perun qualify looks at them) over and over for at most
/// `budget_ns` of real time and returns the mean time between
/// changes of those that changed at least three times.
[[nodiscard]] Periods measure_periods(const Sources& sources, std::int64_t budget_ns = 100'000'000);

/// What `perun sensors` prints: sensors by source, then what is blocked with its remedy, then what is absent. At most 80
/// columns unless an id or a path is longer.
[[nodiscard]] std::string list_text(const Sources& sources, const Periods& periods = {});

/// The same as data, schema "perun-sensors/1". Unknown numbers are null.
[[nodiscard]] Json list_json(const Sources& sources, const Periods& periods = {});

}  // namespace perun
