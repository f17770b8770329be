// SPDX-License-Identifier: BSD-3-Clause
#include "backends/gpu_metrics.hpp"

#include <algorithm>
#include <array>

namespace perun {

namespace {

/// Where a revision has what; 0: it does not have it.
struct Layout {
  unsigned char format, first, last;  ///< revisions of the content
  std::size_t power, power_bytes;
  std::int64_t power_unit_mW;
  std::size_t energy, energy_bytes, clock;
};
constexpr std::array<Layout, 10> layouts{{
    {1, 0, 0, 34, 2, 1000, 36, 4, 8},
    {1, 1, 3, 22, 2, 1000, 24, 8, 32},
    {1, 4, 4, 10, 2, 1000, 24, 8, 32},
    {1, 5, 5, 10, 2, 1000, 88, 8, 96},
    {1, 6, 6, 10, 2, 1000, 16, 8, 24},
    {1, 7, 8, 10, 2, 1000, 24, 8, 32},
    {2, 0, 0, 44, 2, 1000, 0, 0, 8},
    {2, 1, 3, 40, 2, 1000, 0, 0, 32},
    {2, 4, 4, 40, 2, 1, 0, 0, 32},
    {3, 0, 0, 112, 4, 1, 0, 0, 104},
}};

/// A little-endian number; `missing` where all bits are set, which says that it is not supported.
std::int64_t number(std::span<const unsigned char> table, std::size_t at, std::size_t bytes) noexcept {
  if (bytes == 0 || at + bytes > table.size()) return missing;
  std::uint64_t value = 0;
  for (std::size_t i = bytes; i-- > 0;) value = value << 8 | table[at + i];
  const std::uint64_t all = bytes == 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << 8 * bytes) - 1;
  return value == all || value > static_cast<std::uint64_t>(INT64_MAX) ? missing : static_cast<std::int64_t>(value);
}

}  // namespace

GpuMetrics parse_gpu_metrics(std::span<const unsigned char> table) noexcept {
  GpuMetrics out;
  if (table.size() < 4 || number(table, 0, 2) > static_cast<std::int64_t>(table.size())) return out;
  const auto row = std::find_if(layouts.begin(), layouts.end(), [&](const Layout& l) {
    return l.format == table[2] && l.first <= table[3] && table[3] <= l.last;
  });
  if (row == layouts.end()) return out;
  out.known = true;
  out.apu = row->format != 1;
  if (row->energy_bytes > 0) out.energy = number(table, row->energy, row->energy_bytes);
  out.boottime_ns = number(table, row->clock, 8);
  const std::int64_t power = number(table, row->power, row->power_bytes);
  out.power_mW = power == missing ? missing : power * row->power_unit_mW;
  return out;
}

}  // namespace perun
