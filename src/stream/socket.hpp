// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/fd.hpp"
#include "stream/ticket.hpp"

namespace perun::stream {

/// Listens where the ticket says that rank 0's node is, if one of those addresses is this machine's and a port is free.
[[nodiscard]] Fd listen_at(const Ticket& ticket);

/// Connects to one of the ticket's addresses and ports, from place `which` on, which is then the place behind it. The
/// connection's reads and writes give up after `patience_ms`. Nothing when one has not answered in `each_ms`, and behind
/// the last place, where `which` is 0 again.
[[nodiscard]] Fd connect_next(const Ticket& ticket, std::size_t& which, int each_ms, int patience_ms);

/// False when the other end is gone or too slow; the connection is of no more use then.
[[nodiscard]] bool send_all(const Fd& fd, std::string_view bytes) noexcept;
[[nodiscard]] bool receive_all(const Fd& fd, std::span<char> bytes) noexcept;

void put_number(std::string& to, std::uint64_t number, std::size_t bytes);
[[nodiscard]] std::uint64_t get_number(std::string_view from, std::size_t at, std::size_t bytes) noexcept;

}  // namespace perun::stream
