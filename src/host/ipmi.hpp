// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <span>

#include "base/fd.hpp"

namespace perun {

/// A request to the machine's management controller (IPMI 2.0, section 5).
struct IpmiRequest {
  std::uint8_t network_function = 0, command = 0;
  std::span<const std::uint8_t> data = {};
};

/// Sends it through an open /dev/ipmi0 and waits up to 5 s for the answer. The number of bytes of the answer, the first of
/// which is the completion code (0: done); -1 and errno when there was none. Neither allocates nor throws.
[[nodiscard]] int ask_ipmi(const Fd& device, const IpmiRequest& request, std::span<std::uint8_t> answer) noexcept;

}  // namespace perun
