// SPDX-License-Identifier: BSD-3-Clause
#include "serve/server.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "host/clock.hpp"

namespace perun::serve {

namespace {

constexpr std::size_t gulp = 64 << 10;

std::int64_t clock_now() {
  return clock_ns(CLOCK_MONOTONIC);
}

std::string name_of(const Fd& socket) {
  sockaddr_storage at{};
  socklen_t length = sizeof at;
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&at), &length) != 0 ||
      ::getnameinfo(reinterpret_cast<sockaddr*>(&at), length, host.data(), host.size(), port.data(), port.size(),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    return {};
  return at.ss_family == AF_INET6 ? fmt::format("[{}]:{}", host.data(), port.data())
                                  : fmt::format("{}:{}", host.data(), port.data());
}

std::string head_of(const Response& response, std::size_t length) {
  std::string head = fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\n{}", response.status, reason(response.status),
                                 response.type, response.headers);
  if (!response.events && !response.source) head += fmt::format("Content-Length: {}\r\n", length);
  return head +
         "Connection: close\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: "
         "no-referrer\r\n\r\n";
}

}  // namespace

Result<Server> Server::listen(const std::string& address, std::uint16_t port, Answer answer, Limits limits) {
  addrinfo wanted{}, *found = nullptr;
  wanted.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  wanted.ai_socktype = SOCK_STREAM;
  const std::string bare = address.starts_with('[') && address.ends_with(']') ? address.substr(1, address.size() - 2) : address;
  if (::getaddrinfo(bare.c_str(), std::to_string(port).c_str(), &wanted, &found) != 0)
    return Error{Errc::invalid, fmt::format("'{}' is no address of a network", address), "127.0.0.1 is this machine alone"};
  Fd socket(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  if (socket) ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const bool bound = socket && ::bind(socket.get(), found->ai_addr, found->ai_addrlen) == 0 && ::listen(socket.get(), 64) == 0;
  const int why = errno;
  ::freeaddrinfo(found);
  if (!bound)
    return Error{why == EADDRINUSE ? Errc::busy : Errc::io,
                 fmt::format("cannot listen on {}:{}: {}", address, port, std::strerror(why)),
                 "choose another with --listen ADDRESS:PORT; port 0 takes a free one"};
  std::string name = name_of(socket);
  return Server(std::move(socket), std::move(name), std::move(answer), limits);
}

Server::~Server() {
  for (Client& client : clients_) part_with(client);
}

void Server::part_with(Client& client) {
  if (client.response.maker > 0) {
    ::kill(client.response.maker, SIGKILL);
    ::waitpid(client.response.maker, nullptr, 0);
    client.response.maker = -1;
  }
}

void Server::accept() {
  for (;;) {
    Fd socket(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket) return;
    if (clients_.size() < limits_.clients) clients_.push_back({.socket = std::move(socket), .since_ns = clock_now()});
  }
}

void Server::read(Client& client) {
  if (client.said_all) return;
  std::array<char, 4096> bytes{};
  ssize_t n = 0;
  // Not without end, whoever talks on and on: the others have their turn.
  for (int turn = 0; turn < 16 && (n = ::recv(client.socket.get(), bytes.data(), bytes.size(), 0)) > 0; ++turn) {
    if (client.answered) continue;  // whatever it still says
    client.in.append(bytes.data(), static_cast<std::size_t>(n));
    if (client.in.find("\r\n\r\n") != std::string::npos)
      answer(client);
    else if (client.in.size() > longest_request)
      refuse(client, 431);
  }
  const bool broken = n < 0 && errno != EAGAIN && errno != EINTR;
  client.said_all = n == 0;
  // Who waits for events has nothing to say either, and would never be heard of again.
  if (broken || (client.said_all && (!client.answered || client.response.events))) client.socket.reset();
}

void Server::refuse(Client& client, int status) {
  client.answered = true;
  client.response = {.status = status, .body = fmt::format("{} {}\n", status, reason(status))};
  client.out = head_of(client.response, client.response.body.size()) + client.response.body;
  client.headed = true;
  client.since_ns = clock_now();
}

void Server::answer(Client& client) {
  const Parsed parsed = parse_request(client.in);
  if (!parsed.request || client.in.size() > longest_request)
    return refuse(client, parsed.request ? 431 : parsed.refusal.status);
  client.answered = true;
  client.since_ns = clock_now();
  client.head_only = parsed.request->method == "HEAD";
  client.response = answer_(*parsed.request);
  if (client.response.events && streams() > limits_.streams) {
    client.response.events = false;
    return refuse(client, 503);
  }
  if (client.response.source && !client.head_only) {
    ::fcntl(client.response.source.get(), F_SETFL, O_NONBLOCK);
    return;  // the head follows with the first bytes
  }
  client.headed = true;
  client.out = head_of(client.response, client.response.body.size());
  if (client.head_only) {
    client.response.source.reset();
    client.response.events = false;
    return;
  }
  client.out += client.response.body;
}

void Server::fetch(Client& client) {
  Response& response = client.response;
  std::array<char, 16384> bytes{};
  while (response.source && client.out.size() < gulp) {
    const ssize_t n = ::read(response.source.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n > 0) {
      if (!std::exchange(client.headed, true)) client.out = head_of(response, 0);
      client.out.append(bytes.data(), static_cast<std::size_t>(n));
      client.since_ns = clock_now();
      continue;
    }
    response.source.reset();
    if (response.maker > 0) ::waitpid(std::exchange(response.maker, -1), nullptr, 0);
    if (!client.headed) refuse(client, 500);
  }
}

bool Server::write(Client& client) {
  if (!client.socket) return false;
  while (!client.out.empty()) {
    const ssize_t n = ::send(client.socket.get(), client.out.data(), client.out.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno == EAGAIN;
    client.out.erase(0, static_cast<std::size_t>(n));
    client.since_ns = clock_now();
  }
  const bool more = client.response.events || client.response.source;
  if (client.answered && client.headed && !more) {
    ::shutdown(client.socket.get(), SHUT_WR);
    return false;
  }
  return true;
}

bool Server::timed_out(Client& client) {
  const std::int64_t waited = clock_now() - client.since_ns;
  if (!client.answered && waited > limits_.request_ns) {
    refuse(client, 408);
    return false;
  }
  return client.answered && !client.out.empty() && waited > limits_.stall_ns;
}

void Server::step(int timeout_ms, std::span<const int> others) {
  std::vector<pollfd> wait{{socket_.get(), POLLIN, 0}};
  for (const int fd : others) wait.push_back({fd, POLLIN, 0});
  for (const Client& client : clients_) {
    const int events = (client.said_all ? 0 : POLLIN) | (client.out.empty() ? 0 : POLLOUT);
    wait.push_back({events != 0 ? client.socket.get() : -1, static_cast<short>(events), 0});
    if (client.response.source && client.out.size() < gulp) wait.push_back({client.response.source.get(), POLLIN, 0});
  }
  ::poll(wait.data(), wait.size(), timeout_ms);
  accept();
  for (auto client = clients_.begin(); client != clients_.end();) {
    read(*client);
    if (client->socket) fetch(*client);
    if (timed_out(*client) || !write(*client)) {
      part_with(*client);
      client = clients_.erase(client);
    } else {
      ++client;
    }
  }
}

std::size_t Server::streams() const noexcept {
  return static_cast<std::size_t>(std::ranges::count_if(clients_, [](const Client& c) { return c.response.events; }));
}

void Server::publish(std::string_view data) {
  for (auto client = clients_.begin(); client != clients_.end();) {
    if (client->response.events) client->out += fmt::format("data: {}\n\n", data);
    if (client->response.events && client->out.size() > limits_.waiting_bytes)
      client = clients_.erase(client);
    else
      ++client;
  }
}

}  // namespace perun::serve
