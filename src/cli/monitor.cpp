// SPDX-License-Identifier: BSD-3-Clause
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "analysis/summarize.hpp"
#include "base/text.hpp"
#include "cli/archive.hpp"
#include "cli/baseline.hpp"
#include "cli/commands.hpp"
#include "cli/instruments.hpp"
#include "cli/last_push.hpp"
#include "cli/output.hpp"
#include "cli/outside.hpp"
#include "cli/preload.hpp"
#include "cli/progress.hpp"
#include "cli/pusher.hpp"
#include "cli/ranks.hpp"
#include "cli/recovery.hpp"
#include "cli/session.hpp"
#include "cli/terminal.hpp"
#include "cli/timelines.hpp"
#include "host/lock_file.hpp"
#include "journal/journal.hpp"
#include "launch/job.hpp"
#include "launch/measure.hpp"
#include "launch/place.hpp"
#include "store/store.hpp"
#include "version.hpp"

namespace perun {

namespace fs = std::filesystem;

namespace {

constexpr int failed_before_start = 125, not_executable = 126, not_found = 127;

int exit_status(const Error& error) {
  return error.code == Errc::not_found ? not_found : error.code == Errc::denied ? not_executable : failed_before_start;
}

std::string variable(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : value;
}

/// DATA_OUT, made if need be and writable; takes away again what it made when nothing came of it.
class DataFolder {
 public:
  static Result<DataFolder> prepare(const fs::path& path) {
    DataFolder folder;
    std::error_code error;
    folder.path_ = fs::weakly_canonical(path, error);
    if (error) folder.path_ = fs::absolute(path, error);
    for (fs::path p = folder.path_; !p.empty() && !fs::exists(p, error) && p != p.root_path(); p = p.parent_path())
      if (p.has_filename()) folder.made_.push_back(p);
    fs::create_directories(folder.path_, error);
    if (!error && ::faccessat(AT_FDCWD, folder.path_.c_str(), W_OK | X_OK, AT_EACCESS) == 0) return folder;
    const int why = error ? error.value() : errno;
    folder.take_away();
    // A folder that nobody may write is a wrong choice, a disk that is full or broken an accident.
    const bool accident = why == ENOSPC || why == EDQUOT || why == EIO;
    return Error{accident ? Errc::io : Errc::denied,
                 fmt::format("cannot write to the data folder {}: {}", path.string(), std::strerror(why)),
                 "choose another with --data_out DIR"};
  }
  /// One for a run that is not to be stored, below $TMPDIR.
  static Result<DataFolder> scratch() {
    std::error_code error;
    std::string path = (fs::temp_directory_path(error) / "perun-measure-XXXXXX").string();
    if (error || ::mkdtemp(path.data()) == nullptr)
      return Error{Errc::io, fmt::format("cannot make a folder below the temporary one: {}", std::strerror(errno)),
                   "name a writable one in TMPDIR"};
    DataFolder folder;
    folder.path_ = path;
    folder.made_.push_back(path);
    return folder;
  }
  [[nodiscard]] const fs::path& path() const noexcept { return path_; }
  void take_away() const noexcept {
    for (const auto& p : made_) ::rmdir(p.c_str());  // deepest first; one that is in use stays
  }

 private:
  fs::path path_;
  std::vector<fs::path> made_;
};

/// With -v, where locks are files: what waits for what is different there (docs/format.md).
void tell_of_locks(const fs::path& folder, const Config& config) {
  if (config.log_lvl != "INFO" && config.log_lvl != "DEBUG") return;
  const Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd && try_flock(fd.get(), LOCK_SH) == Flock::none)
    say(fmt::format("the file system of {} has no locks (flock: {}); lock files are used there", folder.string(),
                    std::strerror(errno)));
}

/// The name that runs are filed under, made fit to be one when it comes from the program.
std::string filed_under(const Program& program, const Config& config) {
  if (!config.name.empty()) return config.name;
  std::string name;
  for (const char c : text::to_utf8(program.name))
    name += static_cast<unsigned char>(c) < 0x20 || c == '/' || c == '\x7f' ? '_' : c;
  if (name.empty() || name[0] == '.') name.insert(0, 1, '_');
  while (name.size() > 200 || !text::is_utf8(name)) name.pop_back();
  return name;
}

/// Everything about a `monitor` that its rounds share.
struct Plan {
  const Config& config;
  Program program;
  std::string app;
  fs::path data_out;
  Run header;
  std::vector<int> inherited;    ///< the program's files above stderr
  bool may_spool = false;        ///< the user named a second place: data_out need not work
  BaselinePlan baseline = {};    ///< the first round's; the others take over what it found
  CallerLine* caller = nullptr;  ///< not null: it is measured instead of a program
  bool forget = false;           ///< nothing is stored
  Place place = {};              ///< in a job
  FactorChoice choice = {};
  std::string preload = {};  ///< a library that the program loads first
  int signal = 0;            ///< that killed the program, when it was a job's rank
};

Run header_of(const Plan& plan, const Resolved& resolved, const std::vector<std::string>& words) {
  Run run;
  run.app = plan.app;
  run.command = words_from_outside().value_or(words);
  std::error_code none;
  run.cwd = fs::current_path(none).string();
  run.perun_version = version;
  run.frequency_hz = plan.config.frequency_hz;
  run.tags = plan.config.tags;
  run.provenance = {{"hdf5", hdf5_version()}};
  if (!plan.preload.empty()) run.provenance.emplace_back("mpi_hooks", plan.preload);
  run.config_ini = to_ini(resolved, false);
  run.work = plan.config.work;
  return run;
}

AgentTask task_for(const Plan& plan, int round, const std::string& round_id) {
  AgentTask task{.host = host_of(plan.config),
                 .data_out = plan.data_out,
                 .run = plan.header,
                 .open = {},
                 .store = storing_into(plan.data_out, plan.choice),
                 .region_frequency_hz = plan.config.region_frequency_hz,
                 .control = plan.config.control.empty() ? fs::path() : fs::absolute(plan.config.control),
                 .max_overhead_percent = plan.config.max_overhead_percent,
                 .spool = spool_of(plan.config),
                 .preload = plan.preload,
                 .prepare = prepare_store};
  task.run.id = journal::new_run_key();
  task.of_caller = plan.caller != nullptr;
  if (plan.forget) task.store = storing_nowhere(plan.choice);
  task.baseline = plan.baseline.find;
  task.baseline_ns = plan.baseline.ns;
  task.run.round = round;
  task.run.round_id = round_id;
  task.open = [&plan, round]() -> Result<Instruments> {
    // In the agent, so that the launcher never wakes HDF5.
    const auto ok = check_appendable(data_file(plan.data_out, plan.app), plan.app);
    if (!ok && !(plan.may_spool && (ok.error().code == Errc::denied || ok.error().code == Errc::io))) return ok.error();
    auto instruments = open_instruments(plan.config);
    if (instruments && round > 0) instruments->notice.clear();  // told once
    return instruments;
  };
  return task;
}

/// Later rounds read the same input again when it can be rewound, else none.
void rewind_input() {
  if (::lseek(STDIN_FILENO, 0, SEEK_SET) == 0) return;
  const Fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (null) ::dup2(null.get(), STDIN_FILENO);
}

/// Adds what one execution gave to the summary of all rounds.
void add_round(Summary& summary, const Plan& plan, const Measured& measured, bool draw) {
  if (!measured.summary && !measured.run) return;
  RunSummary run;
  if (measured.summary) {
    run = *measured.summary;
  } else {
    Run unstored = *measured.run;
    unstored.factors = plan.choice.folded(unstored);
    run = summarize(unstored);
  }
  summary.app = plan.app;
  if (measured.stored && !plan.forget) {
    run.number = measured.stored->number;
    summary.file = data_file(plan.config.data_out, plan.app).string();
    summary.runs_in_file = measured.stored->runs_in_file;
    summary.total = measured.stored->total;
    summary.total_footprint = measured.stored->footprint;
  }
  summary.runs.push_back(std::move(run));
  if (summary.runs_in_file == 0) {  // nothing stored: this run is all there is
    summary.total = summary.runs.back().usage;
    summary.total_footprint = summary.runs.back().footprint;
  }
  if (draw && measured.run && summary.runs.back().number < 0) add_timeline(summary, *measured.run, plan.config);
}

Result<Measured> measure_round(const Plan& plan, const AgentTask& task, SignalRelay& relay, int round) {
  if (plan.caller != nullptr) return measure_caller(plan.caller->caller(), task, relay, say);
  if (plan.place.shared()) return measure_rank(plan.program, {task, plan.place}, relay, say);
  if (round > 0) rewind_input();
  const Files files = round + 1 == plan.config.rounds ? Files::let_go : Files::keep;
  return measure(plan.program, task, relay, files, plan.inherited, say);
}

int run_rounds(Plan& plan, const CommandLine& line, SignalRelay& relay, Outputs& outputs) {
  const Config& config = plan.config;
  const std::string round_id = config.rounds > 1 ? journal::new_run_key() : "";
  int status = 0;
  for (int i = 0; i < config.warmup_rounds && status == 0; ++i) {
    const auto code = run_unmeasured(plan.program, relay);
    if (!code) {
      complain(code.error());
      return exit_status(code.error());
    }
    status = *code;
    rewind_input();
  }
  Summary summary;
  for (int round = 0; round < config.rounds && status == 0; ++round) {
    const AgentTask task = task_for(plan, round, round_id);
    if (!plan.baseline.notice.empty()) say(plan.baseline.notice);
    const auto measured = [&] {
      const bool alone = !line.quiet && plan.caller == nullptr && !plan.place.shared();
      const Progress progress = alone ? Progress::start(plan.data_out, config) : Progress();
      return measure_round(plan, task, relay, round);
    }();
    if (!measured) {
      outputs.abandon();
      complain(measured.error());
      return exit_status(measured.error());
    }
    status = measured->exit_code;
    plan.signal = measured->signal;
    add_round(summary, plan, *measured, outputs.draw());
    if (!summary.runs.empty() && !summary.runs.back().nodes.empty())
      if (const auto& found = summary.runs.back().nodes.front().baseline)
        plan.baseline = {[found = *found](const auto&, auto) -> Result<Baseline> { return found; }};
    if (measured->not_stored) complain(*measured->not_stored);
  }
  if (summary.runs.empty()) return status;
  if (outputs.draw() && !summary.file.empty())
    if (const auto ok = add_timelines(summary, data_file(config.data_out, plan.app), config); !ok) complain(ok.error());
  if (line.quiet) static_cast<void>(write_text(STDERR_FILENO, one_line(summary, summary.runs.back())));
  if (!line.quiet || !line.outputs.empty())
    if (const auto ok = outputs.write(summary, config); !ok) complain(ok.error());
  if (line.otlp)
    if (const auto ok = push_runs(*line.otlp, summary.runs); !ok) complain(ok.error());
  if (plan.caller != nullptr) static_cast<void>(write_text(STDOUT_FILENO, find_report_writer("json")->write(summary, {})));
  return status;
}

/// The exit status of an srun that all nodes of the allocation are measured around; nothing when that cannot be.
std::optional<int> run_outside(const Program& program, const std::string& app, const std::vector<std::string>& words) {
  auto step = SideStep::start(app, words);
  if (!step) {
    say(step.error().what);
    return std::nullopt;
  }
  auto relay = SignalRelay::start();
  const auto status = relay ? run_unmeasured(program, *relay) : Result<int>(relay.error());
  step->finish(status ? *status : failed_before_start);
  if (status) return *status;
  complain(status.error());
  return exit_status(status.error());
}

}  // namespace

int monitor(const CommandLine& line, const Resolved& resolved) {
  const Config& config = resolved.config;
  std::optional<CallerLine> caller;
  if (line.command == Command::session) {
    auto answered = CallerLine::answer();
    if (!answered) {
      complain(answered.error());
      return failed_before_start;
    }
    caller = *std::move(answered);
  }
  auto program =
      caller ? Result<Program>(Program{{}, line.program, app_name(line.program)})
             : resolve_program(line.program, {variable("PATH", "/usr/local/bin:/usr/bin:/bin"), variable("PERUN_PYTHON", "")});
  if (!program) {
    complain(program.error());
    return exit_status(program.error());
  }
  if (line.otlp)
    if (const auto good = Pusher::check(*line.otlp); !good) {
      complain(good.error());
      return 2;
    }
  Plan plan{config, *std::move(program), {}, {}, {}, inherited_files()};  // before anything of ours is open
  plan.forget = line.forget;
  plan.app = filed_under(plan.program, config);
  if (const auto ok = check_app_name(plan.app); !ok) {
    complain(ok.error());
    return 2;
  }
  if (!caller) {
    plan.place = find_place();
    if (nested_rank(plan.place)) return run_as_it_is(plan.program);
    if (plan.place.shared() && (config.rounds > 1 || config.warmup_rounds > 0)) {
      complain(no_rounds(plan.place));
      return 2;
    }
    auto preload = preload_of(config);
    if (!preload) {
      complain(preload.error());
      return failed_before_start;
    }
    plan.preload = *std::move(preload);
    if (is_srun_in_allocation(line.program, plan.place)) {
      if (config.mpi_hooks) say("--mpi-hooks has no effect in front of srun: put perun behind it");
      const auto app = config.name.empty() ? app_behind_srun(line.program, variable("PATH", "/usr/bin:/bin")) : "";
      if (const auto status = run_outside(plan.program, app, line.program)) return *status;
    }
    if (const auto warning = outer_warning(line.program, plan.place); !warning.empty()) say(warning);
  }
  if (caller && config.mpi_hooks) {
    complain({Errc::invalid, "mpi-hooks is for programs that perun starts", "perun monitor --mpi-hooks PROGRAM"});
    return 2;
  }
  auto choice = FactorChoice::of(resolved, Layer::built_in);
  auto begin = choice ? choice->at(now().real_ns) : Result<Factors>(choice.error());
  if (!begin) {
    complain(begin.error());
    return 2;
  }
  plan.choice = *std::move(choice);
  auto baseline = plan_baseline(config);
  if (!baseline) {
    complain(baseline.error());
    return 2;
  }
  plan.baseline = *std::move(baseline);
  const auto folder = line.forget ? DataFolder::scratch() : DataFolder::prepare(config.data_out);
  // One node's trouble must not end a job that waited for its start; a typing error is told there too.
  const bool accident =
      !folder && (folder.error().code == Errc::io || (plan.place.shared() && folder.error().code == Errc::denied));
  plan.may_spool = (accident || resolved.origin.contains("spool")) && !spool_of(config).empty();
  // A rank without any place runs unmeasured, as its agent will say.
  if (!folder && !plan.may_spool && !(accident && plan.place.shared())) {
    complain(folder.error());
    return failed_before_start;
  }
  const auto take_away = [&] {
    if (folder) folder->take_away();
  };
  std::error_code none;
  plan.data_out = folder ? folder->path() : fs::absolute(config.data_out, none);
  tell_of_locks(plan.data_out, config);
  plan.header = header_of(plan, resolved, line.program);
  plan.header.factors = *std::move(begin);
  const auto refuse = [&](const Error& error) {
    take_away();
    complain(error);
    return failed_before_start;
  };
  if (plan.place.rank == 0)
    for (const auto& recovered : recover(plan.data_out, config)) say(recovered);
  auto outputs = Outputs::open(line.outputs, config, STDERR_FILENO);
  if (!outputs) return refuse(outputs.error());
  auto relay = SignalRelay::start();
  if (!relay) return refuse(relay.error());
  if (caller) plan.caller = &*caller;
  const int status = run_rounds(plan, line, *relay, *outputs);
  take_away();
  if (plan.signal != 0) die_of(plan.signal);  // the process manager shall see what it would see without perun
  return status;
}

}  // namespace perun
