// SPDX-License-Identifier: BSD-3-Clause
#include "cli/pusher.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/text.hpp"
#include "host/clock.hpp"
#include "host/installed.hpp"

namespace perun {

namespace {

constexpr int pause_ms = 10;

}  // namespace

Status Pusher::check(const std::string& url) {
  if (url.starts_with("http://") || url.starts_with("https://")) return Ok{};
  return Error{Errc::invalid, fmt::format("--otlp: '{}' is not like http://localhost:4318", text::printable(url))};
}

Result<Pusher> Pusher::start(const std::string& url) {
  if (auto good = check(url); !good) return good.error();
  const auto program = installed_file("perun-otlp");
  if (program.empty())
    return Error{Errc::not_found, "perun-otlp is neither beside perun nor in ../libexec/perun", "install perun as a whole"};
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return Error{Errc::io, fmt::format("cannot make a pipe: {}", std::strerror(errno))};
  Fd from(ends[0]), to(ends[1]);
  ::fcntl(to.get(), F_SETFL, O_NONBLOCK);
  const pid_t pid = ::fork();
  if (pid < 0) return Error{Errc::io, fmt::format("cannot start a process: {}", std::strerror(errno))};
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::dup2(from.get(), STDIN_FILENO);
    ::execl(program.c_str(), "perun-otlp", url.c_str(), nullptr);
    ::_exit(127);
  }
  ::signal(SIGPIPE, SIG_IGN);
  return Pusher(pid, std::move(to));
}

Pusher::~Pusher() {
  if (pid_ <= 0) return;
  to_.reset();
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void Pusher::push(std::string document) {
  if (rest_.empty()) queue(std::move(document));
  write();
}

void Pusher::queue(std::string document) {
  rest_ += std::move(document) + "\n";
}

bool Pusher::finish(int timeout_ms) {
  const std::int64_t until_ns = clock_ns(CLOCK_MONOTONIC) + std::int64_t{timeout_ms} * 1'000'000;
  for (;; ::poll(nullptr, 0, pause_ms)) {
    write();
    if (rest_.empty() || !to_) to_.reset();  // which tells it that nothing more comes
    if (::waitpid(pid_, nullptr, WNOHANG) == pid_) {
      pid_ = -1;
      return true;
    }
    if (clock_ns(CLOCK_MONOTONIC) > until_ns) return false;
  }
}

void Pusher::write() {
  while (!rest_.empty() && to_) {
    const ssize_t n = ::write(to_.get(), rest_.data(), rest_.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) return to_.reset();  // it has said why
    rest_.erase(0, static_cast<std::size_t>(n));
  }
}

}  // namespace perun
