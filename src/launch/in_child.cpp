// SPDX-License-Identifier: BSD-3-Clause
#include "launch/in_child.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace perun {

namespace {

[[noreturn]] void answer(Channel channel, const StoreRun& store, const Run& run, Presence presence) {
  constexpr rlim_t most_s = 300;  // HDF5 walks in circles in some damaged files
  const rlimit limit{most_s, most_s + 1};
  ::setrlimit(RLIMIT_CPU, &limit);
  // A sanitizer's own handlers would make a crash look like an ending.
  for (const int number : std::array{SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) ::signal(number, SIG_DFL);
  try {
    if (auto stored = store(run, presence))
      channel.send_stored(*stored);
    else
      channel.send({.type = Message::Type::kept, .error = stored.error()});
  } catch (const std::exception& e) {
    channel.send({.type = Message::Type::kept, .error = {Errc::io, e.what()}});
  }
  ::_exit(0);
}

std::optional<Message> wait_for_message(Channel& channel) {
  for (;;) {
    if (auto message = channel.receive()) return message;
    if (channel.closed()) return std::nullopt;
    pollfd fd{channel.fd(), POLLIN, 0};
    ::poll(&fd, 1, -1);
  }
}

}  // namespace

StoreRun in_a_child(StoreRun store) {
  return [store = std::move(store)](const Run& run, Presence presence) -> Result<Stored> {
    auto ends = Channel::pair();
    if (!ends) return ends.error();
    const pid_t pid = ::fork();
    if (pid < 0) return Error{Errc::io, std::string("cannot start a process to store the run: ") + std::strerror(errno)};
    if (pid == 0) {
      ends->first.close();
      answer(std::move(ends->second), store, run, presence);
    }
    ends->second.close();
    std::string summary;
    auto message = wait_for_message(ends->first);
    for (; message && message->type == Message::Type::summary; message = wait_for_message(ends->first))
      summary += message->text;
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (message && message->type == Message::Type::stored) {
      message->stored.summary = std::move(summary);
      return std::move(message->stored);
    }
    if (message) return message->error;
    return Error{Errc::format,
                 fmt::format("storing the run ended by signal {}: the data file of '{}' is damaged",
                             WIFSIGNALED(status) ? WTERMSIG(status) : 0, run.app),
                 "move that file away"};
  };
}

}  // namespace perun
