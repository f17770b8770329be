// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace perun {

using Digest = std::array<std::uint8_t, 32>;

/// SHA-256 (FIPS 180-4) of a text of any bytes.
[[nodiscard]] Digest sha256(std::string_view text) noexcept;

/// A digest as the bytes that it is, to be hashed on or sent.
[[nodiscard]] inline std::string_view bytes_of(const Digest& digest) noexcept {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace perun
