// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/fd.hpp"

namespace perun {

/// A counter of the kernel's performance monitoring, for one CPU and all that runs there.
struct PerfEvent {
  std::uint32_t type = 0;  ///< as the PMU's file `type` says
  std::uint64_t config = 0;
  int cpu = 0;
  int group = -1;  ///< descriptor of the event to be read together with; -1: none yet
};

/// perf_event_open(2): counts from now on, starting at 0. An empty Fd and errno on failure.
[[nodiscard]] Fd open_perf_event(const PerfEvent& event) noexcept;

inline constexpr std::size_t most_grouped_events = 8;

/// Reads all events of a group, the leader first, with one system call. False when it fails or the group has not exactly
/// as many events as `values`, which are then not touched. Neither allocates nor throws.
[[nodiscard]] bool read_perf_group(const Fd& leader, std::span<std::uint64_t> values) noexcept;

}  // namespace perun
