// SPDX-License-Identifier: BSD-3-Clause
// The whole machine by its management controller over the network (Redfish): perun-redfish asks, and speaks the protocol of
// docs/sensor-protocol.md. User and password come from the environment or a file, as it says.
#include <fmt/format.h>

#include <chrono>
#include <string>

#include "backends/files.hpp"
#include "backends/line_stream.hpp"
#include "host/installed.hpp"

namespace perun {
namespace {

Probe probe(const ProbeContext& context) {
  if (context.argument.empty()) return Invalid{"redfish: which service? write redfish:https://HOST"};
  const auto program = installed_file("perun-redfish");
  const std::string name = "redfish:" + files::printable(context.argument);
  if (program.empty())
    return Blocked{"perun-redfish is neither beside perun nor in ../libexec/perun", "install perun as a whole"};
  // A controller takes up to a second for each answer, and all that it has is looked through.
  constexpr std::chrono::seconds patience{30};
  return listen_to_program({program.string(), std::string(context.argument)},
                           {.stream = {}, .prefix = "redfish:", .source = name, .name = name, .patience = patience}, context);
}

bool starts_slowly(const ProbeContext& context) {
  return !context.argument.empty();
}

}  // namespace

extern const BackendInfo redfish_backend;
const BackendInfo redfish_backend{"redfish", "the whole machine by its BMC over the network: --sensor redfish:URL",
                                  BackendInfo::Use::on_request, &probe, &starts_slowly};

}  // namespace perun
