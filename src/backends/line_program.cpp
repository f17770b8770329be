// SPDX-License-Identifier: BSD-3-Clause
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "backends/files.hpp"
#include "backends/line_stream.hpp"
#include "backends/program_groups.hpp"

namespace perun {

namespace {

/// Ends the whole group of the program. When its output had `ended` it may be about to end by itself: then says how.
std::string end(ProgramGroups& programs, pid_t& pid, bool ended) {
  constexpr timespec pause{0, 5'000'000};
  if (pid <= 0) return {};
  int status = 0;
  siginfo_t info{};
  const auto is_over = [&] {
    return ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
  };
  bool by_itself = is_over();
  for (int i = 0; i < 100 && ended && !by_itself; ++i) {
    ::nanosleep(&pause, nullptr);
    by_itself = is_over();
  }
  ::kill(-pid, SIGKILL);  // what it left behind too
  programs.reap(pid, status);
  pid = -1;
  if (!by_itself) return {};
  return WIFEXITED(status) ? fmt::format("exit status {}", WEXITSTATUS(status)) : fmt::format("signal {}", WTERMSIG(status));
}

/// The program with its output in `to`: a group of its own, so that ^C on a terminal is the measured program's alone.
int start(std::vector<std::string> words, int to, pid_t& pid) {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&files, to, 1);
  ::posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
  sigset_t none;
  sigset_t all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setpgroup(&attributes, 0);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const int failed = ::posix_spawn(&pid, words[0].c_str(), &files, &attributes, arguments.data(), environ);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&files);
  return failed;
}

}  // namespace

Probe listen_to_program(std::vector<std::string> words, LineSource source, const ProbeContext& context) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return Blocked{source.name + ": " + files::reason(errno), ""};
  source.stream = Fd(pipe[0]);
  Fd to(pipe[1]);
  const auto programs = context.programs ? context.programs : std::make_shared<ProgramGroups>();
  const auto pid = std::make_shared<pid_t>(-1);
  if (const int failed = start(std::move(words), to.get(), *pid); failed != 0)
    return Blocked{source.name + ": " + files::reason(failed), ""};
  programs->add(*pid);
  to.reset();  // else its end would never be seen
  source.end = [programs, pid](bool ended) { return end(*programs, *pid, ended); };
  return listen(std::move(source), context.host.now_ns);
}

}  // namespace perun
