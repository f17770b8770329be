// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <span>

#include "model/run.hpp"

namespace perun {

/// Compares the wall clocks of a job's nodes by calls of MPI_COMM_WORLD which no rank leaves before all have entered them
/// (PERUN_MPI_TOGETHER among the marks, of --mpi-hooks): sets `clock_ahead` of each node that took part in one with the first.
/// Pure.
///
/// Where A and B are in the same call, every end in it lies behind every begin in it, whoever's they are. So B's clock is ahead
/// of A's by no more than B's first end - A's last begin, and by no less than B's last begin - A's first end. The calls of a
/// run are taken together, each one's limits widened by how far two clocks that are slewed by no more than 500 ppm may drift
/// apart until it; where that cannot be, none is set.
void align_clocks(std::span<NodeRecord> nodes);

/// A moment of a node as the first node's wall clock would show it; as the node's own shows it where they are not proven to
/// differ.
[[nodiscard]] std::int64_t aligned_ns(const NodeRecord& node, std::int64_t real_ns) noexcept;

}  // namespace perun
