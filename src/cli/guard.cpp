// SPDX-License-Identifier: BSD-3-Clause
#include "cli/guard.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/text.hpp"
#include "cli/commands.hpp"

namespace perun {

namespace {

constexpr std::array crashes{SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGXCPU};

/// HDF5 walks in circles in some damaged files. What a sound file takes is far less.
void limit_time(const std::filesystem::path& file) {
  constexpr rlim_t least_s = 5, s_per_MB = 2, unknown_s = 600;
  std::error_code failed;
  const auto size = std::filesystem::file_size(file, failed);
  const rlim_t most = failed ? unknown_s : least_s + s_per_MB * (size >> 20);
  const rlimit limit{most, most + 1};
  ::setrlimit(RLIMIT_CPU, &limit);
}

[[noreturn]] void run(const std::filesystem::path& file, const std::function<int()>& command) {
  limit_time(file);
  // A sanitizer's own handlers would make a crash look like an ending; and no core is worth keeping of a bad file.
  for (const int number : crashes) ::signal(number, SIG_DFL);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // who ends perun means all of it
  const int status = command();
  std::fflush(nullptr);
  ::_exit(status);
}

}  // namespace

int guarded(const std::filesystem::path& file, const std::function<int()>& command) {
  std::fflush(nullptr);
  const pid_t pid = ::fork();
  if (pid < 0) return command();
  if (pid == 0) run(file, command);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  const int number = WTERMSIG(status);
  if (std::ranges::find(crashes, number) == crashes.end()) {
    ::signal(number, SIG_DFL);
    ::raise(number);
    return 128 + number;
  }
  const auto name = file.empty() ? std::string("a data file") : fmt::format("'{}'", text::to_utf8(file.string()));
  complain({Errc::format, fmt::format("{} is damaged: reading it ended by signal {} ({})", name, number, ::strsignal(number)),
            "restore it from a copy; h5dump may show what is left"});
  return 1;
}

}  // namespace perun
