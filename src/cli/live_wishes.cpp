// SPDX-License-Identifier: BSD-3-Clause
#include "cli/live_wishes.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "base/text.hpp"
#include "cli/archive.hpp"
#include "cli/commands.hpp"
#include "launch/region_watch.hpp"
#include "regions/shell.hpp"

namespace perun {

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t notice_ns = 5'000'000'000;

}  // namespace

LiveWishes::~LiveWishes() {
  if (saver_ <= 0) return;
  // What was asked for is written, unless the disk does not take it.
  for (int tries = 0; tries < 250; ++tries) {
    if (::waitpid(saver_, nullptr, WNOHANG) != 0) return;
    ::usleep(20'000);
  }
  ::kill(saver_, SIGKILL);
}

bool LiveWishes::serve(live::Choice& choice, const live::RunView& view, std::int64_t now_ns) {
  std::optional<std::string> notice;
  if (const auto wish = std::exchange(choice.wish, live::Wish::none); !view.nodes.empty()) {
    if (wish == live::Wish::mark) notice = mark();
    if (wish == live::Wish::save) notice = save(view);
  }
  if (!notice) notice = saved();
  if (!notice && !choice.notice.empty() && now_ns > notice_until_ns_) notice = "";
  if (!notice) return false;
  choice.notice = *std::move(notice);
  notice_until_ns_ = now_ns + notice_ns;
  return true;
}

std::string LiveWishes::mark() {
  const auto here = watched_.watch().here();
  if (!here) return "no mark: the run is not on this machine";
  for (const int rank : here->ranks)
    for (const RegionPaths& paths : region_paths(here->folder, here->run_id, rank)) {
      if (::access(paths.marks.c_str(), R_OK | W_OK) != 0) continue;
      auto marks = ShellMarks::open(paths.marks);
      const std::string name = fmt::format("live mark {}", marks_ + 1);
      const Status set = marks ? marks->set({.kind = ShellMark::Kind::moment, .name = name}) : Status(marks.error());
      if (!set) return "no mark: " + set.error().what;
      announce_marks(paths.sock);
      ++marks_;
      return fmt::format("marked: {}", name);
    }
  return "no mark: no program of the run takes marks on this machine";
}

/// A process of its own makes the report, however long that takes.
std::string LiveWishes::save(const live::RunView& view) {
  if (saver_ > 0) return fmt::format("still writing {}", file_.string());
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return "not written: there is no pipe";
  Fd from(ends[0]), to(ends[1]);
  file_ = fmt::format("{}-{:.0f}s.json", view.app, view.elapsed_s);
  const pid_t parent = ::getpid();
  saver_ = ::fork();
  if (saver_ < 0) return "not written: no process could be started";
  if (saver_ > 0) {
    complaints_ = std::move(from);
    return fmt::format("writing {}", file_.string());
  }
  ::setpgid(0, 0);  // the terminal's signals are not for it, others are
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  const int nothing = ::open("/dev/null", O_RDWR);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(nothing, STDOUT_FILENO);
  ::dup2(to.get(), STDERR_FILENO);
  CommandLine line = line_;
  line.command = Command::report;
  line.running = true;
  line.json = line.once = false;
  line.program.clear();
  line.file = data_file(watched_.data_out(), view.app).string();
  line.outputs = {file_.string()};
  ::_exit(report(line, resolved_));
}

std::optional<std::string> LiveWishes::saved() {
  int status = 0;
  if (saver_ <= 0 || ::waitpid(saver_, &status, WNOHANG) != saver_) return std::nullopt;
  saver_ = -1;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return fmt::format("written: {}", file_.string());
  std::array<char, 512> words{};
  const ssize_t n = ::read(complaints_.get(), words.data(), words.size());
  const std::string_view said(words.data(), n > 0 ? static_cast<std::size_t>(n) : 0);
  return "not written: " + std::string(text::trim(said.substr(0, said.find('\n'))));
}

}  // namespace perun
