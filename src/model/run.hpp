// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "host/clock.hpp"
#include "host/cpu_scope.hpp"
#include "model/attributes.hpp"
#include "model/baseline.hpp"
#include "model/job.hpp"
#include "model/marks.hpp"
#include "model/recording.hpp"
#include "model/sensor.hpp"

namespace perun {

/// A source that is there but could not be used, told once in the report.
struct BlockedSource {
  std::string backend;
  std::string reason;
  std::string hint;
  friend bool operator==(const BlockedSource&, const BlockedSource&) = default;
};

/// How the sampling itself went.
struct Quality {
  std::uint64_t ticks = 0;           ///< times all sensors were read, but for those in lanes of their own
  std::uint64_t late = 0;            ///< grid points that passed unread
  std::uint64_t lost = 0;            ///< readings that found the ring full
  std::int64_t reading_ns = 0;       ///< time spent inside Backend::read
  std::int64_t agent_cpu_ns = 0;     ///< processor time of the sampling process while the program ran
  std::int64_t launcher_cpu_ns = 0;  ///< the same of the launcher
  std::int64_t latency_p50_ns = 0;   ///< how long a tick's readings took: half of the ticks less, 99 % less
  std::int64_t latency_p99_ns = 0;
  std::int64_t period_ns = 0;        ///< of the grid in the end; 0: not known
  std::int64_t period_begin_ns = 0;  ///< of the grid at the beginning: shorter when the sampler slowed down (--max-overhead)
  friend bool operator==(const Quality&, const Quality&) = default;
};

/// How far a node's wall clock is ahead of that of its job's first node, as calls of MPI tell (model/clock_alignment.hpp).
struct ClockAhead {
  double s = 0;        ///< at the first of those calls; negative: behind
  double error_s = 0;  ///< bound of its error, and of that at the last one
  double drift_s = 0;  ///< how much more it was at the last one
  /// The clocks do differ; else they may well be right, and nothing is put right.
  [[nodiscard]] bool proven() const noexcept { return s > error_s || -s > error_s; }
  friend bool operator==(const ClockAhead&, const ClockAhead&) = default;
};

/// Everything one node saw, untouched: what is stored, and all that the analysis may use.
struct NodeRecord {
  std::string host;
  Attributes attributes;  ///< machine facts: kernel, cpu_model, ... as strings
  std::vector<Sensor> sensors;
  std::vector<Series> series;  ///< one per sensor, same order; empty where `recording` has them
  std::vector<Moment> clock;   ///< pairs of both clocks: begin, every 10 s, end; never empty
  std::vector<BlockedSource> blocked;
  Quality quality;
  std::optional<CpuScope> scope = {};          ///< what the program may use of the node
  std::optional<Baseline> baseline = {};       ///< what the node draws when idle, if that was asked for
  Marks marks = {};                            ///< what the programs marked
  Moment begin = {}, end = {};                 ///< of its part of a job's run, on its own clocks; mono_ns 0: the run's
  std::optional<double> clock_error_s = {};    ///< bound of its wall clock's error; empty: not known, or not synchronized
  std::optional<ClockAhead> clock_ahead = {};  ///< what MPI tells of it; empty: nothing, or it is the first node's
  /// The readings of a run too long for memory; belongs to whoever read the run. Null: `series` has them.
  const Recording* recording = nullptr;
};

/// How the program ended.
struct Outcome {
  bool finished = false;            ///< false: the measuring was cut off and the end is the last reading
  int exit_code = 0;                ///< as a shell reports it: 128 + N when killed by signal N
  int signal = 0;                   ///< the signal that killed the program, or 0
  std::string interrupted_by = {};  ///< why the run is incomplete, for people; empty when finished
  double user_s = 0, system_s = 0;  ///< processor time of the program and its waited-for children
  std::int64_t max_rss_bytes = 0;
  bool running = false;  ///< in progress: read from a journal that is still written
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

/// A value of a factor that changes with time, such as a grid's gCO2e per kWh; it holds until the next one's time.
struct FactorStep {
  std::int64_t real_ns = 0;          ///< CLOCK_REALTIME
  std::optional<double> value = {};  ///< empty: not known from here on
  friend bool operator==(const FactorStep&, const FactorStep&) = default;
};

/// Numbers that turn energy into what the facility takes, CO2e and money. `*_source` is where the value came from.
struct Factors {
  double pue = 1.58;  ///< facility energy / IT energy
  double emissions_kg_per_kWh = 0.355;
  double price_cent_per_kWh = 41.59;
  std::string pue_source = "default", emissions_source = "default", price_source = "default";
  double overhead_power_W = 0;  ///< of each node, for what has no sensor; an assumption
  std::string overhead_source = "default";
  double embodied_kg = 0;     ///< CO2e of making one node; 0: not told
  double lifespan_years = 5;  ///< over which that is spread
  double resource_share = 1;  ///< of a node that the run had, 0..1
  std::string embodied_source = "default", lifespan_source = "default", resource_source = "default";
  /// What the factor is the energy's mean of, from what held as the run began, ascending. Empty: it is one for the whole run.
  std::vector<FactorStep> emissions_over_time = {}, price_over_time = {};
  friend bool operator==(const Factors&, const Factors&) = default;
};

/// One measured execution of a program.
struct Run {
  std::string id;   ///< unique for ever: the run key
  std::string app;  ///< name of the data file and its first group
  int number = -1;  ///< N of exp_N; -1 before it is stored
  std::vector<std::string> command;
  std::string cwd;
  std::string perun_version;
  double frequency_hz = 1;
  std::string round_id = {};  ///< shared by the runs of one --rounds; empty otherwise
  int round = 0;              ///< 0-based
  std::string title = {};     ///< what the user calls this run; may be empty
  std::vector<std::string> tags = {};
  Attributes provenance = {};      ///< what else shaped the run: environment, commit, limits, versions
  std::string postprocessed = {};  ///< when and by what the factors were replaced; empty: never
  std::string origin = {};         ///< of a run that perun did not measure: by what, and what that cannot tell
  Factors factors;
  std::vector<std::pair<std::string, double>> work = {};  ///< --work NAME=N
  Moment begin;                                           ///< the program was let go
  Moment end;                                             ///< the program had ended
  Outcome outcome;
  std::string config_ini;  ///< the configuration in force, as `perun showconf` prints it
  std::vector<NodeRecord> nodes;
  std::optional<JobRecord> job = {};  ///< empty: a program by itself
};

}  // namespace perun
