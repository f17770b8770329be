// SPDX-License-Identifier: BSD-3-Clause
#include "launch/child.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "base/fd.hpp"

extern char** environ;

namespace perun {

namespace {

/// What happens between vfork and exec. Only async-signal-safe calls, and nothing of the parent's memory changes.
[[noreturn]] void become(const char* file, char* const* argv, const SignalState& signals, int failed, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(125);
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  ::sigaction(SIGPIPE, signals.pipe_ignored ? &ignore : &standard, nullptr);
  if (signals.child_ignored) ::sigaction(SIGCHLD, &ignore, nullptr);
  ::sigprocmask(SIG_SETMASK, &signals.mask, nullptr);
  ::execve(file, argv, environ);
  const int why = errno;
  [[maybe_unused]] const auto told = ::write(failed, &why, sizeof why);
  ::_exit(127);
}

Error exec_error(const Program& program, int why) {
  const std::string& name = program.file;
  if (why == ENOENT)
    return {Errc::not_found, fmt::format("{}: cannot be run: it, or the interpreter it names, does not exist", name)};
  if (why == ENOEXEC)
    return {Errc::denied, fmt::format("{}: exec format error", name), "is it a script without a first line such as #!/bin/sh?"};
  return {Errc::denied, fmt::format("{}: cannot be run: {}", name, std::strerror(why))};
}

}  // namespace

Result<Child> Child::start(const Program& program, const SignalState& signals) {
  std::vector<char*> argv;
  for (const auto& word : program.argv) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  int failed[2];
  if (::pipe2(failed, O_CLOEXEC) != 0) return Error{Errc::io, std::string("cannot make a pipe: ") + std::strerror(errno)};
  const Fd reason(failed[0]);
  Fd report(failed[1]);
  // Not fork(): copying the page tables takes ten times as long, and the program would have to wait for it.
  const pid_t parent = ::getpid();
  const pid_t pid = ::vfork();
  if (pid == 0) become(program.file.c_str(), argv.data(), signals, report.get(), parent);
  if (pid < 0) return Error{Errc::io, std::string("cannot start a process: ") + std::strerror(errno)};
  Child child(pid);
  report.reset();
  int why = 0;
  ssize_t n = 0;
  do n = ::read(reason.get(), &why, sizeof why);  // closed by a successful exec
  while (n < 0 && errno == EINTR);
  if (n == sizeof why) return exec_error(program, why);
  return child;
}

Child::Change Child::poll() {
  Change change;
  int status = 0;
  if (pid_ < 0 || ::wait4(pid_, &status, WNOHANG | WUNTRACED | WCONTINUED, &change.usage) != pid_) return change;
  change.at = now();
  if (WIFSTOPPED(status)) {
    change.what = Change::What::stopped;
    change.signal = WSTOPSIG(status);
  } else if (WIFCONTINUED(status)) {
    change.what = Change::What::continued;
  } else {
    change.what = Change::What::ended;
    change.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    change.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + change.signal;
    pid_ = -1;
  }
  return change;
}

void Child::send(int signal) noexcept {
  if (pid_ > 0) ::kill(pid_, signal);
}

Child::Child(Child&& o) noexcept : pid_(std::exchange(o.pid_, -1)) {}
Child& Child::operator=(Child&& o) noexcept {
  std::swap(pid_, o.pid_);
  return *this;
}
Child::~Child() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

}  // namespace perun
