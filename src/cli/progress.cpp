// SPDX-License-Identifier: BSD-3-Clause
#include "cli/progress.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/fd.hpp"
#include "cli/terminal.hpp"
#include "cli/watched.hpp"
#include "live/watch.hpp"
#include "report/layout.hpp"
#include "report/wording.hpp"

namespace perun {

namespace {

constexpr int period_ms = 1000;

bool is_set(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

/// The terminal that we were started from, if it is nobody else's.
Fd free_terminal() {
  const char* kind = std::getenv("TERM");
  if (::isatty(STDOUT_FILENO) == 1 || ::isatty(STDERR_FILENO) == 1 || is_set("CI")) return {};
  if (kind == nullptr || std::string_view(kind).empty() || std::string_view(kind) == "dumb") return {};
  Fd terminal(::open("/dev/tty", O_WRONLY | O_NOCTTY | O_CLOEXEC));
  if (terminal && ::tcgetpgrp(terminal.get()) != ::getpgrp()) terminal.reset();  // in the background
  return terminal;
}

std::string line_of(const live::RunView& view, std::size_t width) {
  const auto s = static_cast<std::int64_t>(view.elapsed_s);
  std::string line = fmt::format("perun: {}  {:02}:{:02}:{:02}", view.app, s / 3600, s / 60 % 60, s % 60);
  if (view.kind != Kind::unavailable)
    line += fmt::format("  {}  {}  {} CO2e{}", view.watts ? wording::watts(*view.watts) : "n/a", wording::joules(view.joules),
                        wording::co2e(view.co2e_kg), wording::tag(view.kind));
  if (!view.region.empty()) line += "  " + view.region;
  return layout::clipped(layout::ascii(layout::printable(line)), width);
}

[[noreturn]] void show(const Fd& terminal, const std::filesystem::path& data_out, const Config& config, pid_t launcher) {
  ::setpgid(0, 0);  // signals of the terminal are for the program
  ::signal(SIGTTOU, SIG_IGN);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  sigset_t set;
  ::sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGQUIT}) ::sigaddset(&set, number);
  ::sigprocmask(SIG_SETMASK, &set, nullptr);
  const int tty = ::dup2(terminal.get(), STDOUT_FILENO);
  ::close(STDIN_FILENO);
  ::close(STDERR_FILENO);
  ::close_range(STDERR_FILENO + 1, ~0U, 0);  // of the program: who reads them waits for their end
  const int signals = ::signalfd(-1, &set, SFD_CLOEXEC);
  live::Watch watch(journals_of_launcher(data_out, config, launcher));
  for (bool shown = false;;) {
    pollfd wait{signals, POLLIN, 0};
    if (::poll(&wait, 1, period_ms) > 0 || ::getppid() != launcher) {
      if (shown) static_cast<void>(write_text(tty, "\r\x1b[K"));
      ::_exit(0);
    }
    if (!watch.poll()) ::_exit(1);
    const auto view = watch.view();
    if (view.nodes.empty() || view.elapsed_s <= 0) continue;
    winsize size{};
    const std::size_t width = ::ioctl(tty, TIOCGWINSZ, &size) == 0 && size.ws_col > 8 ? size.ws_col : 80;
    shown = write_text(tty, "\r" + line_of(view, width - 1) + "\x1b[K") || shown;
  }
}

}  // namespace

Progress Progress::start(const std::filesystem::path& data_out, const Config& config) {
  const Fd terminal = free_terminal();
  if (!terminal) return {};
  const pid_t launcher = ::getpid(), pid = ::fork();
  if (pid == 0) show(terminal, data_out, config, launcher);
  return Progress(pid);
}

Progress::~Progress() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGTERM);
  ::waitpid(pid_, nullptr, 0);
}

}  // namespace perun
