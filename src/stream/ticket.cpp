// SPDX-License-Identifier: BSD-3-Clause
#include "stream/ticket.hpp"

#include <sys/random.h>

#include <stdexcept>

namespace perun::stream {

Ticket Ticket::of(std::vector<std::string> hosts, const std::vector<std::string>& words) {
  std::string text = "perun stream";
  for (const auto& word : words) text += '\0' + word;
  return {std::move(hosts), sha256(text)};
}

std::array<std::uint16_t, 4> Ticket::ports() const noexcept {
  constexpr unsigned first = 20'000, count = 12'000;
  const unsigned base = first + (unsigned{secret[0]} << 8 | secret[1]) % (count - 4);
  std::array<std::uint16_t, 4> all{};
  for (unsigned i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint16_t>(base + i);
  return all;
}

Nonce new_nonce() {
  Nonce nonce{};
  if (::getrandom(nonce.data(), nonce.size(), 0) != static_cast<ssize_t>(nonce.size()))
    throw std::runtime_error("no random numbers");
  return nonce;
}

Digest proof(const Ticket& ticket, const Nonce& of_receiver, const Nonce& of_sender, Role role) {
  std::string text(bytes_of(ticket.secret));
  text.append(of_receiver.data(), of_receiver.size()).append(of_sender.data(), of_sender.size());
  text += static_cast<char>(role);
  return sha256(std::string(bytes_of(ticket.secret)) += bytes_of(sha256(text)));
}

}  // namespace perun::stream
