// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "base/json.hpp"
#include "model/summary.hpp"

namespace perun::page {

// Tables as {"columns": [{"title", "number"}], "rows": [{"cells": [[text, number]], "key", "kind"}], "left_out"}; null where
// there is nothing to show. A key names the row in the charts.

/// Keys "NODE/ID".
[[nodiscard]] Json devices_table(const RunSummary& run);
/// Keys: the number of the node.
[[nodiscard]] Json nodes_table(const RunSummary& run);
/// Keys: the region's name, as timeline() writes it.
[[nodiscard]] Json regions_table(const RunSummary& run);
/// What each thread spent in each region.
[[nodiscard]] Json threads_table(const RunSummary& run);
[[nodiscard]] Json ranks_table(const RunSummary& run);
/// All runs of the file; keys: their numbers.
[[nodiscard]] Json history_table(const Summary& summary);

/// What the total is made of, by part: [{"name", "energy_J", "energy", "share", "share_text", "kind", "tag"}].
[[nodiscard]] Json parts(const RunSummary& run);

}  // namespace perun::page
