// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config/config.hpp"

namespace perun {

enum class Command : std::uint8_t {
  nothing,  ///< no command was given: help on stderr, exit status 2
  monitor,
  live,
  session,  ///< measures the process that runs it; not for people
  report,
  compare,
  postprocess,
  recover,
  runs,
  export_runs,
  merge,
  plot,
  serve,
  sensors,
  doctor,
  qualify,
  mark,
  showconf,
  help,  ///< about `topic`
  version,
  licenses,
};

/// What the user typed, checked for form; what the settings are worth is for resolve() to say.
struct CommandLine {
  Command command = Command::nothing;
  Command topic = Command::nothing;  ///< with help: the command asked about; nothing: all of perun
  std::vector<Setting> settings;     ///< in the order typed
  std::optional<std::filesystem::path> configuration;
  std::vector<std::string> program;  ///< monitor, live: PROGRAM and its arguments, session: the caller's, mark: what to mark;
                                     ///< verbatim; live: may be empty, with `running` the run's id
  std::vector<std::string> outputs;  ///< -o: "-" for stdout, else a file whose suffix is a format
  std::optional<std::string> file;   ///< report, postprocess, export: the data file; none: the newest run of data_out
  std::optional<std::string> run;    ///< report, postprocess, export: which runs, as choose_runs() takes it
  std::string action;                ///< runs: what to do; empty: list
  std::vector<std::string> words;    ///< runs: the words behind it; compare: runs and files
  std::optional<std::string> app, since, until;  ///< runs
  std::vector<std::string> tags;                 ///< runs: list those only
  std::optional<std::string> format;             ///< export, compare
  std::optional<std::string> listen, otlp;       ///< serve; monitor: otlp too
  std::vector<std::string> pieces;               ///< merge: folders
  std::optional<std::int64_t> length_ns;         ///< qualify: how long to look
  std::vector<std::string> fail_if;              ///< compare: as parse_condition() takes them
  double confidence = 0.95;                      ///< compare
  bool allow_missing = false;                    ///< compare
  bool quiet = false;
  bool running = false;     ///< report: the runs in progress; `file` may be a folder then. live: look at one of them
  bool once = false;        ///< live
  bool live = false;        ///< serve: what is measured now; with `run` a run in progress
  bool forget = false;      ///< session: no data file
  bool dry_run = false;     ///< postprocess, runs delete
  bool recompute = false;   ///< report
  bool compact = false;     ///< runs delete
  bool wide = false;        ///< export
  bool regions = false;     ///< export
  bool json = false;        ///< live, sensors, doctor, qualify, runs, recover
  bool no_load = false;     ///< qualify
  bool fix_script = false;  ///< doctor
  bool defaults = false;    ///< showconf
  bool origin = false;      ///< showconf
};

/// Reads the words after "perun". Errors are Errc::invalid, to be told with exit status 2.
[[nodiscard]] Result<CommandLine> parse_command_line(std::span<const std::string> words);

}  // namespace perun
