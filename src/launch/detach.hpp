// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <span>

#include "launch/agent.hpp"
#include "model/run.hpp"
#include "sampling/instruments.hpp"

namespace perun {

/// What every sampling process does first: it leaves the terminal and everything that belongs to the program, but for the
/// descriptors `kept`, which are above stderr.
void detach(std::span<const int> kept);

/// Storing a run touches some 2 MB of heap for the first time, one page fault after the other, which is dear in virtual
/// machines. Here they are had in one call, while the launcher prepares the program.
void prepare_heap();

/// For the sampling process of a whole node: it may run on all processors, also when mpirun has bound the launcher to some,
/// and have as many files open as it may, since a node may have very many ranks.
void serve_the_whole_node() noexcept;

/// Never lets go of what a hanging source may still use; for a process that ends soon.
void leave_behind(Instruments&& instruments);

/// The node as its sampling process finds it, without readings.
[[nodiscard]] NodeRecord describe_node(const AgentTask& task, const Instruments& instruments);

}  // namespace perun
