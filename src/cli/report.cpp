// SPDX-License-Identifier: BSD-3-Clause
#include <unistd.h>

#include "cli/archive.hpp"
#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/recovery.hpp"
#include "cli/running.hpp"
#include "cli/terminal.hpp"
#include "cli/timelines.hpp"

namespace perun {

namespace {

/// The stored runs asked for, after those that were cut off have been added.
Result<Summary> stored(const CommandLine& line, const Config& config, const Adjust& adjust, bool draw) {
  std::filesystem::path file = line.file.value_or("");
  const auto folder = !line.file ? config.data_out : file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  for (const auto& recovered : recover(folder, config)) say(recovered);
  if (!line.file) {
    const auto newest = newest_file(config.data_out);
    if (!newest) return newest.error();
    file = *newest;
  }
  auto summary = summarize_file(file, line.run.value_or("last"), adjust,
                                line.recompute ? Figures::recomputed : Figures::stored_if_current);
  if (summary && draw)
    if (const auto added = add_timelines(*summary, file, config); !added) return added.error();
  return summary;
}

}  // namespace

int report(const CommandLine& line, const Resolved& resolved) {
  const Config& config = resolved.config;
  const auto choice = FactorChoice::of(resolved, Layer::command_line);
  if (!choice) {
    complain(choice.error());
    return 2;
  }
  const auto adjust = [&](const Factors& own, const LoadRun& load) { return choice->replace(own, load); };
  auto outputs = Outputs::open(line.outputs, config, STDOUT_FILENO);
  if (!outputs) {
    complain(outputs.error());
    return 1;
  }
  const auto summary = line.running ? summarize_running(line.file ? std::filesystem::path(*line.file) : config.data_out, config,
                                                        adjust, outputs->draw())
                                    : stored(line, config, adjust, outputs->draw());
  if (!summary) {
    outputs->abandon();
    complain(summary.error());
    return 1;
  }
  if (const auto ok = outputs->write(*summary, config); !ok) {
    complain(ok.error());
    return 1;
  }
  return 0;
}

}  // namespace perun
