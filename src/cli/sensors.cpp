// SPDX-License-Identifier: BSD-3-Clause
#include <unistd.h>

#include "backends/list.hpp"
#include "cli/commands.hpp"
#include "cli/instruments.hpp"
#include "cli/terminal.hpp"

namespace perun {

int sensors(const CommandLine& line, const Resolved& resolved) {
  raise_file_limit();
  const auto sources = open_sources(host_of(resolved.config), selection_of(resolved.config));
  if (!sources) {
    complain(sources.error());
    return 1;
  }
  const Periods periods = measure_periods(*sources);
  const std::string text = line.json ? list_json(*sources, periods).dump(2) + "\n" : list_text(*sources, periods);
  return write_text(STDOUT_FILENO, text) ? 0 : 1;
}

}  // namespace perun
