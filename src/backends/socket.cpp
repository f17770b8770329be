// SPDX-License-Identifier: BSD-3-Clause
// Sensors behind a Unix socket: socket:PATH is connected to and writes lines (docs/sensor-protocol.md).
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "backends/files.hpp"
#include "backends/line_stream.hpp"

namespace perun {
namespace {

Probe probe(const ProbeContext& context) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (context.argument.empty()) return Invalid{"socket: which? write socket:PATH"};
  if (context.argument.size() >= sizeof address.sun_path)
    return Invalid{
        fmt::format("socket: the path has {} bytes; at most {} go", context.argument.size(), sizeof address.sun_path - 1)};
  std::memcpy(address.sun_path, context.argument.data(), context.argument.size());
  const std::string name = "socket:" + files::printable(context.argument);
  Fd stream(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!stream || ::connect(stream.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return Blocked{name + ": " + files::reason(errno), "is the program that serves it running?"};
  return listen({.stream = std::move(stream), .prefix = "socket:", .source = name, .name = name}, context.host.now_ns);
}

bool starts_slowly(const ProbeContext& context) {
  return !context.argument.empty() && context.argument.size() < sizeof sockaddr_un{}.sun_path;
}

}  // namespace

extern const BackendInfo socket_backend;
const BackendInfo socket_backend{"socket", "sensors of a service of yours: --sensor socket:PATH", BackendInfo::Use::on_request,
                                 &probe, &starts_slowly};

}  // namespace perun
