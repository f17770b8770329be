// SPDX-License-Identifier: BSD-3-Clause
#include <unistd.h>

#include "cli/archive.hpp"
#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/terminal.hpp"

namespace perun {

int report(const CommandLine& line, const Resolved& resolved) {
  const Config& config = resolved.config;
  std::filesystem::path file = line.file.value_or("");
  const auto folder = !line.file ? config.data_out : file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  for (const auto& recovered : recover(folder)) say(recovered);
  if (!line.file) {
    const auto newest = newest_file(config.data_out);
    if (!newest) {
      complain(newest.error());
      return 1;
    }
    file = *newest;
  }
  const auto summary = summarize_file(
      file, line.run.value_or("last"), [&](const Factors& own) { return replace_factors(own, resolved, Layer::command_line); },
      line.recompute ? Figures::recomputed : Figures::stored_if_current);
  if (!summary) {
    complain(summary.error());
    return 1;
  }
  auto outputs = Outputs::open(line.outputs, config, STDOUT_FILENO);
  if (!outputs) {
    complain(outputs.error());
    return 1;
  }
  if (const auto ok = outputs->write(*summary, config); !ok) {
    complain(ok.error());
    return 1;
  }
  return 0;
}

}  // namespace perun
