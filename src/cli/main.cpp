// SPDX-License-Identifier: BSD-3-Clause
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "cli/commands.hpp"
#include "cli/guard.hpp"
#include "cli/help.hpp"
#include "cli/licenses.hpp"
#include "version.hpp"

namespace {

using namespace perun;

constexpr int usage_error = 2;

Surroundings surroundings(const CommandLine& line) {
  Surroundings around;
  around.command_line = line.settings;
  around.configuration = line.configuration;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string variable = *entry;
    if (const auto sign = variable.find('='); sign != std::string::npos)
      around.environment.emplace(variable.substr(0, sign), variable.substr(sign + 1));
  }
  return around;
}

int fail(const Error& error) {
  complain(error);
  return usage_error;
}

/// A stream that perun was started without must be missing in the program too, and no file of ours may take its
/// place: a stand-in that closes itself on exec.
void hold_closed_streams() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd)
    if (::fcntl(fd, F_GETFD) < 0) static_cast<void>(::open("/dev/null", O_RDWR | O_CLOEXEC));
}

}  // namespace

int main(int argc, char** argv) {
  hold_closed_streams();
  const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
  const auto line = parse_command_line(words);
  if (!line) return fail(line.error());
  if (line->command == Command::help) return print(help(line->topic)) ? 0 : 1;
  if (line->command == Command::version) return print(fmt::format("perun {}\n", version)) ? 0 : 1;
  if (line->command == Command::licenses) return print(licenses()) ? 0 : 1;
  if (line->command == Command::nothing) return std::fputs(help(Command::nothing).c_str(), stderr), usage_error;

  if (line->command == Command::mark) return mark(*line);

  const auto resolved = line->defaults ? Result<Resolved>(Resolved{}) : resolve(surroundings(*line));
  if (!resolved) return fail(resolved.error());
  if (!line->quiet)
    for (const auto& warning : resolved->warnings) complain({Errc::invalid, "warning: " + warning});
  switch (line->command) {
    case Command::monitor:
    case Command::session:
      return monitor(*line, *resolved);
    case Command::live:
      return watch_live(*line, *resolved);
    case Command::report:
      return guarded(line->file.value_or(""), [&] { return report(*line, *resolved); });
    case Command::compare:
      return guarded("", [&] { return compare(*line, *resolved); });
    case Command::postprocess:
      return guarded(*line->file, [&] { return postprocess(*line, *resolved); });
    case Command::recover:
      return guarded("", [&] { return recover(*line, *resolved); });
    case Command::runs:
      return guarded("", [&] { return runs(*line, *resolved); });
    case Command::export_runs:
      return guarded(line->file.value_or(""), [&] { return export_runs(*line, *resolved); });
    case Command::plot:
      return guarded(line->file.value_or(""), [&] { return plot(*line, *resolved); });
    case Command::serve:
      return serve_pages(*line, *resolved);
    case Command::merge:
      return guarded("", [&] { return merge(*line, *resolved); });
    case Command::sensors:
      return sensors(*line, *resolved);
    case Command::doctor:
      return doctor(*line, *resolved);
    case Command::qualify:
      return qualify(*line, *resolved);
    default:
      return showconf(*line, *resolved);
  }
}
