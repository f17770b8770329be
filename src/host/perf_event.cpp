// SPDX-License-Identifier: BSD-3-Clause
#include "host/perf_event.hpp"

#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace perun {

Fd open_perf_event(const PerfEvent& event) noexcept {
  // No sampling and nothing excluded: the RAPL driver refuses both (kernel: arch/x86/events/rapl.c).
  perf_event_attr what{};
  what.type = event.type;
  what.size = sizeof what;
  what.config = event.config;
  what.read_format = PERF_FORMAT_GROUP;
  constexpr pid_t everything = -1;
  return Fd(static_cast<int>(::syscall(SYS_perf_event_open, &what, everything, event.cpu, event.group,
                                       static_cast<unsigned long>(PERF_FLAG_FD_CLOEXEC))));
}

bool read_perf_group(const Fd& leader, std::span<std::uint64_t> values) noexcept {
  // PERF_FORMAT_GROUP: how many events, then the value of each.
  std::array<std::uint64_t, 1 + most_grouped_events> buffer;
  if (values.size() > most_grouped_events) return false;
  const std::size_t bytes = (1 + values.size()) * sizeof(std::uint64_t);
  const ssize_t n = ::read(leader.get(), buffer.data(), bytes);
  if (n < 0 || static_cast<std::size_t>(n) != bytes || buffer[0] != values.size()) return false;
  std::copy_n(buffer.begin() + 1, values.size(), values.begin());
  return true;
}

}  // namespace perun
