// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "cli/commands.hpp"
#include "cli/live_wishes.hpp"
#include "cli/measuring.hpp"
#include "cli/terminal.hpp"
#include "cli/watched.hpp"
#include "host/clock.hpp"
#include "live/keys.hpp"
#include "live/processes.hpp"
#include "live/screen.hpp"
#include "live/watch.hpp"

namespace perun {

namespace {

constexpr std::int64_t redraw_ns = 250'000'000;  // four times a second
constexpr std::int64_t processes_ns = 1'000'000'000;
constexpr int failed = 1, wrong_usage = 2;

/// Signals that end the view, or are the program's.
class Signals {
 public:
  Signals() {
    sigset_t set;
    ::sigemptyset(&set);
    for (const int s : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) ::sigaddset(&set, s);
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
    fd_ = Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  }
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  std::optional<int> next() const {
    signalfd_siginfo info{};
    if (::read(fd_.get(), &info, sizeof info) != sizeof info) return std::nullopt;
    return static_cast<int>(info.ssi_signo);
  }

 private:
  Fd fd_;
};

/// What the loops share.
struct Session {
  Watched& watched;
  const Signals& signals;
  bool program = false;  ///< it is a program's: signals are for it, and its end is the end

  /// Signals to the program; true: to leave.
  [[nodiscard]] bool hear() const {
    while (const auto number = signals.next()) {
      if (!program) return true;
      watched.measuring()->signal(*number);
    }
    return false;
  }
  [[nodiscard]] bool over() const {
    return watched.measuring() != nullptr ? watched.measuring()->ended().has_value() : watched.watch().over();
  }
};

void wait_for(std::int64_t until_ns, std::initializer_list<int> fds) {
  std::vector<pollfd> wait;
  for (const int fd : fds)
    if (fd >= 0) wait.push_back({fd, POLLIN, 0});
  const auto left = until_ns - clock_ns(CLOCK_MONOTONIC);
  ::poll(wait.data(), wait.size(), static_cast<int>(std::max<std::int64_t>(0, (left + 999'999) / 1'000'000)));
}

/// The view on the terminal, until it is left or there is nothing more to see.
Status show(const Session& session, const Style& style, LiveWishes& wishes) {
  auto screen = live::Screen::open({.color = style.color});
  if (!screen) return screen.error();
  live::Choice choice;
  choice.utf8 = style.utf8 && screen->utf8();
  live::RunView view;
  live::Processes processes(static_cast<unsigned>(::sysconf(_SC_NPROCESSORS_ONLN)));
  Kind processes_kind = Kind::measured;
  std::int64_t next_ns = 0, next_processes_ns = 0;
  Status read = Ok{};
  for (;;) {
    bool changed = false;
    while (const auto key = screen->key()) {
      if (!live::press(choice, *key)) return Ok{};
      changed = true;
    }
    Measuring* const measuring = session.watched.measuring();
    if (measuring != nullptr) measuring->collect();
    if (session.hear() || session.over()) return Ok{};
    const std::int64_t now_ns = clock_ns(CLOCK_MONOTONIC);
    if (now_ns >= next_ns) {
      next_ns = now_ns + redraw_ns;
      read = session.watched.watch().poll();
      if (!read) return read;
      changed = true;
    }
    if (now_ns >= next_processes_ns) {
      next_processes_ns = now_ns + processes_ns;
      if (const auto here = session.watched.watch().here()) {
        processes.look(here->key, here->cpu_J, now_ns);
        processes_kind = here->kind;
      }
    }
    changed = wishes.serve(choice, view, now_ns) || changed;
    if (changed) {
      choice.width = screen->width();
      choice.height = screen->height();
      if (!choice.paused || view.nodes.empty()) {
        view = session.watched.watch().view(choice.window_s, live::pieces(choice));
        view.processes = processes.busiest();
        view.processes_kind = processes_kind;
      }
      if (measuring != nullptr && session.program) choice.log = measuring->lines();
      if (!choice.log.empty() && choice.log.back().empty()) choice.log.pop_back();
      screen->draw(live::frame(view, choice));
    }
    wait_for(next_ns, {STDIN_FILENO, session.signals.fd(), measuring != nullptr ? measuring->fd() : -1});
  }
}

/// A line of JSON whenever something new was read, and one at the end.
Status print_lines(const Session& session) {
  double shown_s = -1;
  for (;;) {
    const bool last = session.hear() || session.over();
    if (auto read = session.watched.watch().poll(); !read) return read;
    const auto view = session.watched.watch().view();
    if (!view.nodes.empty() && (view.elapsed_s > shown_s || last)) {
      shown_s = view.elapsed_s;
      if (!write_text(STDOUT_FILENO, live::json_line(view) + "\n")) return Ok{};  // nobody reads any more
    }
    if (last) return Ok{};
    wait_for(clock_ns(CLOCK_MONOTONIC) + redraw_ns, {session.signals.fd()});
  }
}

/// One look, as soon as there is a power to see.
Status print_once(const Session& session, const Style& style, bool json) {
  constexpr std::int64_t longest_ns = 10'000'000'000;
  const std::int64_t until_ns = clock_ns(CLOCK_MONOTONIC) + longest_ns;
  live::Choice choice{.utf8 = style.utf8};
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) choice.width = size.ws_col;
  choice.height = 200;
  choice.hint = " ";
  live::RunView view;
  while (true) {
    if (auto read = session.watched.watch().poll(); !read) return read;
    view = session.watched.watch().view(choice.window_s, live::pieces(choice));
    const bool seen = !view.nodes.empty() && (view.watts || view.kind == Kind::unavailable);
    if (seen || session.hear() || session.over() || clock_ns(CLOCK_MONOTONIC) > until_ns) break;
    wait_for(clock_ns(CLOCK_MONOTONIC) + redraw_ns / 5, {session.signals.fd()});
  }
  std::string text;
  if (json) {
    text = live::json_line(view) + "\n";
  } else {
    auto lines = live::frame(view, choice);
    std::erase_if(lines, [](const live::Line& line) { return line.text.find_first_not_of(' ') == std::string::npos; });
    for (const auto& line : lines) text += line.text + "\n";
  }
  static_cast<void>(write_text(STDOUT_FILENO, text));
  return Ok{};
}

int fail(const Error& error, int status = failed) {
  complain(error);
  return status;
}

}  // namespace

int watch_live(const CommandLine& line, const Resolved& resolved) {
  const Signals signals;
  const bool program = !line.running && !line.program.empty();
  if (program && line.once)
    return fail({Errc::invalid, "--once looks at this machine, or with --run at a run in progress",
                 "start the program with 'perun monitor' and look with 'perun live --run --once'"},
                wrong_usage);
  const Style style = style_for(STDOUT_FILENO, resolved.config);
  const bool screen = !line.once && !line.json;
  if (screen && (::isatty(STDIN_FILENO) != 1 || ::isatty(STDOUT_FILENO) != 1))
    return fail({Errc::unsupported, "the live view needs a terminal", "use --once for one look or --json for lines of JSON"},
                wrong_usage);
  auto watched =
      Watched::start(line, resolved.config, screen || !program ? Measuring::Output::kept : Measuring::Output::to_stderr);
  if (!watched) return fail(watched.error());
  const Session session{*watched, signals, program};
  LiveWishes wishes(line, resolved, *watched);
  const Status done = line.once   ? print_once(session, style, line.json)
                      : line.json ? print_lines(session)
                                  : show(session, style, wishes);
  if (!done) complain(done.error());
  if (program) {
    const int status = watched->measuring()->print_and_wait();
    return done ? status : failed;
  }
  if (watched->measuring() != nullptr && watched->measuring()->ended()) {  // it should have gone on
    watched->measuring()->print_and_wait();
    return failed;
  }
  return done ? 0 : failed;
}

}  // namespace perun
