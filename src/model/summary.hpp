// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/run.hpp"
#include "model/timeline.hpp"

namespace perun {

/// An energy that people see: the sum of what was measured and what was estimated, never one hidden in the other.
struct Amount {
  double measured_J = 0, estimated_J = 0;
  double uncertainty_J = 0;         ///< statistical 95 %, half width, of measured + estimated
  double lower_J = 0, upper_J = 0;  ///< hard bounds
  Kind kind = Kind::unavailable;    ///< unavailable: the joules mean nothing and are printed as n/a
  [[nodiscard]] double joules() const noexcept { return measured_J + estimated_J; }

  /// Adds b; kinds combine (measured + estimated = mixed, unavailable is neutral), uncertainties add in quadrature.
  Amount& operator+=(const Amount& b) noexcept;
};

/// What a region, a device, a node or a run used. power_mean_W is always energy.joules() / duration_s.
struct Usage {
  Amount energy;
  double duration_s = 0;
  double power_mean_W = 0;
  double power_max_W = 0;  ///< at least power_mean_W
};

/// How the calls of a region differ; from calls whose begin and end were both seen.
struct CallSpread {
  std::uint64_t calls = 0;
  double shortest_s = 0, median_s = 0, p95_s = 0, longest_s = 0;
  double least_J = 0, most_J = 0;  ///< of calls that the sensors resolve; both 0: none
};

/// One region in one thread.
struct RegionThread {
  std::int32_t rank = 0, pid = 0, tid = 0;
  std::uint64_t calls = 0;
  double time_s = 0, exclusive_s = 0;
  double energy_J = 0, exclusive_J = 0;
};

/// A region of a program, over all threads of a node or a run. A node's joules are shared out equally among the stacks of open
/// regions; `exclusive` of all regions and the unmarked energy make up the total, whatever the sensors can resolve.
struct RegionSummary {
  std::string name;
  std::uint64_t calls = 0;
  double time_s = 0;       ///< summed over threads, calls inside calls of the same region once
  double exclusive_s = 0;  ///< as the innermost region, summed over threads
  double wall_s = 0;       ///< with any call open; of several nodes the longest
  Amount energy;           ///< inclusive
  Amount exclusive;
  double power_mean_W = 0;       ///< energy / wall_s
  double share = 0;              ///< of the total, inclusive, 0..1
  bool resolved = false;         ///< the calls are long enough for the sensors; else energy is only a share by time
  double call_s = 0;             ///< mean length of a call
  double update_s = 0;           ///< how often the slowest of the sensors showed something new
  std::optional<Amount> pooled;  ///< not resolved: exclusive energy, as all calls together tell it
  CallSpread spread;
  std::vector<RegionThread> threads;
};

/// A counter that the program kept, or work that the user stated.
struct WorkSummary {
  std::string name;
  double amount = 0;
  bool stated = false;         ///< by --work
  double joules_per_unit = 0;  ///< of the total
  double uncertainty_J = 0;    ///< of that, 95 %, half width
};

struct RegionReport {
  std::vector<RegionSummary> regions;  ///< by inclusive energy
  Amount unmarked;                     ///< of no region
  double unmarked_s = 0;               ///< wall time without a region
  std::vector<WorkSummary> work;
  MarkLosses losses;
  bool holes = false;  ///< times and calls are the program's own sums, since single marks were lost
  std::uint64_t moments = 0;
  std::uint64_t spawned = 0;  ///< processes that the program started by MPI_Comm_spawn, as --mpi-hooks tells
  [[nodiscard]] bool empty() const noexcept { return regions.empty() && work.empty(); }
};

struct DeviceSummary {
  std::string id, label, source, note;
  Domain domain = Domain::node;
  Kind kind = Kind::measured;
  bool counted = false;  ///< part of the node's total
  std::string part_of;
  Usage usage;
  double share = 0;              ///< of the node's energy, 0..1; 0 when not counted
  double share_uncertainty = 0;  ///< statistical 95 %, half width
  double systematic_percent = 0;
  std::uint64_t wraps = 0, read_errors = 0, invalid = 0;
};

/// Utilisation, traffic and state of a node over the run; absent where it could not be read.
struct Activity {
  std::optional<double> cpu_utilization;  ///< 0..1 of all CPUs
  std::optional<double> memory_used_max_bytes;
  std::optional<double> disk_read_bytes, disk_written_bytes;
  std::optional<double> network_received_bytes, network_sent_bytes;
  std::optional<double> cpu_frequency_mean_Hz;
  std::optional<double> cpu_temperature_max_C;  ///< of the hottest package
  std::optional<double> cpu_power_limit_W;      ///< the lowest seen of each package, all packages
  std::optional<double> throttle_events;
  // Of the GPUs of the node, where there are any.
  std::optional<double> gpu_utilization;            ///< 0..1, their mean
  std::optional<double> gpu_memory_used_max_bytes;  ///< the greatest of each, added up
  std::optional<double> gpu_temperature_max_C;      ///< of the hottest
  std::optional<double> gpu_power_capped;           ///< 0..1 of the looks at them found it held back by its power limit
  std::optional<double> gpu_slowed;                 ///< likewise, for its temperature or by the hardware
};

/// What is measured inside of a meter of the whole node, which makes up the total alone. The rest is fans, disks, losses.
struct Inside {
  double joules = 0;
  double uncertainty_J = 0;          ///< 95 %, half width
  std::vector<std::string> devices;  ///< ids
};

/// The GPUs that the program may see (CUDA_VISIBLE_DEVICES), of those that are measured.
struct VisibleGpus {
  std::uint64_t gpus = 0, gpus_of_node = 0;
  double joules = 0, joules_of_node = 0;
};

/// Energy beside what the node would have used idle: net = gross - baseline. Below 0 it is shown as it is.
struct Net {
  double baseline_J = 0, net_J = 0;
  double baseline_uncertainty_J = 0;  ///< 95 %, half width, as the baseline's spread and readings give it
  double uncertainty_J = 0;           ///< of net_J: that and the gross energy's, in quadrature
};

/// A node's energy shared out by CPU time. Attributed, not measured: run + others + idle + unattributed is the node's total.
struct Attribution {
  double run_J = 0;              ///< of the run's own processes
  double others_J = 0;           ///< of everybody else's, perun included
  double idle_J = 0;             ///< of no one's
  double unattributed_J = 0;     ///< domains that CPU time says nothing of: memory, GPUs, whole machines
  double run_uncertainty_J = 0;  ///< 95 %, half width; how well CPU time stands for power is not in it
  double run_cpu_s = 0, others_cpu_s = 0, idle_cpu_s = 0;
  bool by_baseline = false;    ///< idle is the baseline's energy; else it is the idle CPU time's part
  bool above_energy = false;   ///< the baseline exceeds what the processors used; idle is cut there
  Kind kind = Kind::measured;  ///< of the energy that is shared out
};

struct NodeSummary {
  std::string host;
  Attributes attributes;
  Usage usage;
  std::optional<CpuScope> scope;
  std::optional<Baseline> baseline;
  std::optional<Net> net;  ///< with a baseline, where the energy is available
  std::optional<Attribution> attributed;
  std::optional<Inside> inside;
  std::optional<VisibleGpus> gpus_visible;
  double overhead_J = 0;               ///< what the factors assume for parts without a sensor; never in `usage`
  std::vector<DeviceSummary> devices;  ///< energy devices: counted first, by energy, then the rest
  Activity activity;
  RegionReport regions;
  std::vector<BlockedSource> blocked;
  Quality quality;
  double frequency_achieved_hz = 0;
  double longest_gap_s = 0;               ///< longest time between two readings
  std::uint64_t readings = 0;             ///< of energy sensors, without the failed ones
  std::uint64_t repeated = 0;             ///< of those: showed what the reading before them showed
  std::optional<double> own_energy_J;     ///< perun's own, by processor time; absent: not known
  std::optional<double> clock_error_s;    ///< bound of its wall clock's error; absent: not synchronized
  std::optional<ClockAhead> clock_ahead;  ///< of the first node's, as calls of MPI tell
};

/// What follows from energy by the factors. Absent when the energy is unavailable.
struct Footprint {
  double facility_kWh = 0;  ///< (energy + overhead) x PUE
  double co2e_kg = 0;
  double cost_cent = 0;
};

/// Of what follows from an energy of this kind and an assumed overhead.
[[nodiscard]] constexpr Kind footprint_kind(Kind energy, double overhead_J) noexcept {
  return energy == Kind::measured && overhead_J > 0 ? Kind::mixed : energy;
}

/// Something a reader must know before believing the numbers.
enum class Caveat : std::uint8_t {
  no_sensor,
  estimated_part,
  not_measured,
  blocked,
  interrupted,
  too_short,
  late_ticks,
  lost_readings,
  slowed_down,
  slow_source,
  stuck,
  clock_jump,
  read_errors,
  invalid_intervals,
  overlapping,
  simulated,
  default_factors,
  net_below_zero,
  baseline_not_idle,
  shared_node,
  foreign_data,
  marks_lost,
  marks_unbalanced,
  clocks_apart,
  part_time,
  mpi
};
inline constexpr std::array<std::string_view, 26> caveat_names{
    "no_sensor",    "estimated_part",  "not_measured",     "blocked",           "interrupted",
    "too_short",    "late_ticks",      "lost_readings",    "slowed_down",       "slow_source",
    "stuck",        "clock_jump",      "read_errors",      "invalid_intervals", "overlapping",
    "simulated",    "default_factors", "net_below_zero",   "baseline_not_idle", "shared_node",
    "foreign_data", "marks_lost",      "marks_unbalanced", "clocks_apart",      "part_time",
    "mpi"};
[[nodiscard]] constexpr std::string_view name(Caveat c) noexcept {
  return caveat_names[static_cast<std::size_t>(c)];
}
struct Note {
  Caveat caveat = Caveat::no_sensor;
  std::string text;  ///< one or two plain sentences, without a full stop at the end
};

struct RunSummary {
  std::string made_by = {};  ///< which analysis computed it; a stored one by another is computed anew
  int number = -1;
  std::string id, app, perun_version, cwd, round_id, title, postprocessed, origin;
  std::vector<std::string> command, tags;
  Attributes provenance;
  int round = 0;
  double frequency_hz = 1;
  std::int64_t begin_real_ns = 0, end_real_ns = 0;
  Outcome outcome;
  Usage usage;                            ///< all nodes
  std::optional<Net> net;                 ///< all nodes; absent unless each has one
  std::optional<Attribution> attributed;  ///< likewise
  double overhead_J = 0;                  ///< of all nodes
  std::optional<Footprint> footprint;
  Factors factors;
  RegionReport regions;  ///< all nodes
  std::vector<NodeSummary> nodes;
  std::optional<JobRecord> job;         ///< absent: a program by itself
  std::vector<double> rank_energies_J;  ///< of each of the job's ranks, its share of its node's; NaN: not known
  std::vector<Note> notes;
};

/// A run of the same application beside the ones that are shown.
struct PastRun {
  int number = -1;
  std::int64_t begin_real_ns = 0;
  Usage usage;
  std::string title;
  bool finished = true;
};

/// What a report shows: one run or several of one application, and what all of them add up to.
struct Summary {
  std::string app;
  std::string file;  ///< as the user would name it; empty before anything is stored
  int runs_in_file = 0;
  std::vector<RunSummary> runs;  ///< the ones asked for, oldest first
  Usage total;                   ///< over all runs in the file, durations added
  std::optional<Footprint> total_footprint;
  // For reports that draw; empty where none does.
  std::vector<Timeline> timelines;  ///< of `runs`, in the same order
  std::vector<PastRun> history;     ///< all runs of the file, oldest first
};

}  // namespace perun
