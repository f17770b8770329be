// SPDX-License-Identifier: BSD-3-Clause
#include "launch/child.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>
#include <utility>

extern char** environ;

namespace perun {

namespace {

/// The child's life up to exec. Only async-signal-safe calls.
[[noreturn]] void become(const char* file, char* const* argv, const SignalState& signals, int gate, int failed, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(125);
  char go = 0;
  ssize_t n = 0;
  do n = ::read(gate, &go, 1);
  while (n < 0 && errno == EINTR);
  if (n != 1) ::_exit(125);  // never released
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

}  // namespace

Result<Gate> Gate::make() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return Error{Errc::io, std::string("cannot make a pipe: ") + std::strerror(errno)};
  return Gate{Fd(ends[0]), Fd(ends[1])};
}

Result<Moment> open_gate(Fd& writer) {
  const Moment at = now();
  if (::write(writer.get(), "g", 1) != 1) return Error{Errc::io, "the program died before it began"};
  writer.reset();
  return at;
}

Error exec_error(const Program& program, int why) {
  const std::string& name = program.file;
  if (why == ENOENT)
    return {Errc::not_found, fmt::format("{}: cannot be run: it, or the interpreter it names, does not exist", name)};
  if (why == ENOEXEC)
    return {Errc::denied, fmt::format("{}: exec format error", name), "is it a script without a first line such as #!/bin/sh?"};
  return {Errc::denied, fmt::format("{}: cannot be run: {}", name, std::strerror(why))};
}

Result<Child> Child::spawn(const Program& program, const SignalState& signals, Gate& gate) {
  // Everything the child needs is made here: between fork and exec it may neither allocate nor lock.
  std::vector<char*> argv;
  for (const auto& word : program.argv) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  int failed[2];
  if (::pipe2(failed, O_CLOEXEC) != 0) return Error{Errc::io, std::string("cannot make a pipe: ") + std::strerror(errno)};
  Fd failed_read(failed[0]), failed_write(failed[1]);

  Child child;
  child.program_ = program;
  const pid_t parent = ::getpid();
  child.pid_ = ::fork();
  if (child.pid_ < 0) return Error{Errc::io, std::string("cannot start a process: ") + std::strerror(errno)};
  if (child.pid_ == 0) {
    gate.writer.reset();
    become(program.file.c_str(), argv.data(), signals, gate.reader.get(), failed_write.get(), parent);
  }
  gate.reader.reset();
  child.failed_ = std::move(failed_read);
  return child;
}

Status Child::executed() {
  int why = 0;
  ssize_t n = 0;
  do n = ::read(failed_.get(), &why, sizeof why);  // closed by a successful exec
  while (n < 0 && errno == EINTR);
  failed_.reset();
  if (n == sizeof why) return exec_error(program_, why);
  return Ok{};
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

Child::Child(Child&& o) noexcept
    : program_(std::move(o.program_)), pid_(std::exchange(o.pid_, -1)), failed_(std::move(o.failed_)) {}
Child& Child::operator=(Child&& o) noexcept {
  std::swap(program_, o.program_);
  std::swap(pid_, o.pid_);
  std::swap(failed_, o.failed_);
  return *this;
}
Child::~Child() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

}  // namespace perun
