// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "cli/commands.hpp"

namespace perun {

void complain(const Error& error) {
  const auto text = fmt::format("perun: {}\n{}{}", error.what, error.hint.empty() ? "" : "       " + error.hint,
                                error.hint.empty() ? "" : "\n");
  std::fwrite(text.data(), 1, text.size(), stderr);
}

bool print(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) return true;
  complain({Errc::io, fmt::format("cannot write to stdout: {}", std::strerror(errno))});
  return false;
}

}  // namespace perun
