// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>

#include "base/json.hpp"
#include "model/summary.hpp"
#include "report/tables.hpp"

namespace perun {

/// The regions of a run or a node as the document has them; of a job also what each rank did.
enum class ByRank : unsigned char { no, yes };
[[nodiscard]] Json regions_document(const RegionReport& report, ByRank by_rank);

namespace tables {

/// One line per region, those with most energy first; nothing where there are none.
[[nodiscard]] Block regions(const RunSummary& run);

/// How the ranks of a job differ, as a whole and in each region.
[[nodiscard]] Block ranks(const RunSummary& run);

}  // namespace tables

namespace wording {

/// "1000 tokens: 1.000 J +- 4 mJ each"
[[nodiscard]] std::string work(const WorkSummary& work, Kind kind);

}  // namespace wording

}  // namespace perun
