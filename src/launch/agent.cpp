// SPDX-License-Identifier: BSD-3-Clause
#include "launch/agent.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <future>
#include <optional>
#include <utility>

#include "host/machine.hpp"
#include "launch/git_look.hpp"
#include "launch/provenance.hpp"
#include "sampling/sampler.hpp"

namespace perun {

namespace {

constexpr std::int64_t clock_pair_every_ns = 10'000'000'000;
constexpr std::int64_t worth_syncing_ns = 1'000'000'000;
constexpr int git_patience_ms = 20;  // of a short run; in a longer one git is done before
constexpr int last_words_ms = 1000;  // for a program whose launcher was killed

/// Leaves the terminal and everything that belongs to the program.
void detach(int channel) {
  ::setsid();
  ::prctl(PR_SET_NAME, "perun-agent");
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; fd < 3; ++fd) ::dup2(null, fd);
  if (channel > 3) ::close_range(3, static_cast<unsigned>(channel - 1), 0);
  ::close_range(static_cast<unsigned>(channel + 1), ~0U, 0);
}

/// Storing a run touches some 2 MB of heap for the first time, one page fault after the other, which is dear in virtual
/// machines. Here they are had in one call, while the launcher prepares the program.
void prepare_heap() {
  constexpr std::size_t needed = 2 << 20, page = 4096;
  ::mallopt(M_ARENA_MAX, 1);  // one heap for all threads
  ::mallopt(M_MMAP_THRESHOLD, 2 * needed);
  ::mallopt(M_TRIM_THRESHOLD, 8 * needed);
  auto* const end = static_cast<std::byte*>(::sbrk(0));
  auto* const start = end + (page - reinterpret_cast<std::uintptr_t>(end) % page) % page;
  void* volatile grown = std::malloc(needed);  // volatile: not to be optimized away
  std::free(grown);
  ::madvise(start, needed, MADV_POPULATE_WRITE);  // an older kernel refuses; nothing is lost
}

NodeRecord describe_node(const AgentTask& task, const Instruments& instruments) {
  NodeRecord node;
  node.host = host_name();
  node.attributes = describe_machine(task.host);
  node.attributes.insert(node.attributes.end(), instruments.attributes.begin(), instruments.attributes.end());
  for (const auto& backend : instruments.backends)
    node.sensors.insert(node.sensors.end(), backend->sensors().begin(), backend->sensors().end());
  node.blocked = instruments.blocked;
  node.scope = cpu_scope(task.host);
  return node;
}

std::int64_t cpu_ns() {
  return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

/// One run as the agent lives it, from the first reading to the data file.
class Session {
 public:
  Session(const AgentTask& task, Channel& channel, Sampler& sampler, journal::Writer writer)
      : task_(task), channel_(channel), sampler_(sampler), writer_(std::move(writer)) {}

  /// The launcher waits for this word to start the program.
  void read_first(const std::string& notice) {
    sampler_.read_first();
    begin_ = now();
    channel_.send({.type = Message::Type::ready, .text = notice, .moment = begin_});
  }

  /// False when the launcher took the run back.
  bool watch() {
    next_pair_ns_ = monotonic_ns() + clock_pair_every_ns;
    while (!over_) {
      const int patience = launcher_gone_
                               ? last_words_ms
                               : static_cast<int>(std::max<std::int64_t>(1, (next_pair_ns_ - monotonic_ns()) / 1'000'000));
      std::array<pollfd, 3> fds{{{channel_.fd(), POLLIN, 0}, {sampler_.ready_fd(), POLLIN, 0}, {program_.get(), POLLIN, 0}}};
      if (launcher_gone_) fds[0].fd = -1;
      const int n = ::poll(fds.data(), fds.size(), patience);
      if (n == 0 && launcher_gone_) break;
      if (fds[2].revents != 0) program_ended();
      if (fds[1].revents != 0) take_readings();
      if (fds[0].revents != 0) hear();
      if (cancelled_) return false;
      if (monotonic_ns() >= next_pair_ns_) pair_clocks();
    }
    return true;
  }

  void finish() {
    quality_ = sampler_.stop();
    if (end_.mono_ns == 0) end_ = now();
    correct_end();
    take_readings();
    writer_.clock(now());
    quality_.lost += writer_.dropped();
    quality_.agent_cpu_ns = cpu_ns() - cpu_begin_ns_;
    quality_.launcher_cpu_ns = launcher_cpu_ns_;
    for (auto& fact : git_.finish(git_patience_ms)) provenance_.push_back(std::move(fact));
    if (!provenance_.empty()) writer_.provenance(provenance_);
    writer_.quality(quality_);
    writer_.outcome(outcome_, end_);
    writer_.end();
    writer_.committing();
    // A short run is in its data file, and that on disk, before a sync of its journal would be of use.
    const bool long_run = end_.mono_ns - begin_.mono_ns > worth_syncing_ns;
    report_trouble(long_run ? writer_.sync() : writer_.flush());
    if (prepared_.valid()) prepared_.get();
  }

 private:
  void take_readings() {
    sampler_.drain([&](std::span<const RingSample> samples) {
      batch_.clear();
      for (const auto& s : samples) batch_.push_back({s.sensor, s.reading});
      writer_.samples(batch_);
    });
    report_trouble(writer_.flush());
  }

  /// On a busy machine the launcher collects the program a while after its end, and after the last reading.
  void correct_end() {
    const std::int64_t seen_ns = sampler_.program_ended_ns();
    if (seen_ns == 0 || seen_ns >= end_.mono_ns) return;
    end_.real_ns -= end_.mono_ns - seen_ns;
    end_.mono_ns = seen_ns;
  }

  void pair_clocks() {
    writer_.clock(now());
    report_trouble(writer_.sync());
    next_pair_ns_ = monotonic_ns() + clock_pair_every_ns;
  }

  /// The last reading must not wait for the launcher's word.
  void program_ended() {
    quality_ = sampler_.stop();
    program_.reset();
    if (end_.mono_ns == 0) end_ = now();
    if (!launcher_gone_) {
      // A launcher that was stopped by hand would never collect its program.
      pollfd word{channel_.fd(), POLLIN, 0};
      if (::poll(&word, 1, 100) == 0) ::kill(::getppid(), SIGCONT);
    } else {
      over_ = true;
    }
  }

  void follow(int pid) {
    // A program that is over already has none; the launcher tells its end in any case.
    program_ = Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    sampler_.go(program_.get());
    begun_ = true;
    cpu_begin_ns_ = cpu_ns();
    writer_.begin(begin_);
    take_readings();
    look_around(pid);
    // Beside the program's own start, and in a thread so that nothing here waits for it.
    if (task_.prepare) prepared_ = std::async(std::launch::async, task_.prepare);
  }

  /// What else shapes the run. Kept at once, since the program, perun or the machine may end any time.
  void look_around(pid_t pid) {
    std::vector<std::string_view> environment;
    for (char** entry = environ; *entry != nullptr; ++entry) environment.emplace_back(*entry);
    provenance_ = task_.run.provenance;
    for (auto facts : {circumstances_of(pid, task_.host), limits_of(pid), chosen_environment(environment)})
      provenance_.insert(provenance_.end(), facts.begin(), facts.end());
    if (!provenance_.empty()) writer_.provenance(provenance_);
    git_.start(task_.run.cwd);
  }

  void hear() {
    while (const auto message = channel_.receive()) {
      if (message->type == Message::Type::begun) {
        follow(static_cast<int>(message->number));
      } else if (message->type == Message::Type::end) {
        end_ = message->moment;
        outcome_ = message->outcome;
        launcher_cpu_ns_ = message->number;
        over_ = true;
      } else if (message->type == Message::Type::cancel) {
        cancelled_ = true;
      }
    }
    if (channel_.closed() && !over_) {
      launcher_gone_ = true;
      outcome_.interrupted_by = "perun was killed";
      if (!begun_) cancelled_ = true;
      if (!program_) over_ = true;
    }
  }

  void report_trouble(const Status& status) {
    if (status || troubled_) return;
    troubled_ = true;
    channel_.send({.type = Message::Type::trouble, .text = status.error().what});
  }

  const AgentTask& task_;
  Channel& channel_;
  Sampler& sampler_;
  journal::Writer writer_;
  std::vector<journal::Sample> batch_;
  Attributes provenance_;
  GitLook git_;
  Quality quality_;
  Outcome outcome_;
  Moment begin_, end_;
  Fd program_;  ///< pidfd
  std::future<void> prepared_;
  std::int64_t next_pair_ns_ = 0, cpu_begin_ns_ = 0, launcher_cpu_ns_ = 0;
  bool begun_ = false, over_ = false, cancelled_ = false, launcher_gone_ = false, troubled_ = false;
};

Result<Stored> store_journal(const std::filesystem::path& path, Presence presence, const StoreRun& store) {
  const auto contents = journal::open(path);
  if (!contents) return contents.error();
  return store(contents->run, presence);
}

/// The whole life of the agent; the return value is its exit status.
int live(const AgentTask& task, Channel& channel) {
  const auto refuse = [&](const Error& error) {
    channel.send({.type = Message::Type::refused, .error = error});
    return 1;
  };
  auto instruments = task.open();
  if (!instruments) return refuse(instruments.error());
  Run run = task.run;
  run.nodes.push_back(describe_node(task, *instruments));
  if (task.baseline) {
    auto baseline = task.baseline(run.nodes.back(), instruments->backends);
    if (!baseline) return refuse(baseline.error());
    run.nodes.back().baseline = *std::move(baseline);
  }
  auto writer = journal::Writer::create(task.data_out, run);
  if (!writer) return refuse(writer.error());
  writer->clock(now());
  const auto path = writer->path();

  const std::int64_t period = guarded_period_ns(run.frequency_hz, instruments->backends);
  const OverheadLimit limit{
      .percent = task.max_overhead_percent, .longest_period_ns = longest_period_ns(instruments->backends), .cpu_ns = &cpu_ns};
  Sampler sampler(std::move(instruments->backends), period, task.host, limit);
  if (const auto ok = sampler.start(); !ok) {
    journal::discard(path);
    return refuse(ok.error());
  }
  {
    Session session(task, channel, sampler, *std::move(writer));
    session.read_first(instruments->notice);
    if (!session.watch()) {
      journal::discard(path);
      return 0;
    }
    session.finish();
    const auto stored = store_journal(path, Presence::certainly_new, task.store);
    if (!stored) {
      channel.send({.type = Message::Type::kept, .text = path.string(), .error = stored.error()});
      return 0;
    }
    channel.send_stored(*stored);
    journal::discard(path);
    channel.close();  // the launcher need not wait for what the kernel has to clear away
  }
  return 0;
}

}  // namespace

std::filesystem::path journal_path(const AgentTask& task) {
  return journal::path_of(task.data_out, task.run.id, host_name());
}

void run_agent(const AgentTask& task, Channel channel) {
  detach(channel.fd());
  prepare_heap();
  int status = 1;
  try {
    status = live(task, channel);
  } catch (const std::exception& e) {  // a library's; the journal stays for the next perun
    channel.send(
        {.type = Message::Type::refused, .error = {Errc::io, std::string("the sampling process failed: ") + e.what()}});
  }
  ::_exit(status);
}

Result<Stored> rescue(const std::filesystem::path& journal, const std::optional<Outcome>& outcome, const StoreRun& store) {
  auto writer = journal::Writer::reopen(journal);  // held until the run is stored, so that nobody else stores it too
  if (!writer) return writer.error();
  const auto contents = journal::open(journal);
  if (!contents) return contents.error();
  if (!contents->begun) {
    journal::discard(journal);
    return Error{Errc::not_found, fmt::format("the program of {} was never started", contents->run.id)};
  }
  if (outcome && !contents->ended) writer->outcome(*outcome, Moment{});
  writer->committing();
  if (const auto ok = writer->sync(); !ok) return ok.error();
  auto stored = store_journal(journal, contents->committing ? Presence::perhaps_there : Presence::certainly_new, store);
  if (stored) journal::discard(journal);
  return stored;
}

}  // namespace perun
