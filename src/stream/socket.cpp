// SPDX-License-Identifier: BSD-3-Clause
#include "stream/socket.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <cstring>
#include <vector>

namespace perun::stream {

namespace {

constexpr int most_waiting = 1024;

struct Address {
  sockaddr_storage where{};
  socklen_t size = 0;
};

/// All addresses of the ticket's hosts with all of its ports.
std::vector<Address> addresses_of(const Ticket& ticket) {
  std::vector<Address> all;
  for (const auto& host : ticket.hosts) {
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(host.c_str(), nullptr, &wanted, &found) != 0) continue;
    for (const addrinfo* a = found; a != nullptr; a = a->ai_next) {
      if ((a->ai_family != AF_INET && a->ai_family != AF_INET6) || a->ai_addrlen > sizeof(sockaddr_storage)) continue;
      for (const std::uint16_t port : ticket.ports()) {
        Address one;
        std::memcpy(&one.where, a->ai_addr, a->ai_addrlen);
        one.size = a->ai_addrlen;
        // The port is in the same place for both families.
        reinterpret_cast<sockaddr_in*>(&one.where)->sin_port = htons(port);
        all.push_back(one);
      }
    }
    ::freeaddrinfo(found);
  }
  return all;
}

Fd socket_for(const Address& a) {
  return Fd(::socket(a.where.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

enum class Answer : unsigned char { yes, no, none };

Answer connect_to(const Fd& fd, const Address& to, int within_ms) {
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to.where), to.size) == 0) return Answer::yes;
  if (errno != EINPROGRESS) return Answer::no;
  pollfd wait{fd.get(), POLLOUT, 0};
  if (::poll(&wait, 1, within_ms) != 1) return Answer::none;
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0 ? Answer::yes : Answer::no;
}

}  // namespace

Fd listen_at(const Ticket& ticket) {
  for (const Address& a : addresses_of(ticket)) {
    Fd fd = socket_for(a);
    const int on = 1;
    // What another run of the same job name left in TIME_WAIT is no reason to move on.
    if (fd && ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&a.where), a.size) == 0 && ::listen(fd.get(), most_waiting) == 0)
      return fd;
  }
  return {};
}

Fd connect_next(const Ticket& ticket, std::size_t& which, int each_ms, int patience_ms) {
  const auto all = addresses_of(ticket);
  for (; which < all.size(); ++which) {
    Fd fd = socket_for(all[which]);
    const Answer answer = fd ? connect_to(fd, all[which], each_ms) : Answer::no;
    if (answer == Answer::none) {
      ++which;
      return {};
    }
    if (answer == Answer::no) continue;
    const timeval patience{patience_ms / 1000, patience_ms % 1000 * 1000};
    const int on = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::fcntl(fd.get(), F_SETFL, 0) != 0) continue;
    ++which;
    return fd;
  }
  which = 0;
  return {};
}

bool send_all(const Fd& fd, std::string_view bytes) noexcept {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    return n == static_cast<ssize_t>(bytes.size());  // less: the time was up
  }
  return true;
}

bool receive_all(const Fd& fd, std::span<char> bytes) noexcept {
  while (!bytes.empty()) {
    const ssize_t n = ::recv(fd.get(), bytes.data(), bytes.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return true;
}

void put_number(std::string& to, std::uint64_t number, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) to += static_cast<char>(number >> (8 * i));
}

std::uint64_t get_number(std::string_view from, std::size_t at, std::size_t bytes) noexcept {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < bytes && at + i < from.size(); ++i)
    number |= std::uint64_t{static_cast<unsigned char>(from[at + i])} << (8 * i);
  return number;
}

}  // namespace perun::stream
