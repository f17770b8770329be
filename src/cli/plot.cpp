// SPDX-License-Identifier: BSD-3-Clause
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/text.hpp"
#include "cli/archive.hpp"
#include "cli/commands.hpp"
#include "cli/recovery.hpp"
#include "cli/terminal.hpp"
#include "cli/timelines.hpp"
#include "report/trace/figure.hpp"

namespace perun {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t most_readings = 2'000'000;

struct Terminal {
  std::string_view suffix, words;
};
constexpr std::array<Terminal, 3> terminals{{{".svg", "svg size 900,500 background rgb 'white' font 'sans,12'"},
                                             {".png", "pngcairo size 1800,1000 fontscale 1.6 background rgb 'white'"},
                                             {".pdf", "pdfcairo size 18cm,10cm background rgb 'white'"}}};

int fail(const Error& error, int status = 1) {
  complain(error);
  return status;
}

/// gnuplot with a script as its input and the figure as its output.
Status draw(const std::string& script, const std::string& file) {
  const Error missing{Errc::not_found, "gnuplot, which draws the figure, cannot be found",
                      "install it (Debian: apt install gnuplot-nox), or use 'perun report --format html'"};
  const std::string part = file + ".part";
  const Fd out(::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (!out)
    return Error{Errc::io, fmt::format("cannot write {}: {}", file, std::strerror(errno)), "choose another place with -o"};
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return Error{Errc::io, fmt::format("cannot make a pipe: {}", std::strerror(errno))};
  Fd from(ends[0]), to(ends[1]);
  const pid_t pid = ::fork();
  if (pid < 0) return Error{Errc::io, fmt::format("cannot start a process: {}", std::strerror(errno))};
  if (pid == 0) {
    ::dup2(from.get(), STDIN_FILENO);
    ::dup2(out.get(), STDOUT_FILENO);
    ::execlp("gnuplot", "gnuplot", "-d", "-", nullptr);
    ::_exit(errno == ENOENT ? 127 : 126);
  }
  from.reset();
  ::signal(SIGPIPE, SIG_IGN);
  const bool written = write_text(to.get(), script);
  to.reset();
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  const bool done = written && WIFEXITED(status) && WEXITSTATUS(status) == 0 && ::rename(part.c_str(), file.c_str()) == 0;
  if (done) return Ok{};
  ::unlink(part.c_str());
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127) return missing;
  return Error{Errc::io, fmt::format("gnuplot could not draw {}", file), "what it said stands above"};
}

}  // namespace

int plot(const CommandLine& line, const Resolved& resolved) {
  const std::string& figure = line.outputs.front();
  const auto suffix = fs::path(figure).extension().string();
  const Terminal* terminal = nullptr;
  for (const auto& known : terminals)
    if (known.suffix == suffix) terminal = &known;
  if (terminal == nullptr)
    return fail(
        {Errc::invalid, fmt::format("--output: the name '{}' does not end in .svg, .png or .pdf", text::to_utf8(figure))}, 2);
  fs::path file = line.file.value_or("");
  if (!line.file) {
    for (const auto& recovered : recover(resolved.config.data_out, resolved.config)) say(recovered);
    const auto newest = newest_file(resolved.config.data_out);
    if (!newest) return fail(newest.error());
    file = *newest;
  }
  const auto source = Source::open(file);
  if (!source) return fail(source.error());
  const auto numbers = choose_runs(*source, file, line.run.value_or("last"));
  if (!numbers) return fail(numbers.error());
  if (numbers->size() != 1)
    return fail({Errc::invalid, fmt::format("a figure is of one run, not of {}", numbers->size()), "choose one with --run"}, 2);
  const auto run = drawn_run(*source, numbers->front(), most_readings);
  if (!run) return fail(run.error());
  if (run->timeline.power.empty())
    return fail({Errc::unsupported, fmt::format("run {} has no power to draw: nothing was measured", numbers->front())});
  const auto drawn = draw(trace::figure(run->summary, run->timeline, terminal->words), figure);
  return drawn ? 0 : fail(drawn.error());
}

}  // namespace perun
