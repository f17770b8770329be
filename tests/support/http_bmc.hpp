// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>

#include "base/fd.hpp"

namespace perun::test {

/// The address of a management controller on loopback that tells 344 W, without TLS. It serves until the process ends, one
/// request a connection, and allocates nothing while it does.
inline const std::string& http_bmc() {
  static const std::string address = [] {
    const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    auto* any = reinterpret_cast<sockaddr*>(&at);
    if (::bind(server, any, size) != 0 || ::listen(server, 16) != 0 || ::getsockname(server, any, &size) != 0) std::abort();
    std::thread([server] {
      for (;;) {
        const Fd peer(::accept4(server, nullptr, nullptr, SOCK_CLOEXEC));
        std::array<char, 4096> buffer{};
        const ssize_t n = ::read(peer.get(), buffer.data(), buffer.size() - 1);
        if (n <= 0) continue;
        const std::string_view request(buffer.data(), static_cast<std::size_t>(n));
        const char* body = R"({"Members":[{"@odata.id":"/redfish/v1/Chassis/1"}]})";
        if (request.starts_with("GET /redfish/v1/Chassis/1 "))
          body = R"({"ChassisType":"RackMount","EnvironmentMetrics":{"@odata.id":"/metrics"}})";
        if (request.starts_with("GET /metrics ")) body = R"({"PowerWatts":{"Reading":344}})";
        std::array<char, 512> answer{};
        const int length =
            std::snprintf(answer.data(), answer.size(), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
                          std::strlen(body), body);
        [[maybe_unused]] const auto sent = ::send(peer.get(), answer.data(), static_cast<std::size_t>(length), MSG_NOSIGNAL);
      }
    }).detach();
    return "http://127.0.0.1:" + std::to_string(ntohs(at.sin_port));
  }();
  return address;
}

}  // namespace perun::test
