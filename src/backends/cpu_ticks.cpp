// SPDX-License-Identifier: BSD-3-Clause
#include "backends/cpu_ticks.hpp"

#include "backends/files.hpp"

namespace perun {

std::optional<CpuTicks> parse_cpu_ticks(std::string_view line) noexcept {
  constexpr std::int64_t absurd = std::int64_t{1} << 56;  // eight of these still fit
  constexpr std::size_t idle = 3, iowait = 4, known = 8, least = 4;
  if (files::word(line) != "cpu") return std::nullopt;
  CpuTicks ticks;
  std::size_t fields = 0;  // old kernels have fewer than `known`
  for (; fields < known && line.find_first_not_of(" \t\r") != std::string_view::npos; ++fields) {
    std::int64_t value = 0;
    if (!files::number(line, value) || value > absurd) return std::nullopt;
    ticks.total += value;
    if (fields != idle && fields != iowait) ticks.busy += value;
  }
  if (fields < least) return std::nullopt;
  return ticks;
}

std::optional<CpuTicks> read_cpu_ticks(const Fd& stat) noexcept {
  std::optional<CpuTicks> ticks;
  const bool done = files::each_line(stat, [&](std::string_view line) {
    ticks = parse_cpu_ticks(line);
    return files::Next::stop;
  });
  return done ? ticks : std::nullopt;
}

}  // namespace perun
