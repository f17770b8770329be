// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/missing.hpp"

namespace perun {

/// What perun takes of amdgpu's file `gpu_metrics`, the table of the card's firmware; `missing` where it does not tell.
struct GpuMetrics {
  bool known = false;                  ///< whether its revision is one with known places
  bool apu = false;                    ///< a processor with graphics: power is that of both
  std::int64_t energy = missing;       ///< in steps of 2^-16 J
  std::int64_t boottime_ns = missing;  ///< when the driver fetched the table
  std::int64_t power_mW = missing;     ///< of the socket
};

/// A step of the energy, J. The vendor's libraries say 15.3 uJ, which is 0.27 % too much.
inline constexpr double gpu_metrics_step_J = 0x1p-16;

/// Bytes that hold any revision's table as far as it is used.
inline constexpr std::size_t gpu_metrics_bytes = 4096;

/// Revisions 1.0 to 1.8, 2.0 to 2.4 and 3.0 (Linux drivers/gpu/drm/amd/include/kgd_pp_interface.h). A table that is shorter
/// than it says is not known. Neither allocates nor throws.
[[nodiscard]] GpuMetrics parse_gpu_metrics(std::span<const unsigned char> table) noexcept;

}  // namespace perun
