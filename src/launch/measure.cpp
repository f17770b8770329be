// SPDX-License-Identifier: BSD-3-Clause
#include "launch/measure.hpp"

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

#include "launch/attend.hpp"
#include "launch/child.hpp"

namespace perun {

namespace {

constexpr std::int64_t patience_for_agent_ns = 10'000'000'000;

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

  std::optional<Message> wait(SignalRelay& relay, std::int64_t until_ns, int& signal) {
    return next_message(channel_, relay, until_ns, signal);
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
  Measured measured{.exit_code = outcome.exit_code, .run = {}, .stored = {}, .not_stored = {}};
  const auto journal = journal_path(task);
  const auto take_run = [&] {
    if (auto contents = journal::read(journal)) measured.run = std::move(contents->run);
  };
  for (;;) {
    int signal = 0;
    const auto message = agent.wait(relay, 0, signal);
    if (message && message->type == Message::Type::sampled) {
      take_run();
      agent.channel().send({.type = Message::Type::seen});
    }
    if (message && message->type == Message::Type::stored) {
      measured.stored = message->stored;
      agent.wait_until_done();
      return measured;
    }
    if (message && message->type == Message::Type::kept) {
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
  auto stored = rescue(journal, cut_off, [&](const Run& run, Presence presence) {
    measured.run = run;
    return task.store(run, presence);
  });
  if (stored) {
    measured.stored = *std::move(stored);
  } else {
    measured.not_stored = stored.error();
    measured.not_stored->hint =
        fmt::format("the run is kept in {}; the next perun command on this folder adds it", journal.string());
  }
  return measured;
}

}  // namespace

Result<Measured> measure(const Program& program, const AgentTask& task, SignalRelay& relay, Files files,
                         std::span<const int> inherited, const std::function<void(std::string_view)>& say) {
  auto agent = Agent::start(task);
  if (!agent) return agent.error();
  const auto ready = wait_until_ready(*agent, relay, task.baseline_ns, say);
  if (!ready) return ready.error();
  if (*ready != 0) {
    journal::discard(journal_path(task));
    return Measured{.exit_code = 128 + *ready, .run = {}, .stored = {}, .not_stored = {}};
  }
  auto child = Child::start(program, relay.before());
  if (!child) {
    agent->channel().send({.type = Message::Type::cancel});
    agent->reap();
    journal::discard(journal_path(task));
    return child.error();
  }
  agent->channel().send({.type = Message::Type::begun, .number = child->pid()});
  const std::int64_t cpu_begin_ns = own_cpu_ns();
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
      {.type = Message::Type::end, .number = own_cpu_ns() - cpu_begin_ns, .moment = change.at, .outcome = outcome});
  if (files == Files::let_go) relay.retire_canary();  // the last round: nobody is left to protect
  return collect_result(*agent, task, relay, outcome);
}

Result<int> run_unmeasured(const Program& program, SignalRelay& relay) {
  auto child = Child::start(program, relay.before());
  if (!child) return child.error();
  return attend(*child, relay, -1, [] { return -1; }).exit_code;
}

}  // namespace perun
