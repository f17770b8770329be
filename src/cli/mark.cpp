// SPDX-License-Identifier: BSD-3-Clause
#include <cstdlib>

#include "cli/commands.hpp"
#include "regions/shell.hpp"

namespace perun {

int mark(const CommandLine& line) {
  const auto mark = parse_mark(line.program);
  if (!mark) {
    complain(mark.error());
    return 2;
  }
  const char* path = std::getenv("PERUN_MARKS");
  if (path == nullptr || *path == '\0') return 0;  // a script must also run without perun
  auto marks = ShellMarks::open(path);
  const Status set = marks ? marks->set(*mark) : Status(marks.error());
  if (const char* sock = std::getenv("PERUN_SOCK"); set && sock != nullptr) announce_marks(sock);
  if (set) return 0;
  complain(set.error());
  return 1;
}

}  // namespace perun
