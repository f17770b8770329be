// SPDX-License-Identifier: BSD-3-Clause
#include "launch/measure.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "launch/attend.hpp"
#include "launch/child.hpp"
#include "launch/in_child.hpp"
#include "launch/region_watch.hpp"
#include "model/summary_text.hpp"

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

/// The agent's first word: ready, or why not.
struct Ready {
  int signal = 0;  ///< ended the waiting
  Moment begin = {};
};
Result<Ready> wait_until_ready(Agent& agent, SignalRelay& relay, std::int64_t extra_ns,
                               const std::function<void(std::string_view)>& say) {
  int signal = 0;
  const auto until_ns = monotonic_ns() + patience_for_agent_ns + extra_ns;
  auto first = agent.wait(relay, until_ns, signal);
  for (; first && first->type == Message::Type::trouble; first = agent.wait(relay, until_ns, signal)) say(first->text);
  if (first && first->type == Message::Type::ready) {
    if (!first->text.empty()) say(first->text);
    return Ready{0, first->moment};
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
  if (signal != 0) return Ready{signal};
  return Error{Errc::io, "the sampling process did not get ready", "perun sensors shows what it tries to read"};
}

/// What a run that could not be stored leaves to be told.
Error kept(Error error, const std::filesystem::path& journal) {
  error.hint =
      fmt::format("the run is kept in {}; the next perun command on this folder adds it, or perun recover", journal.string());
  return error;
}

/// Takes over the journal of an agent that died, at once, so that no other perun takes the run for one that was cut off.
/// Its last moment may have been before it wrote down that the program had begun.
std::optional<journal::Writer> adopt(const AgentTask& task, const Moment& begin) {
  auto taken = journal::Writer::reopen(journal_path(task));
  if (!taken) return std::nullopt;
  if (const auto contents = journal::open(taken->path()); contents && !contents->begun) {
    taken->begin(begin);
    static_cast<void>(taken->flush());  // what cannot be written now is tried again at the end
  }
  return std::move(*taken);
}

/// A run that is in no file: all of it has to be held at once.
std::optional<Run> read_all(const std::filesystem::path& journal) {
  auto contents = journal::read(journal);
  return contents ? std::optional(std::move(contents->run)) : std::nullopt;
}

/// Stores what an agent that died left.
Measured store_orphan(const AgentTask& task, const Outcome& outcome, std::optional<journal::Writer> orphan) {
  Measured measured{.exit_code = outcome.exit_code};
  const auto journal = orphan ? orphan->path() : journal_path(task);
  Outcome cut_off = outcome;
  cut_off.finished = false;
  cut_off.interrupted_by = "the sampling process was killed";
  // The file may be what killed the agent.
  const auto store = in_a_child(task.store);
  auto stored = orphan ? rescue(*std::move(orphan), cut_off, store) : rescue(journal, cut_off, store);
  if (stored) {
    measured.take(*std::move(stored));
    return measured;
  }
  measured.run = read_all(journal);
  if (measured.run) measured.run->outcome = cut_off;
  measured.not_stored = kept(stored.error(), journal);
  return measured;
}

/// The agent's last word, or what can be saved without it.
Measured collect_result(Agent& agent, const AgentTask& task, SignalRelay& relay, const Outcome& outcome, const Moment& begin,
                        std::optional<journal::Writer> orphan, const std::function<void(std::string_view)>& say) {
  Measured measured{.exit_code = outcome.exit_code};
  std::string summary;
  for (;;) {
    int signal = 0;
    auto message = agent.wait(relay, 0, signal);
    if (message && message->type == Message::Type::summary) summary += message->text;
    if (message && message->type == Message::Type::trouble) say(message->text);
    if (message && message->type == Message::Type::stored) {
      message->stored.summary = std::move(summary);
      measured.take(std::move(message->stored));
      agent.wait_until_done();
      return measured;
    }
    if (message && message->type == Message::Type::kept) {
      measured.run = read_all(message->text);
      measured.not_stored = kept(message->error, message->text);
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
  if (!orphan) orphan = adopt(task, begin);
  return store_orphan(task, outcome, std::move(orphan));
}

/// What the agent says while it samples, for the user; the descriptor to watch from then on, -1 when it is gone.
int hear(Channel& channel, const std::function<void(std::string_view)>& say) {
  while (const auto message = channel.receive())
    if (message->type == Message::Type::trouble) say(message->text + "; the program goes on");
  if (!channel.closed()) return channel.fd();
  say("the sampling process was killed; the program goes on unmeasured, what was sampled is kept");
  return -1;
}

/// Waits for the caller's word, or for whatever else ends it.
Ending attend(const Caller& caller, SignalRelay& relay, int extra, const std::function<int()>& listen) {
  // A forked child may hold the caller's end of the line open.
  const Fd alive(static_cast<int>(::syscall(SYS_pidfd_open, caller.pid, 0)));
  for (;;) {
    std::array<pollfd, 4> fds{
        {{relay.signal_fd(), POLLIN, 0}, {caller.fd, POLLIN, 0}, {extra, POLLIN, 0}, {alive.get(), POLLIN, 0}}};
    ::poll(fds.data(), fds.size(), -1);
    if (fds[1].revents != 0 || fds[3].revents != 0)
      if (auto ending = caller.hear()) return *std::move(ending);
    if (fds[3].revents != 0) return {now(), {.interrupted_by = "the program ended before what was measured in it"}};
    if (fds[2].revents != 0) extra = listen();
    for (const int signal : relay.collect(monotonic_ns()).received)
      if (ends_waiting(signal)) return {now(), {.interrupted_by = "perun was told to stop"}};
  }
}

/// One measurement from the agent's start to its last word, whatever is measured.
class Measurement {
 public:
  using Say = std::function<void(std::string_view)>;

  static Result<Measurement> start(const AgentTask& task, SignalRelay& relay, const Say& say) {
    auto agent = Agent::start(task);
    if (!agent) return agent.error();
    const auto ready = wait_until_ready(*agent, relay, task.baseline_ns, say);
    if (!ready) return ready.error();
    if (ready->signal != 0)
      journal::discard(journal_path(task));
    else
      export_region_paths(region_paths(journal_path(task).parent_path(), task.run.id, 0), task.run.id, task.preload);
    return Measurement(*std::move(agent), *ready, task, relay, say);
  }

  /// That ended the waiting for the agent: there is nothing to measure then. 0: none.
  [[nodiscard]] int signal() const noexcept { return ready_.signal; }
  [[nodiscard]] Measured nothing() const { return {.exit_code = 128 + ready_.signal}; }

  void cancel() {
    agent_.channel().send({.type = Message::Type::cancel});
    agent_.reap();
    journal::discard(journal_path(task_));
  }

  void begin(pid_t measured) {
    agent_.channel().send({.type = Message::Type::begun, .number = measured});
    cpu_begin_ns_ = own_cpu_ns();
  }

  [[nodiscard]] int agent_fd() { return agent_.channel().fd(); }
  /// What the agent says; when it is gone its journal is taken over, and there is nothing more to watch.
  int listen() {
    const int fd = hear(agent_.channel(), say_);
    if (fd < 0) orphan_ = adopt(task_, ready_.begin);
    return fd;
  }

  void end(const Moment& at, const Outcome& outcome) {
    agent_.channel().send(
        {.type = Message::Type::end, .number = own_cpu_ns() - cpu_begin_ns_, .moment = at, .outcome = outcome});
  }
  Measured collect(const Outcome& outcome) {
    return collect_result(agent_, task_, relay_, outcome, ready_.begin, std::move(orphan_), say_);
  }

 private:
  Measurement(Agent agent, const Ready& ready, const AgentTask& task, SignalRelay& relay, const Say& say)
      : agent_(std::move(agent)), ready_(ready), task_(task), relay_(relay), say_(say) {}

  Agent agent_;
  Ready ready_;
  const AgentTask& task_;
  SignalRelay& relay_;
  const Say& say_;
  std::int64_t cpu_begin_ns_ = 0;
  std::optional<journal::Writer> orphan_;  // the journal of an agent that died
};

}  // namespace

void Measured::take(Stored in_file) {
  if (auto known = decode_summary(in_file.summary)) summary = *std::move(known);
  stored = std::move(in_file);
}

Result<Measured> measure(const Program& program, const AgentTask& task, SignalRelay& relay, Files files,
                         std::span<const int> inherited, const std::function<void(std::string_view)>& say) {
  auto measurement = Measurement::start(task, relay, say);
  if (!measurement) return measurement.error();
  if (measurement->signal() != 0) return measurement->nothing();
  if (!task.control.empty()) ::setenv("PERUN_CONTROL", task.control.c_str(), 1);
  auto child = Child::start(program, relay.before());
  if (!child) {
    measurement->cancel();
    return child.error();
  }
  measurement->begin(child->pid());
  if (files == Files::let_go) let_go(inherited);
  const auto change = attend(*child, relay, measurement->agent_fd(), [&] { return measurement->listen(); });
  const Outcome outcome = outcome_of(change);
  measurement->end(change.at, outcome);
  if (files == Files::let_go) relay.retire_canary();  // the last round: nobody is left to protect
  return measurement->collect(outcome);
}

Result<Measured> measure_caller(const Caller& caller, const AgentTask& task, SignalRelay& relay,
                                const std::function<void(std::string_view)>& say) {
  auto measurement = Measurement::start(task, relay, say);
  if (!measurement) return measurement.error();
  if (measurement->signal() != 0) return measurement->nothing();
  measurement->begin(caller.pid);
  relay.retire_canary();  // nothing is passed on to a caller
  caller.go();
  const auto ending = attend(caller, relay, measurement->agent_fd(), [&] { return measurement->listen(); });
  measurement->end(ending.at, ending.outcome);
  return measurement->collect(ending.outcome);
}

Result<int> run_unmeasured(const Program& program, SignalRelay& relay) {
  auto child = Child::start(program, relay.before());
  if (!child) return child.error();
  return attend(*child, relay, -1, [] { return -1; }).exit_code;
}

}  // namespace perun
