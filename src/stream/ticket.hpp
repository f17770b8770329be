// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/sha256.hpp"

namespace perun::stream {

/// How the nodes of one job find each other when they share no folder: where rank 0's node may be reached, and what only
/// processes of this job know. No packet leaves for anywhere else.
struct Ticket {
  std::vector<std::string> hosts;  ///< names or addresses, tried in this order; none: no streams
  Digest secret{};

  /// `words` make the secret: the job's name, the user, whatever else all of its nodes know.
  static Ticket of(std::vector<std::string> hosts, const std::vector<std::string>& words);
  /// The ports that are tried, in this order. Below those that the kernel gives to anybody.
  [[nodiscard]] std::array<std::uint16_t, 4> ports() const noexcept;
};

/// A random number that is used once.
using Nonce = std::array<char, 16>;
[[nodiscard]] Nonce new_nonce();

/// What only a holder of the ticket can say to these two nonces; `role` keeps the two sides' words apart.
enum class Role : char { sender = 's', receiver = 'r' };
[[nodiscard]] Digest proof(const Ticket& ticket, const Nonce& of_receiver, const Nonce& of_sender, Role role);

// What is said on a stream, all numbers little-endian:
//   receiver: hello_magic, its nonce
//   sender:   hello_magic, its nonce, its proof, length of the part's name (u16), the name
//   receiver: its proof, how many bytes of that part it holds (u64)
//   sender:   blocks: length (u32, at most longest_block), so many bytes of the part; length 0: the end, then ranks (u32)
//   receiver: one byte, done, when the part is on disk under its final name; refused, when it is none of this job
inline constexpr std::string_view hello_magic = "PERUNST1";
inline constexpr std::size_t longest_block = 64 << 10;
inline constexpr std::size_t longest_name = 250;
inline constexpr char done = 'd', refused = 'n';

}  // namespace perun::stream
