// SPDX-License-Identifier: BSD-3-Clause
#include "launch/measure.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "launch/child.hpp"
#include "model/summary_text.hpp"

namespace perun {

namespace {

constexpr std::int64_t patience_for_agent_ns = 10'000'000'000;

double seconds(const timeval& t) {
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
}

std::int64_t cpu_ns() {
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

/// Waits for the program to end, passing signals on and stopping with it. `hear` is called when `extra` is readable
/// and returns the descriptor to watch from then on, -1 for none.
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

bool ends_waiting(int signal) {
  return signal == SIGINT || signal == SIGTERM || signal == SIGHUP || signal == SIGQUIT;
}

/// The agent process and our end of its channel.
class Agent {
 public:
  static Result<Agent> start(const AgentTask& task) {
    auto ends = Channel::pair();
    if (!ends) return ends.error();
    const pid_t pid = ::fork();
    if (pid < 0) return Error{Errc::io, std::string("cannot start the sampling process: ") + std::strerror(errno)};
    if (pid == 0) {
      ends->first.close();
      run_agent(task, std::move(ends->second));
    }
    return Agent(pid, std::move(ends->first));
  }

  Channel& channel() noexcept { return channel_; }

  /// The next message, or nothing when the agent is gone, the time is over or the user wants out.
  std::optional<Message> wait(SignalRelay& relay, std::int64_t until_ns, int& signal) {
    for (;;) {
      if (auto message = channel_.receive()) return message;
      if (channel_.closed()) return std::nullopt;
      const auto left =
          until_ns == 0 ? -1 : static_cast<int>(std::max<std::int64_t>(0, (until_ns - monotonic_ns()) / 1'000'000));
      std::array<pollfd, 2> fds{{{channel_.fd(), POLLIN, 0}, {relay.signal_fd(), POLLIN, 0}}};
      const int n = ::poll(fds.data(), fds.size(), left);
      if (n == 0) return std::nullopt;
      for (const int s : relay.collect(monotonic_ns()).received)
        if (ends_waiting(s)) signal = s;
      if (signal != 0) return std::nullopt;
    }
  }

  /// Until it has closed its end; it leaves nothing behind then, and its exit is not worth waiting for.
  void wait_until_done() {
    pollfd fd{channel_.fd(), 0, 0};
    while (::poll(&fd, 1, -1) < 0 && errno == EINTR) {
    }
    ::waitpid(pid_, nullptr, WNOHANG);
  }

  void reap() {
    if (pid_ > 0) ::waitpid(std::exchange(pid_, -1), nullptr, 0);
  }
  void kill_and_reap() {
    if (pid_ > 0) ::kill(pid_, SIGKILL);
    reap();
  }

 private:
  Agent(pid_t pid, Channel channel) : pid_(pid), channel_(std::move(channel)) {}
  pid_t pid_;
  Channel channel_;
};

/// The agent's first word: ready, or why not. The value is 0, or the signal that ended the waiting.
Result<int> wait_until_ready(Agent& agent, SignalRelay& relay, std::int64_t extra_ns,
                             const std::function<void(std::string_view)>& say) {
  int signal = 0;
  const auto first = agent.wait(relay, monotonic_ns() + patience_for_agent_ns + extra_ns, signal);
  if (first && first->type == Message::Type::ready) {
    if (!first->text.empty()) say(first->text);
    return 0;
  }
  agent.channel().send({.type = Message::Type::cancel});
  if (first) {
    agent.reap();
    Error error = first->error;
    // Those two codes are the program's: 127 and 126 mean that it could not be run.
    if (error.code == Errc::not_found || error.code == Errc::denied) error.code = Errc::unsupported;
    return error;
  }
  agent.kill_and_reap();
  if (signal != 0) return signal;
  return Error{Errc::io, "the sampling process did not get ready", "perun sensors shows what it tries to read"};
}

/// The agent's last word, or what can be saved without it.
Measured collect_result(Agent& agent, const AgentTask& task, SignalRelay& relay, const Outcome& outcome) {
  Measured measured{.exit_code = outcome.exit_code, .summary = {}, .run = {}, .stored = {}, .not_stored = {}};
  const auto journal = journal_path(task);
  const auto take_summary = [&](const std::string& text) {
    if (auto summary = decode_summary(text)) measured.summary = *std::move(summary);
  };
  // Of a run that is in no file: all of it has to be held at once.
  const auto take_run = [&] {
    if (auto contents = journal::read(journal)) measured.run = std::move(contents->run);
  };
  std::string summary;
  for (;;) {
    int signal = 0;
    const auto message = agent.wait(relay, 0, signal);
    if (message && message->type == Message::Type::summary) summary += message->text;
    if (message && message->type == Message::Type::stored) {
      take_summary(summary);
      measured.stored = message->stored;
      agent.wait_until_done();
      return measured;
    }
    if (message && message->type == Message::Type::kept) {
      take_run();
      measured.not_stored = message->error;
      measured.not_stored->hint =
          fmt::format("the run is kept in {}; the next perun command on this folder adds it", message->text);
      agent.reap();
      return measured;
    }
    if (message) continue;
    if (signal != 0) {
      measured.not_stored = Error{Errc::io, "not waited for", "the sampling process goes on storing the run"};
      return measured;
    }
    break;
  }
  agent.kill_and_reap();
  Outcome cut_off = outcome;
  cut_off.finished = false;
  cut_off.interrupted_by = "the sampling process was killed";
  auto stored = rescue(journal, cut_off, task.store);
  if (stored) {
    take_summary(stored->summary);
    measured.stored = *std::move(stored);
  } else {
    take_run();
    measured.not_stored = stored.error();
    measured.not_stored->hint =
        fmt::format("the run is kept in {}; the next perun command on this folder adds it", journal.string());
  }
  return measured;
}

}  // namespace

std::vector<int> inherited_files() {
  std::vector<int> found;
  DIR* folder = ::opendir("/proc/self/fd");
  if (folder == nullptr) return found;
  while (const dirent* entry = ::readdir(folder))
    if (const int fd = std::atoi(entry->d_name); fd > STDERR_FILENO && fd != ::dirfd(folder)) found.push_back(fd);
  ::closedir(folder);
  return found;
}

Result<Measured> measure(const Program& program, const AgentTask& task, SignalRelay& relay, Files files,
                         std::span<const int> inherited, const std::function<void(std::string_view)>& say) {
  auto agent = Agent::start(task);
  if (!agent) return agent.error();
  const auto ready = wait_until_ready(*agent, relay, task.baseline_ns, say);
  if (!ready) return ready.error();
  if (*ready != 0) {
    journal::discard(journal_path(task));
    return Measured{.exit_code = 128 + *ready, .summary = {}, .run = {}, .stored = {}, .not_stored = {}};
  }
  auto child = Child::start(program, relay.before());
  if (!child) {
    agent->channel().send({.type = Message::Type::cancel});
    agent->reap();
    journal::discard(journal_path(task));
    return child.error();
  }
  agent->channel().send({.type = Message::Type::begun, .number = child->pid()});
  const std::int64_t cpu_begin_ns = cpu_ns();
  if (files == Files::let_go) let_go(inherited);

  const auto hear = [&] {
    Channel& channel = agent->channel();
    while (const auto message = channel.receive())
      if (message->type == Message::Type::trouble) say(message->text + "; the program goes on, what fits is kept");
    if (!channel.closed()) return channel.fd();
    say("the sampling process was killed; the program goes on unmeasured, what was sampled is kept");
    return -1;
  };
  const auto change = attend(*child, relay, agent->channel().fd(), hear);
  const Outcome outcome = outcome_of(change);
  agent->channel().send(
      {.type = Message::Type::end, .number = cpu_ns() - cpu_begin_ns, .moment = change.at, .outcome = outcome});
  if (files == Files::let_go) relay.retire_canary();  // the last round: nobody is left to protect
  return collect_result(*agent, task, relay, outcome);
}

Result<int> run_unmeasured(const Program& program, SignalRelay& relay) {
  auto child = Child::start(program, relay.before());
  if (!child) return child.error();
  return attend(*child, relay, -1, [] { return -1; }).exit_code;
}

}  // namespace perun
