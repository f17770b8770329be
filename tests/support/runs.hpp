// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "analysis/summarize.hpp"
#include "model/run.hpp"
#include "support/rig.hpp"

namespace perun::test {

constexpr std::int64_t run_begin_mono = 5'000'000'000'000;
constexpr std::int64_t run_begin_real = 1'795'370'651'000'000'000;  // 2026-11-22T18:04:11Z

/// Adds a sensor and what it showed of `power` at every `period` seconds of a run of `length` seconds.
inline void add_sensor(NodeRecord& node, const Sensor& sensor, const Power& power, double period, double length) {
  Series s = readings(sensor, power, every(period, length), 1000);
  for (auto& t : s.t_ns) t += node.clock.front().mono_ns;
  node.sensors.push_back(sensor);
  node.series.push_back(std::move(s));
}

/// A counter in SI units: 0 at the start, `total` at the end.
inline void add_activity(NodeRecord& node, const char* id, Quantity quantity, Domain domain, double total, double length) {
  Sensor s;
  s.id = s.label = id;
  s.source = "procfs";
  s.quantity = quantity;
  s.domain = domain;
  s.scale = 0.01;
  const auto end = static_cast<std::int64_t>(total * 100);
  Series series;
  series.push({node.clock.front().mono_ns, 7, 0});
  series.push({node.clock.front().mono_ns + ns(length), end + 7, 0});
  if (id == std::string_view("proc:memory_used")) {
    s.behavior = Behavior::gauge;
    series.raw = {end / 2, end};
  }
  node.sensors.push_back(s);
  node.series.push_back(series);
}

inline NodeRecord make_node(const std::string& host, double length, std::int64_t mono = run_begin_mono) {
  NodeRecord node;
  node.host = host;
  node.attributes = {{"kernel", "6.1.0-18-amd64"},
                     {"cpu_model", "Intel(R) Xeon(R) Gold 6338"},
                     {"sockets", "2"},
                     {"threads", "128"},
                     {"virtual_machine", "no"}};
  node.clock = {{mono, run_begin_real}, {mono + ns(length), run_begin_real + ns(length)}};
  node.quality.reading_ns = 4'000'000;
  node.quality.agent_cpu_ns = 6'000'000;
  node.quality.launcher_cpu_ns = 1'000'000;
  node.quality.latency_p50_ns = 41'000;
  node.quality.latency_p99_ns = 130'000;
  node.quality.period_ns = node.quality.period_begin_ns = 100'000'000;
  return node;
}

inline Run make_run(double length) {
  Run run;
  run.id = "20261122T180411Z-8f3a";
  run.app = "train";
  run.number = 6;
  run.command = {"python3", "train.py", "--epochs", "5"};
  run.cwd = "/home/anna/mnist";
  run.perun_version = "0.1.0";
  run.frequency_hz = 10;
  run.begin = {run_begin_mono, run_begin_real};
  run.end = {run_begin_mono + ns(length), run_begin_real + ns(length)};
  run.outcome.finished = true;
  run.outcome.user_s = 2.91;
  run.outcome.system_s = 0.05;
  run.outcome.max_rss_bytes = 45'200'000;
  return run;
}

inline void add_all_activity(NodeRecord& node, double length) {
  add_activity(node, "proc:cpu_busy", Quantity::utilization, Domain::cpu, 48.64 * length, length);
  add_activity(node, "proc:cpu_total", Quantity::utilization, Domain::cpu, 128 * length, length);
  add_activity(node, "proc:memory_used", Quantity::bytes, Domain::memory, 12.4e9, length);
  add_activity(node, "proc:disk_read", Quantity::bytes, Domain::disk, 1.2e6, length);
  add_activity(node, "proc:disk_written", Quantity::bytes, Domain::disk, 3.4e6, length);
  add_activity(node, "proc:net_received", Quantity::bytes, Domain::network, 5.6e3, length);
  add_activity(node, "proc:net_sent", Quantity::bytes, Domain::network, 7.8e3, length);
}

inline Sensor package(int index) {
  Sensor s = rapl();
  s.index = static_cast<std::uint16_t>(index);
  s.id = "rapl:package-" + std::to_string(index);
  s.label = "cpu:" + std::to_string(index) + " package";
  return s;
}

inline Sensor dram(int index) {
  Sensor s = package(index);
  s.id += ":dram";
  s.label = "cpu:" + std::to_string(index) + " dram";
  s.domain = Domain::dram;
  s.max_power_W = 150;
  return s;
}

/// A model's counter of joules.
inline Sensor estimated(Domain domain, const std::string& id, const std::string& label, const std::string& note) {
  Sensor s = ideal_counter();
  s.id = id;
  s.label = label;
  s.source = "model";
  s.domain = domain;
  s.kind = Kind::estimated;
  s.systematic_percent = 30;
  s.note = note;
  s.max_power_W = 0;
  return s;
}

/// Two sockets with DRAM, cores shown but not counted: a step from 100 to 300 W on socket 0.
inline Run measured_run() {
  Run run = make_run(3);
  NodeRecord node = make_node("gpu07", 3);
  node.quality.ticks = 31;
  add_sensor(node, package(0), Power({{1, 100}, {2, 300}}), 0.1, 3);
  add_sensor(node, package(1), Power({{3, 50}}), 0.1, 3);
  add_sensor(node, dram(0), Power({{3, 12}}), 0.1, 3);
  add_sensor(node, dram(1), Power({{3, 11}}), 0.1, 3);
  Sensor cores = package(0);
  cores.id = "rapl:package-0:core";
  cores.label = "cpu:0 cores";
  cores.domain = Domain::cores;
  cores.counted = false;
  cores.part_of = "rapl:package-0";
  add_sensor(node, cores, Power({{1, 80}, {2, 250}}), 0.1, 3);
  add_all_activity(node, 3);
  run.nodes = {node};
  return run;
}

/// The same in a job on a sixteenth of the node, which was watched before, but not idle then.
inline Run baseline_run() {
  Run run = measured_run();
  NodeRecord& node = run.nodes.front();
  node.scope = CpuScope{128, 8, 0, "/job_7/step_0"};
  node.baseline = Baseline{.power_W = 150, .spread_W = 1.5, .reading_W = 0.1, .cpu_W = 130, .blocks = 10, .seconds = 10};
  node.baseline->cpu_busy = 0.07;
  node.baseline->real_ns = run_begin_real - 1'000'000'000;
  node.baseline->origin = "measured before the run";
  node.baseline->sensors = {"rapl:package-0", "rapl:package-1", "rapl:package-0:dram", "rapl:package-1:dram"};
  return run;
}

/// With an overhead assumed, a title, tags, other factors since, and what perun knew of the surroundings.
inline Run assumed_run() {
  Run run = measured_run();
  run.factors.overhead_power_W = 40;
  run.factors.overhead_source = "command line";
  run.title = "second try";
  run.tags = {"adam", "gpu"};
  run.postprocessed = "2026-11-23T08:00:00.000Z by perun 0.1.0";
  run.provenance = {{"git_commit", "0123456789abcdef0123456789abcdef01234567"}, {"env:OMP_NUM_THREADS", "8"}};
  return run;
}

/// The package measured, DRAM estimated; one reading failed.
inline Run mixed_run() {
  Run run = make_run(3);
  run.factors.pue = 1.2;
  run.factors.pue_source = "command line";
  NodeRecord node = make_node("desk", 3);
  node.quality.ticks = 31;
  node.quality.late = 2;
  add_sensor(node, package(0), Power({{3, 60}}), 0.1, 3);
  node.series[0].raw[10] = missing;
  add_sensor(node, estimated(Domain::dram, "estimate:dram", "dram", "assumes 64 GB at 0.392 W/GB"), Power({{3, 25.1}}), 0.1, 3);
  node.blocked = {{"hwmon", "/sys/class/hwmon/hwmon2/power1_input: permission denied", "sudo chmod a+r that file"}};
  add_all_activity(node, 3);
  run.nodes = {node};
  return run;
}

/// A virtual machine: nothing but a model.
inline Run estimated_run() {
  Run run = make_run(60);
  run.frequency_hz = 1;
  NodeRecord node = make_node("vm3", 60);
  node.attributes = {{"sockets", "1"}, {"threads", "2"}, {"virtual_machine", "yes"}};
  node.quality.ticks = 61;
  add_sensor(node, estimated(Domain::package, "estimate:cpu", "cpu:0", "assumes 8 W TDP (4 W per core)"), Power({{60, 45.2}}),
             1, 60);
  add_all_activity(node, 60);
  run.nodes = {node};
  return run;
}

/// The same with --no-estimate; the program was killed.
inline Run unavailable_run() {
  Run run = estimated_run();
  run.outcome.exit_code = 139;
  run.outcome.signal = 11;
  NodeRecord& node = run.nodes.front();
  node.sensors.erase(node.sensors.begin());
  node.series.erase(node.series.begin());
  node.blocked = {{"rapl", "/sys/class/powercap/intel-rapl:0/energy_uj: permission denied",
                   "sudo chmod a+r /sys/class/powercap/intel-rapl*/energy_uj"}};
  return run;
}

/// Cut off after 1.7 of 3 s, with a counter reset on the way.
inline Run interrupted_run() {
  Run run = make_run(3);
  run.outcome = {};
  run.outcome.interrupted_by = "the agent was killed";
  NodeRecord node = make_node("gpu07", 3);
  node.quality.ticks = 18;
  node.quality.lost = 1;
  add_sensor(node, package(0), Power({{3, 100}}), 0.1, 1.7);
  for (std::size_t i = 9; i < node.series[0].raw.size(); ++i) node.series[0].raw[i] -= 1'080'000'000;
  run.nodes = {node};
  return run;
}

/// Seven nodes on clocks of their own, one of them without sensors.
inline Run nodes_run() {
  Run run = make_run(10);
  run.command = {"./solver", "input file.nml"};
  for (int i = 0; i < 7; ++i) {
    NodeRecord node = make_node("n" + std::to_string(i + 1), 10, run_begin_mono + i * 777'000'000'000);
    node.quality.ticks = 101;
    if (i == 6) {
      add_sensor(node, estimated(Domain::package, "estimate:cpu", "cpu:0", "assumes 205 W TDP"), Power({{10, 180}}), 0.1, 10);
    } else {
      for (int socket = 0; socket < 2; ++socket)
        add_sensor(node, package(socket), Power({{4, 100.0 + 5 * i}, {6, 200}}), 0.1, 10);
    }
    add_all_activity(node, 10);
    run.nodes.push_back(node);
  }
  return run;
}

/// A job of seven ranks on three nodes: one failed, one was killed with its perun, one was never seen.
inline Run job_run() {
  Run run = nodes_run();
  run.nodes.resize(3);
  run.job = JobRecord{.launcher = "slurm",
                      .key = "slurm-17.3",
                      .size = 7,
                      .scheduler = {{"job_id", "17"}, {"step_id", "3"}, {"job_name", "melt"}, {"partition", "batch"}}};
  for (int i = 0; i < 6; ++i) {
    NodeRecord& node = run.nodes[static_cast<std::size_t>(i / 2)];
    const std::int64_t mono = node.clock.front().mono_ns;
    RankRecord r{.rank = i,
                 .node = i / 2,
                 .status = RankStatus::ok,
                 .pid = 1000 + i,
                 .begin = {mono + ns(0.5), run_begin_real + ns(0.5)},
                 .end = {mono + ns(9.5), run_begin_real + ns(9.5)},
                 .user_s = 8.5,
                 .system_s = 0.25,
                 .max_rss_bytes = 45'200'000};
    node.begin = r.begin;
    node.end = r.end;
    if (i < 4) node.clock_error_s = 0.0012;
    run.job->ranks.push_back(r);
  }
  RankRecord& failed = run.job->ranks[3];
  failed.status = RankStatus::failed;
  failed.exit_code = 139;
  failed.signal = 11;
  failed.end = {failed.begin.mono_ns + ns(4), failed.begin.real_ns + ns(4)};
  run.job->ranks[4].status = RankStatus::lost;
  run.begin = run.nodes[0].begin;
  run.end = run.nodes[0].end;
  run.outcome = {false, 139, 11, "rank 4 killed together with perun; rank 6 never seen", 51, 1.5, 45'200'000};
  return run;
}

/// Words that YAML, terminals and tables trip over.
inline Run awkward_run() {
  Run run = measured_run();
  run.app = "no";
  run.command = {"123",
                 "1e5",
                 "true",
                 "null",
                 "~",
                 "2026-11-22",
                 "12:30",
                 "0x1F",
                 "1_000",
                 "",
                 "a\nb",
                 "\x7F",
                 "\xFF\xFE",
                 "caf\xC3\xA9",
                 "\xE6\x97\xA5\xE6\x9C\xAC",
                 "- x: #y",
                 "'\"\\",
                 "\x1B[31mred",
                 std::string(200, 'x')};
  run.cwd = "/tmp/\xF0\x9F\x94\x8B \xEF\xBF\xBE";
  run.outcome.interrupted_by = ".inf";
  NodeRecord& node = run.nodes.front();
  node.host = "yes";
  node.attributes = {{"on", "off"}, {"1e5", "1e22"}, {"a b: c", "y"}, {"", "empty"}};
  node.sensors[0].label = "\xE9\x9B\xBB\xE5\x8A\x9B\xE8\xA8\x88 with a label that is far too long for a table";
  node.sensors[1].source = "a source whose description needs several lines of its own";
  return run;
}

/// Phases of a program: nested regions, two threads, calls too short for the counter, a counter and stated work.
inline Run regions_run() {
  Run run = measured_run();
  run.work = {{"epochs", 5}};
  Marks& marks = run.nodes.front().marks;
  marks.names = {std::string(other_names), "load data", "train", "step", "kernel", "tokens"};
  marks.threads = {{.number = 0, .pid = 4711, .tid = 4711}, {.number = 1, .pid = 4711, .tid = 4712}};
  const auto at = [&](double t, MarkKind kind, std::uint32_t name, std::uint16_t thread = 0) {
    marks.timeline.push_back({.t_ns = run_begin_mono + ns(t), .name = name, .thread = thread, .kind = kind});
  };
  at(0.1, MarkKind::begin, 1);
  at(0.9, MarkKind::end, 1);
  at(1.0, MarkKind::begin, 2);
  for (int i = 0; i < 2; ++i) {
    at(1.0 + i * 0.9, MarkKind::begin, 3);
    at(1.8 + i * 0.9, MarkKind::end, 3);
  }
  for (int i = 0; i < 40; ++i) {
    at(1.0 + i * 0.045, MarkKind::begin, 4, 1);
    at(1.003 + i * 0.045, MarkKind::end, 4, 1);
  }
  at(2.9, MarkKind::end, 2);
  marks.timeline.push_back({.t_ns = run_begin_mono + ns(2.95), .name = 5, .kind = MarkKind::counter, .value = 1000});
  marks.sums = {{.name = 5, .sum = 1000}};
  marks.losses.unmatched = 2;
  return run;
}

/// Three ranks under --mpi-hooks; rank 0 comes late to a barrier, and starts two more processes.
inline Run mpi_run() {
  Run run = measured_run();
  run.provenance.emplace_back("mpi_hooks", "/usr/libexec/perun/libperunmpi.so");
  run.job = JobRecord{.launcher = "openmpi", .key = "ompi-1.2", .size = 3};
  Marks& marks = run.nodes.front().marks;
  marks.names = {std::string(other_names), "MPI_Init..MPI_Finalize",     "MPI_Init", "MPI_Barrier", "MPI_Sendrecv",
                 "MPI_Finalize",           "processes of MPI_Comm_spawn"};
  for (int rank = 0; rank < 3; ++rank) {
    run.job->ranks.push_back({.rank = rank, .node = 0, .status = RankStatus::ok, .pid = 4000 + rank});
    run.job->ranks.back().begin = run.begin;
    run.job->ranks.back().end = run.end;
    const auto thread = static_cast<std::uint16_t>(rank);
    marks.threads.push_back({.number = thread, .rank = rank, .pid = 4000 + rank, .tid = 4000 + rank});
    const auto call = [&](double from, double to, std::uint32_t name) {
      marks.timeline.push_back({.t_ns = run_begin_mono + ns(from), .name = name, .thread = thread, .kind = MarkKind::begin});
      if (name == 1) return;
      marks.timeline.push_back({.t_ns = run_begin_mono + ns(to), .name = name, .thread = thread, .kind = MarkKind::end});
    };
    call(0.2, 0, 1);
    call(0.2, 0.6, 2);
    call(rank == 0 ? 1.8 : 0.8, 1.9, 3);
    call(2, 2.2, 4);
    call(2.4, 2.6, 5);
    marks.timeline.push_back({.t_ns = run_begin_mono + ns(2.6), .name = 1, .thread = thread, .kind = MarkKind::end});
    if (rank == 0)
      marks.timeline.push_back({.t_ns = run_begin_mono + ns(2.7), .name = 6, .kind = MarkKind::counter, .value = 2});
  }
  return run;
}

/// One run shown out of a file of several.
inline Summary summary_of(const Run& run, int runs_in_file) {
  Summary s;
  s.app = run.app;
  s.file = "results/train.hdf5";
  s.runs_in_file = runs_in_file;
  s.runs = {summarize(run)};
  s.total = s.runs[0].usage;
  s.total_footprint = s.runs[0].footprint;
  if (runs_in_file < 2) return s;
  s.total.energy += s.runs[0].usage.energy;
  s.total.duration_s *= 2;
  if (s.runs[0].footprint) s.total_footprint = footprint(s.total.energy.joules() + 2 * s.runs[0].overhead_J, run.factors);
  return s;
}

}  // namespace perun::test
