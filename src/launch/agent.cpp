// SPDX-License-Identifier: BSD-3-Clause
#include "launch/agent.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <future>
#include <optional>
#include <utility>

#include "host/machine.hpp"
#include "launch/attend.hpp"
#include "launch/circumstances.hpp"
#include "launch/detach.hpp"
#include "launch/late_join.hpp"
#include "launch/region_watch.hpp"
#include "sampling/sampler.hpp"

namespace perun {

namespace {

constexpr std::int64_t clock_pair_every_ns = 10'000'000'000;
constexpr std::int64_t worth_syncing_ns = 1'000'000'000;
constexpr int git_patience_ms = 20;  // of a short run; in a longer one git is done before
constexpr int last_words_ms = 1000;  // for a program whose launcher was killed

/// One run as the agent lives it, from the first reading to the data file.
class Session {
 public:
  Session(const AgentTask& task, Channel& channel, Sampler& sampler, RegionWatch& regions, LateJoin late,
          journal::Writer writer)
      : task_(task),
        channel_(channel),
        sampler_(sampler),
        regions_(regions),
        late_(std::move(late)),
        writer_(std::move(writer)) {}

  /// The launcher waits for this word to start the program.
  void read_first(const std::string& notice) {
    sampler_.read_first();
    begin_ = now();
    if (task_.of_caller) {  // it runs already: should we be killed from now on, there is a run that was cut off
      writer_.begin(begin_);
      take_readings();
    }
    channel_.send({.type = Message::Type::ready, .text = notice, .moment = begin_});
  }

  /// False when the launcher took the run back.
  bool watch() {
    next_pair_ns_ = monotonic_ns() + clock_pair_every_ns;
    while (!over_) {
      std::array<pollfd, 6> fds{{{channel_.fd(), POLLIN, 0},
                                 {sampler_.ready_fd(), POLLIN, 0},
                                 {program_.get(), POLLIN, 0},
                                 {regions_.fd(), POLLIN, 0},
                                 {regions_.control_fd(), POLLIN, 0},
                                 {end_.mono_ns == 0 ? late_.fd() : -1, POLLIN, 0}}};
      if (launcher_gone_) fds[0].fd = -1;
      const int n = ::poll(fds.data(), fds.size(), patience_ms());
      if (n == 0 && launcher_gone_) break;
      const bool spoken = fds[3].revents != 0 || fds[4].revents != 0;
      if (spoken) tell(regions_.hear(sampler_));
      if (fds[5].revents != 0) late_.take(sampler_, regions_, writer_);
      if (fds[2].revents != 0) program_ended();
      if (fds[1].revents != 0 || spoken || n == 0) take_readings();
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
    late_.give_up(writer_);
    writer_.marks(regions_.finish(end_.mono_ns));
    writer_.clock(now());
    quality_.lost += writer_.dropped();
    quality_.agent_cpu_ns = own_cpu_ns() - cpu_begin_ns_;
    quality_.launcher_cpu_ns = launcher_cpu_ns_;
    if (const auto& found = circumstances_.finish(git_patience_ms); !found.empty()) writer_.provenance(found);
    writer_.quality(quality_);
    writer_.outcome(outcome_, end_);
    writer_.end();
    writer_.committing();
    // A short run is in its data file, and that on disk, before a sync of its journal would be of use.
    const bool long_run = end_.mono_ns - begin_.mono_ns > worth_syncing_ns;
    report_trouble(long_run ? writer_.sync() : writer_.flush());
    look_for_journal();
    if (prepared_.valid()) prepared_.get();
  }

  [[nodiscard]] const std::filesystem::path& journal() const noexcept { return writer_.path(); }
  /// A journal that had to move may have been stored from where it was, by somebody who thought that we are dead.
  [[nodiscard]] Presence presence() const noexcept { return moved_ ? Presence::perhaps_there : Presence::certainly_new; }

 private:
  [[nodiscard]] int patience_ms() const {
    if (launcher_gone_) return last_words_ms;
    const std::int64_t until_pair_ms = std::max<std::int64_t>(1, (next_pair_ns_ - monotonic_ns()) / 1'000'000);
    const int marks_ms = regions_.patience_ms();
    return static_cast<int>(marks_ms < 0 ? until_pair_ms : std::min<std::int64_t>(until_pair_ms, marks_ms));
  }

  void take_readings() {
    sampler_.drain([&](std::span<const RingSample> samples) {
      batch_.clear();
      for (const auto& s : samples) batch_.push_back({s.sensor, s.reading});
      writer_.samples(batch_);
      regions_.add(samples);
    });
    regions_.answer(begin_.mono_ns);
    writer_.marks(regions_.drain(sampler_, monotonic_ns()));
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
    look_for_journal();
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
    cpu_begin_ns_ = own_cpu_ns();
    if (!task_.of_caller) writer_.begin(begin_);
    take_readings();
    if (const auto& found = circumstances_.look(pid, task_.run, task_.host); !found.empty()) writer_.provenance(found);
    // Beside the program's own start, and in a thread so that nothing here waits for it.
    if (task_.prepare) prepared_ = std::async(std::launch::async, task_.prepare);
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
      if (!program_ || task_.of_caller) over_ = true;
    }
  }

  /// What is the user's to mend.
  void tell(const Status& status) {
    if (!status) channel_.send({.type = Message::Type::trouble, .text = "--control: " + status.error().what});
  }

  /// Told once. The second place is tried once too; what cannot be written there either is tried again here.
  void report_trouble(const Status& status) {
    if (status || std::exchange(troubled_, true)) return;
    std::string text = status.error().what;
    if (task_.spool.empty()) {
      text += "; what fits is kept";
    } else if (const auto moved = writer_.move_to(task_.spool); moved) {
      moved_ = true;
      text += fmt::format("; the run is kept in {}", task_.spool.string());
    } else {
      text += fmt::format("; nor can the run be kept in {} ({}); what fits is kept", task_.spool.string(), moved.error().what);
    }
    channel_.send({.type = Message::Type::trouble, .text = text});
  }

  void look_for_journal() {
    if (!writer_.in_place())
      report_trouble(Error{Errc::not_found, fmt::format("{} was moved or deleted", writer_.path().string())});
  }

  const AgentTask& task_;
  Channel& channel_;
  Sampler& sampler_;
  RegionWatch& regions_;
  LateJoin late_;
  journal::Writer writer_;
  std::vector<journal::Sample> batch_;
  Circumstances circumstances_;
  Quality quality_;
  Outcome outcome_;
  Moment begin_, end_;
  Fd program_;  ///< pidfd
  std::future<void> prepared_;
  std::int64_t next_pair_ns_ = 0, cpu_begin_ns_ = 0, launcher_cpu_ns_ = 0;
  bool begun_ = false, over_ = false, cancelled_ = false, launcher_gone_ = false, troubled_ = false, moved_ = false;
};

Result<Stored> store_journal(const std::filesystem::path& path, Presence presence, const StoreRun& store) {
  const auto contents = journal::open(path);
  if (!contents) return contents.error();
  return store(contents->run, presence);
}

/// HDF5 walks in circles in some damaged files; the launcher, who sees us die, keeps the run.
void limit_time() {
  constexpr rlim_t most_s = 300;
  const auto limit_s = static_cast<rlim_t>(own_cpu_ns() / 1'000'000'000) + most_s;
  const rlimit limit{limit_s, limit_s + 1};
  ::setrlimit(RLIMIT_CPU, &limit);
}

/// In data_out, else in the spool: a disk that is full already is no reason not to measure.
Result<journal::Writer> create_journal(const AgentTask& task, const Run& run, Channel& channel) {
  auto writer = journal::Writer::create(task.data_out, run);
  if (writer || task.spool.empty()) return writer;
  auto spooled = journal::Writer::create(task.spool, run, task.data_out);
  if (!spooled) return writer;
  channel.send({.type = Message::Type::trouble,
                .text = fmt::format("{}; the run is kept in {}", writer.error().what, task.spool.string())});
  return spooled;
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
    if (!baseline) {
      leave_behind(*std::move(instruments));
      return refuse(baseline.error());
    }
    run.nodes.back().baseline = *std::move(baseline);
  }
  auto writer = create_journal(task, run, channel);
  if (!writer) return refuse(writer.error());
  writer->clock(now());
  const auto first_path = writer->path();

  const std::int64_t period = guarded_period_ns(run.frequency_hz, instruments->backends);
  const OverheadLimit limit{.percent = task.max_overhead_percent,
                            .longest_period_ns = longest_period_ns(instruments->backends),
                            .cpu_ns = &own_cpu_ns};
  RegionWatch regions(run.nodes.back().sensors, task.region_frequency_hz);
  const auto marks_ready = regions.open(region_paths(first_path.parent_path(), run.id, 0), 0);
  if (!task.control.empty())
    if (const auto ok = regions.open_control(task.control); !ok) {
      journal::discard(first_path);
      return refuse(ok.error());
    }
  LateJoin late(*instruments, run.nodes.back().sensors);
  Sampler sampler(std::move(instruments->backends), period, task.host, limit, late.fd() >= 0 ? room_for_latecomers : 0);
  if (const auto ok = sampler.start(); !ok) {
    journal::discard(first_path);
    return refuse(ok.error());
  }
  {
    Session session(task, channel, sampler, regions, std::move(late), *std::move(writer));
    session.read_first(instruments->notice);
    if (!marks_ready)
      channel.send({.type = Message::Type::trouble, .text = marks_ready.error().what + ": there will be no regions"});
    if (!session.watch()) {
      journal::discard(session.journal());
      return 0;
    }
    session.finish();
    const auto path = session.journal();
    limit_time();
    const auto stored = store_journal(path, session.presence(), task.store);
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
  std::error_code none;
  if (!task.spool.empty())
    if (auto spooled = journal::path_of(task.spool, task.run.id, host_name()); std::filesystem::exists(spooled, none))
      return spooled;
  return journal::path_of(task.data_out, task.run.id, host_name());
}

void run_agent(const AgentTask& task, Channel channel) {
  detach(std::array{channel.fd()});
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

Result<Stored> rescue(journal::Writer writer, const std::optional<Outcome>& outcome, const StoreRun& store) {
  const auto journal = writer.path();  // locked by `writer` until the run is stored, so that nobody else stores it too
  const auto contents = journal::open(journal);
  if (!contents) return contents.error();
  forget_region_paths(region_paths(journal.parent_path(), contents->run.id, 0));
  if (!contents->begun) {
    journal::discard(journal);
    return Error{Errc::not_found, fmt::format("the program of {} was never started", contents->run.id)};
  }
  if (outcome && !contents->ended) writer.outcome(*outcome, Moment{});
  writer.committing();
  // On a full disk the run can be stored elsewhere all the same. It may be there already: not only when a commit was cut
  // off, also when an earlier state of this journal could not be removed.
  static_cast<void>(writer.sync());
  auto stored = store_journal(journal, Presence::perhaps_there, store);
  if (stored) journal::discard(journal);
  return stored;
}

Result<Stored> rescue(const std::filesystem::path& journal, const std::optional<Outcome>& outcome, const StoreRun& store) {
  auto writer = journal::Writer::reopen(journal);
  if (!writer) return writer.error();
  return rescue(*std::move(writer), outcome, store);
}

}  // namespace perun
