// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "launch/channel.hpp"
#include "launch/child.hpp"
#include "launch/signals.hpp"

namespace perun {

/// Waits for the program to end, passing signals on and stopping with it. `hear` is called when `extra` is readable
/// and returns the descriptor to watch from then on, -1 for none.
Child::Change attend(Child& child, SignalRelay& relay, int extra, const std::function<int()>& hear);

[[nodiscard]] Outcome outcome_of(const Child::Change& change);

/// The next message, or nothing when the other side is gone, the time is over (0: never) or the user wants out, which leaves
/// the signal.
[[nodiscard]] std::optional<Message> next_message(Channel& channel, SignalRelay& relay, std::int64_t until_ns, int& signal);

/// File descriptors above stderr that perun was started with.
[[nodiscard]] std::vector<int> inherited_files();

/// Closes perun's own copies of the program's streams and files.
void let_go(std::span<const int> inherited);

/// Processor time of this process so far.
[[nodiscard]] std::int64_t own_cpu_ns();

/// Whether a signal tells perun itself to wait no longer.
[[nodiscard]] bool ends_waiting(int signal);

}  // namespace perun
