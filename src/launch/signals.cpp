// SPDX-License-Identifier: BSD-3-Clause
#include "launch/signals.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "host/sysfs.hpp"

namespace perun {

namespace {

constexpr std::int64_t canary_time_ns = 50'000'000;

/// Everything that can be caught and is not the fault of the receiver itself.
sigset_t relayed() {
  sigset_t set{};
  ::sigfillset(&set);
  for (const int own : {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS, SIGPIPE, SIGTTIN, SIGTTOU})
    ::sigdelset(&set, own);
  return set;
}

[[noreturn]] void be_canary(int report, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::prctl(PR_SET_NAME, "perun-canary");
  if (::getppid() != parent) ::_exit(0);
  // It holds none of the program's pipes open.
  if (report != 3) ::dup2(report, 3);
  ::close_range(4, ~0U, 0);
  for (int fd = 0; fd < 3; ++fd) ::close(fd);
  sigset_t set = relayed();
  ::sigdelset(&set, SIGCHLD);
  for (;;) {
    const int signal = ::sigwaitinfo(&set, nullptr);
    const auto byte = static_cast<unsigned char>(signal);
    if (signal > 0 && ::write(3, &byte, 1) != 1) ::_exit(0);
  }
}

bool ignored(int signal) {
  struct sigaction action {};
  return ::sigaction(signal, nullptr, &action) == 0 && (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == SIG_IGN;
}

/// Whether a signal waits in a process that had no chance to run yet (a busy machine): the kernel knows.
bool pending(pid_t pid, int signal) {
  const auto status = sysfs::text("/proc/" + std::to_string(pid) + "/status");
  if (!status) return false;
  for (const std::string_view field : {"\nShdPnd:\t", "\nSigPnd:\t"}) {
    const auto at = status->find(field);
    if (at == std::string::npos) continue;
    const std::uint64_t mask = std::strtoull(status->c_str() + at + field.size(), nullptr, 16);
    if ((mask >> (signal - 1) & 1) != 0) return true;
  }
  return false;
}

}  // namespace

Result<SignalRelay> SignalRelay::start() {
  SignalRelay relay;
  relay.before_.pipe_ignored = ignored(SIGPIPE);
  relay.before_.child_ignored = ignored(SIGCHLD);
  ::signal(SIGPIPE, SIG_IGN);  // a closed stderr must not end the measuring
  ::signal(SIGCHLD, SIG_DFL);  // an ignored one would take the exit status away
  sigset_t set = relayed();
  ::sigprocmask(SIG_BLOCK, &set, &relay.before_.mask);
  // Writing to the terminal from the background must not stop us; SIGTTIN and SIGTTOU are never passed on.
  sigset_t tty{};
  ::sigemptyset(&tty);
  ::sigaddset(&tty, SIGTTIN);
  ::sigaddset(&tty, SIGTTOU);
  ::sigprocmask(SIG_BLOCK, &tty, nullptr);
  relay.signals_ = Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  int pipe[2];
  if (!relay.signals_ || ::pipe2(pipe, O_CLOEXEC | O_NONBLOCK) != 0)
    return Error{Errc::io, std::string("cannot watch for signals: ") + std::strerror(errno)};
  relay.canary_ = Fd(pipe[0]);
  const Fd report(pipe[1]);
  const pid_t parent = ::getpid();
  relay.canary_pid_ = ::fork();
  if (relay.canary_pid_ < 0) return Error{Errc::io, std::string("cannot start a process: ") + std::strerror(errno)};
  if (relay.canary_pid_ == 0) be_canary(report.get(), parent);
  return relay;
}

SignalRelay::News SignalRelay::collect(std::int64_t now_ns) {
  News news;
  const auto forget = [&](std::vector<Seen>& seen, int signal) {
    const auto it = std::find_if(seen.begin(), seen.end(), [&](const Seen& s) { return s.signal == signal; });
    if (it == seen.end()) return false;
    seen.erase(it);
    return true;
  };
  std::erase_if(grouped_, [&](const Seen& s) { return now_ns - s.at_ns > canary_time_ns; });
  std::array<unsigned char, 64> bytes{};
  ssize_t n = 0;
  while ((n = ::read(canary_.get(), bytes.data(), bytes.size())) > 0)
    for (ssize_t i = 0; i < n; ++i)
      if (const int signal = bytes[static_cast<std::size_t>(i)]; !forget(waiting_, signal))
        grouped_.push_back({signal, now_ns});
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
    const int signal = static_cast<int>(info.ssi_signo);
    if (signal == SIGCHLD) {
      news.child_changed = true;
      continue;
    }
    news.received.push_back(signal);
    if (!forget(grouped_, signal)) waiting_.push_back({signal, now_ns});
  }
  return news;
}

std::vector<int> SignalRelay::due(std::int64_t now_ns) {
  std::vector<int> out;
  std::erase_if(waiting_, [&](const Seen& s) {
    if (now_ns - s.at_ns < canary_time_ns) return false;
    if (!pending(canary_pid_, s.signal)) out.push_back(s.signal);
    return true;
  });
  return out;
}

int SignalRelay::timeout_ms(std::int64_t now_ns) const {
  if (waiting_.empty()) return -1;
  const std::int64_t left = waiting_.front().at_ns + canary_time_ns - now_ns;
  return static_cast<int>(std::max<std::int64_t>(0, left / 1'000'000 + 1));
}

void SignalRelay::retire_canary() noexcept {
  if (canary_pid_ > 0) ::kill(canary_pid_, SIGKILL);
}

SignalRelay::SignalRelay(SignalRelay&& o) noexcept
    : before_(o.before_),
      signals_(std::move(o.signals_)),
      canary_(std::move(o.canary_)),
      canary_pid_(std::exchange(o.canary_pid_, -1)),
      waiting_(std::move(o.waiting_)),
      grouped_(std::move(o.grouped_)) {}

SignalRelay::~SignalRelay() {
  if (canary_pid_ <= 0) return;
  ::kill(canary_pid_, SIGKILL);
  ::waitpid(canary_pid_, nullptr, 0);
}

}  // namespace perun
