// SPDX-License-Identifier: BSD-3-Clause
// A sensor that is a program of the user's: exec:CMD is run by the shell and writes lines (docs/sensor-protocol.md).
#include <string>

#include "backends/files.hpp"
#include "backends/line_stream.hpp"

namespace perun {
namespace {

Probe probe(const ProbeContext& context) {
  if (context.argument.empty()) return Invalid{"exec: which program? write exec:CMD"};
  const std::string command(context.argument);
  const std::string name = "exec:" + files::printable(command);
  return listen_to_program({"/bin/sh", "-c", command}, {.stream = {}, .prefix = "exec:", .source = name, .name = name},
                           context);
}

bool starts_slowly(const ProbeContext& context) {
  return !context.argument.empty();
}

}  // namespace

extern const BackendInfo exec_backend;
const BackendInfo exec_backend{"exec", "sensors of a program of yours: --sensor exec:CMD", BackendInfo::Use::on_request, &probe,
                               &starts_slowly};

}  // namespace perun
