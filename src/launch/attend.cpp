// SPDX-License-Identifier: BSD-3-Clause
#include "launch/attend.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

namespace perun {

namespace {

double seconds(const timeval& t) {
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
}

}  // namespace

bool ends_waiting(int signal) {
  return signal == SIGINT || signal == SIGTERM || signal == SIGHUP || signal == SIGQUIT;
}

std::int64_t own_cpu_ns() {
  return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

Outcome outcome_of(const Child::Change& change) {
  return {.finished = true,
          .exit_code = change.exit_code,
          .signal = change.signal,
          .interrupted_by = {},
          .user_s = seconds(change.usage.ru_utime),
          .system_s = seconds(change.usage.ru_stime),
          .max_rss_bytes = std::int64_t{change.usage.ru_maxrss} * 1024};
}

void let_go(std::span<const int> inherited) {
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (null) {
    ::dup2(null.get(), STDIN_FILENO);
    ::dup2(null.get(), STDOUT_FILENO);
  }
  for (const int fd : inherited) ::close(fd);
}

Child::Change attend(Child& child, SignalRelay& relay, int extra, const std::function<int()>& hear) {
  bool may_have_changed = true;  // its SIGCHLD may have been collected while others were waited for
  for (;;) {
    if (std::exchange(may_have_changed, false)) {
      const auto change = child.poll();
      if (change.what == Child::Change::What::ended) return change;
      // The shell that started perun must see the job stop, and its `fg` wakes both.
      if (change.what == Child::Change::What::stopped) {
        ::raise(SIGSTOP);
        // What the canary saw meanwhile comes first.
        may_have_changed = relay.collect(monotonic_ns()).child_changed;
        continue;
      }
    }
    for (const int signal : relay.due(monotonic_ns())) child.send(signal);
    std::array<pollfd, 3> fds{{{relay.signal_fd(), POLLIN, 0}, {relay.canary_fd(), POLLIN, 0}, {extra, POLLIN, 0}}};
    ::poll(fds.data(), fds.size(), relay.timeout_ms(monotonic_ns()));
    may_have_changed = relay.collect(monotonic_ns()).child_changed;
    if (fds[2].revents != 0) extra = hear();
  }
}

std::optional<Message> next_message(Channel& channel, SignalRelay& relay, std::int64_t until_ns, int& signal) {
  for (;;) {
    if (auto message = channel.receive()) return message;
    if (channel.closed()) return std::nullopt;
    const auto left = until_ns == 0 ? -1 : static_cast<int>(std::max<std::int64_t>(0, (until_ns - monotonic_ns()) / 1'000'000));
    std::array<pollfd, 2> fds{{{channel.fd(), POLLIN, 0}, {relay.signal_fd(), POLLIN, 0}}};
    const int n = ::poll(fds.data(), fds.size(), left);
    if (n == 0) return std::nullopt;
    for (const int s : relay.collect(monotonic_ns()).received)
      if (ends_waiting(s)) signal = s;
    if (signal != 0) return std::nullopt;
  }
}

std::vector<int> inherited_files() {
  std::vector<int> found;
  DIR* folder = ::opendir("/proc/self/fd");
  if (folder == nullptr) return found;
  while (const dirent* entry = ::readdir(folder))
    if (const int fd = std::atoi(entry->d_name); fd > STDERR_FILENO && fd != ::dirfd(folder)) found.push_back(fd);
  ::closedir(folder);
  return found;
}

}  // namespace perun
