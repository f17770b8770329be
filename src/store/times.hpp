// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>

#include "host/clock.hpp"

namespace perun {

// Wall time as it is stored: one anchor per node, so that it never steps. Wraps instead of overflowing, so that
// any two numbers from a file go there and back.

[[nodiscard]] constexpr std::int64_t shifted(std::int64_t t, std::int64_t from, std::int64_t to) noexcept {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(t) - static_cast<std::uint64_t>(from) +
                                   static_cast<std::uint64_t>(to));
}

[[nodiscard]] constexpr std::int64_t to_wall(std::int64_t mono_ns, const Moment& anchor) noexcept {
  return shifted(mono_ns, anchor.mono_ns, anchor.real_ns);
}

[[nodiscard]] constexpr std::int64_t to_mono(std::int64_t wall_ns, const Moment& anchor) noexcept {
  return shifted(wall_ns, anchor.real_ns, anchor.mono_ns);
}

}  // namespace perun
