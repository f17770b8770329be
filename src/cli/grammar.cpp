// SPDX-License-Identifier: BSD-3-Clause
#include "cli/grammar.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "base/units.hpp"

namespace perun {

namespace {

constexpr CommandInfo all_commands[] = {
    {Command::monitor, "monitor", "[--] PROGRAM [ARGS...]", "Measure", "Run a program (or Python script) and measure it",
     "Runs PROGRAM with ARGS, measures it and prints the report to stderr. All words\n"
     "after PROGRAM are its own. A *.py file that is not executable runs under\n"
     "$PERUN_PYTHON or python3.\n"},
    {Command::live, "live", "[[--] PROGRAM [ARGS...] | --run [ID]]", "Measure", "Watch power and energy in the terminal",
     "Measures PROGRAM as perun monitor does and shows what happens; what it prints is\n"
     "shown below, and printed with the report when the view is left (q). With --run\n"
     "it looks at a run in progress in data_out, whoever started it: the newest, or\n"
     "the one whose id begins with ID. Without both it shows this machine. h is help.\n"},
    {Command::mark, "mark", "begin NAME | end [NAME] | count NAME=N | TEXT", "Measure",
     "Mark a region or a moment from a shell script",
     "Under `perun monitor`: opens and closes calls of the region NAME, adds N to the\n"
     "counter NAME, or marks this moment with TEXT. A TEXT that begins with one of the\n"
     "verbs stands behind --. All shells of a run share one stack of open regions; end\n"
     "without NAME closes the innermost, and cancel [NAME] forgets it. Without a perun\n"
     "around it does nothing.\n"},
    {Command::report, "report", "[FILE]", "Look", "Print the results of stored runs",
     "Prints the report of the runs stored in FILE to stdout; without FILE that of the\n"
     "newest run in data_out.\n"},
    {Command::compare, "compare", "RUN_OR_FILE RUN_OR_FILE...", "Look", "Hold runs against each other; can fail a CI job",
     "Energy, time, power and energy-delay product of runs and their regions, as\n"
     "ratios to the first with an interval and a verdict. FILE means its newest run\n"
     "with all rounds of it, FILE:RUN those of its runs (N, last~1, id, N,M or all),\n"
     "RUN one of the newest file of data_out. Exit status 3: a --fail-if is met; 4:\n"
     "one cannot be decided, as estimates never decide, nor does what is not there.\n"},
    {Command::postprocess, "postprocess", "FILE", "Look", "Recompute energy, CO2e and cost with other factors",
     "Computes the figures of the runs stored in FILE anew. Of --pue,\n"
     "--emissions-factor and --price-factor those that are set, also in a file or\n"
     "variable, replace the runs' own. The samples stay as they are.\n"},
    {Command::runs, "runs", "[ACTION] [FILE|DIR] [WORDS...]", "Look", "List, tag, rename and delete stored runs",
     "  perun runs [FILE|DIR]                 list the runs (default: of data_out)\n"
     "  perun runs show FILE [RUN]            all that is stored of a run\n"
     "  perun runs tag FILE RUN NAME...       words to find it again by; untag\n"
     "  perun runs rename FILE RUN TITLE      title of a run\n"
     "  perun runs rename FILE APP            name of the application and its file\n"
     "  perun runs delete FILE RUN            --compact gives the room back at once\n"
     "  perun runs compact FILE               give back the room of deleted runs\n\n"
     "RUN is a number, last, last~N, the beginning of an id, several of these with\n"
     "commas between, or all. Numbers are never used again.\n"},
    {Command::export_runs, "export", "FILE", "Look", "Write readings as csv, json, jsonl, timeline or data file",
     "Writes the readings of the runs in FILE, with all that is known of them. FILE is\n"
     "a data file, JSON that this command wrote, or a file of the Python perun.\n"
     "firefox (for profiler.firefox.com), chrome and perfetto (ui.perfetto.dev) are\n"
     "timelines of one run, by default the last; FILE.json.gz is compressed.\n"},
    {Command::plot, "plot", "[FILE]", "Look", "Draw a figure of a run (needs gnuplot)",
     "Draws the power of a run over time, by default of the newest run in data_out,\n"
     "into the file named with -o: svg, png or pdf.\n"},
    {Command::serve, "serve", "[FILE]", "Serve", "Live page, JSON API and Prometheus metrics on this host",
     "Serves the report of FILE (default: the newest file of data_out), or with --live\n"
     "what is measured now: this machine, or with --run a run in progress in data_out.\n"
     "Prints the address of the page, whose token all but /metrics asks for. Also\n"
     "/api/v1/report, /api/v1/runs, /api/v1/live and /events.\n"},
    {Command::recover, "recover", "[DIR]", "Look", "Store runs that were cut off before they were in their file",
     "Stores the runs of DIR (default: data_out) whose perun was killed, as\n"
     "interrupted ones, and those kept in the spool because DIR could not be written;\n"
     "without DIR all that are in the spool. Runs in progress are left alone. perun\n"
     "monitor, report and postprocess do the same with their folder. Exit status 1 if\n"
     "a run could not be stored.\n"},
    {Command::merge, "merge", "FOLDER...", "Look", "Join the pieces of a job whose nodes shared no data_out",
     "Each FOLDER is one node's data_out, or the folder of the job in its .perun.\n"
     "Pieces of one job become one run in the data file below --data_out, and are\n"
     "removed. Without all of them the run says which ranks are missing.\n"},
    {Command::sensors, "sensors", "", "Set up", "List sensors and what they can do",
     "Lists the sensors of this machine: unit, scope, update period, whether they\n"
     "count in the total, and what is blocked and why.\n"},
    {Command::doctor, "doctor", "", "Set up", "Find out why something is not measured, and how to fix it",
     "Tells for each source whether it can be read here, what was tried, why it\n"
     "failed and what helps. Exit status 0 if energy can be measured, else 1.\n"},
    {Command::session, "session", "[--] COMMAND...", "", "",
     "Measures the process that runs it, between two lines of JSON; the Python package\n"
     "uses it, and its words may change with every version (src/cli/session.hpp).\n"},
    {Command::qualify, "qualify", "", "Set up", "Put the sensors to the test: step, update period, faults",
     "Reads each sensor as often as it goes, for 10 s, the second half with all\n"
     "processors busy, and grades it: A nothing wrong, B timing or step, C single\n"
     "values, D not to be believed (exit status 1). Later runs use what was found.\n"},
    {Command::showconf, "showconf", "", "Set up", "Print the configuration and where each value comes from",
     "Prints the configuration in force in INI format. Strongest first: command line,\n"
     "PERUN_<NAME>, ./.perun.ini (or -c FILE, PERUN_CONFIGURATION),\n"
     "~/.config/perun.ini, /etc/perun.ini, defaults.\n"},
};

Status set(CommandLine& line, std::string_view key, std::string_view text) {
  line.settings.push_back({std::string(key), std::string(text), Layer::command_line, "command line"});
  return Ok{};
}

/// The seed gives -f to both --format and --frequency; no format begins like a number.
Status format_or_frequency(CommandLine& line, const std::string& text) {
  const bool number = !text.empty() && std::string_view("+-.0123456789").find(text[0]) != std::string_view::npos;
  return set(line, number ? "frequency" : "format", text);
}

Status output(CommandLine& line, const std::string& file) {
  std::error_code ignored;
  if (file.ends_with('/') || std::filesystem::is_directory(file, ignored)) return set(line, "data_out", file);
  if (file != "-" && format_of(file).empty())
    return Error{Errc::invalid, fmt::format("--output: the name '{}' does not end in a format", text::to_utf8(file)),
                 fmt::format("end it in .{}, or in / for the directory of the data files", fmt::join(report_formats, ", ."))};
  line.outputs.push_back(file);
  return Ok{};
}

/// Whether a word may mean a run; whether there is such a run only the file can tell.
bool may_be_run(std::string_view word) {
  constexpr std::string_view digits = "0123456789", others = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.:_/-";
  if (word == "last") return true;
  if (word.starts_with("last"))
    return word.size() > 5 && word[4] == '~' && word.size() < 14 && word.find_first_not_of(digits, 5) == std::string_view::npos;
  const auto known = [&](char c) {
    return digits.find(c) != std::string_view::npos || others.find(c) != std::string_view::npos;
  };
  return !word.empty() && word.front() != '-' && std::ranges::all_of(word, known);
}

Status run_choice(CommandLine& line, const std::string& text) {
  if (text != "all" && !std::ranges::all_of(text::split(text, ','), may_be_run))
    return Error{Errc::invalid,
                 fmt::format("--run: '{}' is not a number, last, last~N, the beginning of an id, or all", text::to_utf8(text))};
  line.run = text;
  return Ok{};
}

template <std::optional<std::string> CommandLine::*Member>
Status keep_text(CommandLine& line, const std::string& text) {
  line.*Member = text;
  return Ok{};
}

Status export_output(CommandLine& line, const std::string& file) {
  if (file.empty()) return Error{Errc::invalid, "--output: the name of the file is empty"};
  line.outputs = {file};
  return Ok{};
}

Status compare_output(CommandLine& line, const std::string& file) {
  if (file.empty()) return Error{Errc::invalid, "--output: the name of the file is empty"};
  line.outputs.push_back(file);
  return Ok{};
}

/// "0.95" or "95%".
Status confidence(CommandLine& line, const std::string& text) {
  auto digits = text::trim(text);
  const bool percent = digits.ends_with('%');
  if (percent) digits = text::trim(digits.substr(0, digits.size() - 1));
  const auto value = text::number(digits);
  const double share = value.value_or(0) / (percent ? 100 : 1);
  if (!(share >= 0.5 && share <= 0.9999))
    return Error{Errc::invalid, fmt::format("--confidence: '{}' is not within 0.5 and 0.9999", text::to_utf8(text))};
  line.confidence = share;
  return Ok{};
}

Status look_length(CommandLine& line, const std::string& text) {
  const auto ns = units::parse_duration_ns(text);
  constexpr std::int64_t second = 1'000'000'000;
  if (!ns) return Error{Errc::invalid, "--for: " + ns.error().what};
  if (*ns < second || *ns > 3600 * second)
    return Error{Errc::invalid, fmt::format("--for: {} is not within 1 s and 1 h", text)};
  line.length_ns = *ns;
  return Ok{};
}

template <auto Member>
Status turn_on(CommandLine& line, const std::string&) {
  line.*Member = true;
  return Ok{};
}

using enum Command;

constexpr Flag flags[] = {
    {"-f", "VALUE", "a format -> --format, a number -> --frequency", Scope::results, nothing, format_or_frequency},
    {"-o,--output", "FILE",
     "write the report there, format from the suffix; '-' is stdout; DIR/ means --data_out DIR; repeatable", Scope::results,
     nothing, output},
    {"--run", "N", "which runs: N, last (default), last~N, the beginning of an id, N,M or all", Scope::results, report,
     run_choice},
    {"--run", "N", "which runs: N, last, last~N, the beginning of an id, N,M or all (default)", Scope::results, postprocess,
     run_choice},
    {"--fail-if", "EXPR", "exit status 3 if so: energy>+5%, time>+10%, power, edp, REGION:energy>+5%; repeatable",
     Scope::everywhere, compare,
     [](CommandLine& line, const std::string& text) -> Status {
       line.fail_if.push_back(text);
       return Ok{};
     }},
    {"--confidence", "P", "of the intervals (default 0.95)", Scope::everywhere, compare, confidence},
    {"--allow-missing", "", "exit status 0 where a --fail-if cannot be decided", Scope::everywhere, compare,
     turn_on<&CommandLine::allow_missing>},
    {"-f,--format", "KIND", "txt (default), json, md or html", Scope::everywhere, compare, keep_text<&CommandLine::format>},
    {"-o,--output", "FILE", "write there, format from the suffix; '-' is stdout; repeatable", Scope::everywhere, compare,
     compare_output},
    {"--running", "", "the runs in progress, up to now; FILE may be a directory", Scope::results, report,
     turn_on<&CommandLine::running>},
    {"--forget", "", "measure without storing", Scope::everywhere, session, turn_on<&CommandLine::forget>},
    {"--dry-run", "", "say what would change, change nothing", Scope::results, postprocess, turn_on<&CommandLine::dry_run>},
    {"--run", "N", "which runs: N, last, last~N, the beginning of an id, N,M or all (default)", Scope::results, export_runs,
     run_choice},
    {"-f,--format", "KIND", "csv, json, jsonl, hdf5, firefox, chrome or perfetto; default: the suffix of -o", Scope::everywhere,
     export_runs, keep_text<&CommandLine::format>},
    {"-o,--output", "FILE", "write there instead of to stdout", Scope::everywhere, export_runs, export_output},
    {"--long", "", "csv: a line for each reading (default)", Scope::everywhere, export_runs,
     [](CommandLine& line, const std::string&) -> Status {
       line.wide = false;
       return Ok{};
     }},
    {"--wide", "", "csv: a line for each time, columns for each sensor", Scope::everywhere, export_runs,
     turn_on<&CommandLine::wide>},
    {"--regions", "", "csv, jsonl: a line for each region instead of the readings", Scope::everywhere, export_runs,
     turn_on<&CommandLine::regions>},
    {"--app", "GLOB", "list only runs of these applications", Scope::everywhere, runs, keep_text<&CommandLine::app>},
    {"--tag", "GLOB", "list only runs with such a tag; repeatable, then all of them", Scope::everywhere, runs,
     [](CommandLine& line, const std::string& text) -> Status {
       line.tags.push_back(text);
       return Ok{};
     }},
    {"--since", "DATE", "list only runs from then on: 2026-11-22, 2026-11-22T18:04 (UTC), 7d", Scope::everywhere, runs,
     keep_text<&CommandLine::since>},
    {"--until", "DATE", "list only runs up to then", Scope::everywhere, runs, keep_text<&CommandLine::until>},
    {"--compact", "", "delete: write the file anew, without the room of what is gone", Scope::everywhere, runs,
     turn_on<&CommandLine::compact>},
    {"--dry-run", "", "delete: say what would go, change nothing", Scope::everywhere, runs, turn_on<&CommandLine::dry_run>},
    {"--json", "", "as JSON", Scope::everywhere, runs, turn_on<&CommandLine::json>},
    {"--recompute", "", "figures from the readings, not as they were stored", Scope::results, report,
     turn_on<&CommandLine::recompute>},
    {"--run", "", "look at a run in progress", Scope::everywhere, Command::live, turn_on<&CommandLine::running>},
    {"--once", "", "one look as text (with --json: one line)", Scope::everywhere, Command::live, turn_on<&CommandLine::once>},
    {"--json", "", "a line of JSON whenever something was read", Scope::everywhere, Command::live, turn_on<&CommandLine::json>},
    {"--live", "", "what is measured now instead of stored runs", Scope::everywhere, Command::serve,
     turn_on<&CommandLine::live>},
    {"--run", "N", "which runs of FILE, as in perun report; with --live the id of a run in progress, or last",
     Scope::everywhere, Command::serve,
     [](CommandLine& line, const std::string& text) -> Status {
       line.run = text;
       return Ok{};
     }},
    {"-f", "HZ", "with --live: sampling rate (default 1)", Scope::everywhere, Command::serve,
     [](CommandLine& line, const std::string& text) { return set(line, "frequency", text); }},
    {"--listen", "ADDRESS:PORT", "where to (default 127.0.0.1:9810); port 0 takes a free one", Scope::everywhere,
     Command::serve, keep_text<&CommandLine::listen>},
    {"--otlp", "URL", "with --live: push metrics to an OpenTelemetry collector every 10 s (OTLP/JSON)", Scope::everywhere,
     Command::serve, keep_text<&CommandLine::otlp>},
    {"--otlp", "URL", "send the run's figures to an OpenTelemetry collector when it has ended (OTLP/JSON)", Scope::everywhere,
     Command::monitor, keep_text<&CommandLine::otlp>},
    {"--run", "N", "which run: N, last (default), last~N or the beginning of an id", Scope::everywhere, Command::plot,
     run_choice},
    {"-o,--output", "FILE", "the figure: FILE.svg, .png or .pdf", Scope::everywhere, Command::plot, export_output},
    {"--json", "", "as JSON", Scope::everywhere, sensors, turn_on<&CommandLine::json>},
    {"--json", "", "as JSON", Scope::everywhere, Command::recover, turn_on<&CommandLine::json>},
    {"--json", "", "as JSON", Scope::everywhere, doctor, turn_on<&CommandLine::json>},
    {"--json", "", "as JSON", Scope::everywhere, qualify, turn_on<&CommandLine::json>},
    {"--for", "TIME", "how long to look (default 10s)", Scope::everywhere, qualify, look_length},
    {"--no-load", "", "leave the processors alone", Scope::everywhere, qualify, turn_on<&CommandLine::no_load>},
    {"--fix-script", "", "print a shell script that lets a group read the counters", Scope::everywhere, doctor,
     turn_on<&CommandLine::fix_script>},
    {"--default", "", "the defaults, whatever is configured", Scope::everywhere, showconf, turn_on<&CommandLine::defaults>},
    {"--origin", "", "with the place each value comes from", Scope::everywhere, showconf, turn_on<&CommandLine::origin>},
    {"-c,--configuration", "FILE", "local INI file (default ./.perun.ini)", Scope::everywhere, nothing,
     [](CommandLine& line, const std::string& text) -> Status {
       line.configuration = text;
       return Ok{};
     }},
    {"-q,--quiet", "", "one line for a report, no warnings", Scope::everywhere, nothing, turn_on<&CommandLine::quiet>},
    {"-v,--verbose", "", "same as --log_lvl INFO", Scope::everywhere, nothing,
     [](CommandLine& line, const std::string&) { return set(line, "log_lvl", "INFO"); }},
    {"--version", "", "print the version", Scope::everywhere, version,
     [](CommandLine& line, const std::string&) -> Status {
       line.command = version;
       return Ok{};
     }},
    {"--licenses", "", "print perun's terms, and those of what is inside of it", Scope::everywhere, version,
     [](CommandLine& line, const std::string&) -> Status {
       line.command = Command::licenses;
       return Ok{};
     }},
    {"-h,--help", "", "print this", Scope::everywhere, nothing,
     [](CommandLine& line, const std::string&) -> Status {
       line.command = help;
       return Ok{};
     }},
};

}  // namespace

std::span<const CommandInfo> commands() noexcept {
  return all_commands;
}

const CommandInfo* find_command(Command command) noexcept {
  const auto row = std::ranges::find(all_commands, command, &CommandInfo::command);
  return row == std::end(all_commands) ? nullptr : &*row;
}

std::span<const Flag> command_line_flags() noexcept {
  return flags;
}

bool belongs(Scope scope, Command command) noexcept {
  if (command == nothing || command == showconf) return true;
  if (command == session || command == Command::live) command = monitor;
  switch (scope) {
    case Scope::everywhere:
      return true;
    case Scope::results:
      return command == monitor || command == report;
    case Scope::factors:
      return command == monitor || command == report || command == postprocess || command == Command::serve;
    case Scope::data:
      return command == monitor || command == report || command == runs || command == Command::compare ||
             command == Command::merge || command == Command::plot || command == Command::serve || command == doctor ||
             command == Command::recover;
    case Scope::monitor:
      return command == monitor;
    case Scope::sources:
      return command == monitor || command == sensors || command == doctor || command == qualify || command == Command::serve;
  }
  return false;
}

bool belongs(const Flag& flag, Command command) noexcept {
  if (flag.only == version) return command == nothing;
  if (flag.only != nothing) return command == flag.only;
  return belongs(flag.scope, command);
}

}  // namespace perun
