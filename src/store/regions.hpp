// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "model/marks.hpp"
#include "model/summary.hpp"
#include "store/attributes.hpp"

namespace perun::h5 {

/// The group `regions` of a node: what was marked, untouched, and what came of it (docs/format.md). A node without marks has
/// none. Times are wall time, by the node's `anchor`.
[[nodiscard]] Status write_regions(const Types& types, hid_t node_group, const Marks& marks, const RegionReport* report,
                                   const Moment& anchor);
[[nodiscard]] Result<Marks> read_regions(hid_t node_group, const Moment& anchor);

}  // namespace perun::h5
