// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "model/run.hpp"

namespace perun::test {

/// A run with every field set to something that is not its default, and without series.
inline Run filled_run() {
  Run run;
  run.id = "20261122T180411Z-0123456789abcdef";
  run.app = "train";
  run.command = {"python3", "train.py", "", "two\nlines", "[1,2]", "W\xC3\xBCrttemberg"};
  run.cwd = "/home/anna/project";
  run.perun_version = "0.1.0";
  run.frequency_hz = 12.5;
  run.round_id = "round-1";
  run.round = 2;
  run.title = "second try, with W\xC3\xA4rme";
  run.tags = {"adam", "gpu"};
  run.factors = {1.2, 0.1, 30.5, "command line", "PERUN_EMISSIONS_FACTOR", "./.perun.ini:4", 40, "~/.config/perun.ini:3"};
  run.config_ini = "[report]\npue = 1.2\n";
  run.begin = {1'000'000'000, 1'795'370'651'000'000'000};
  run.end = {3'000'000'000, 1'795'370'653'000'000'000};
  run.outcome = {true, 3, 0, "", 1.5, 0.25, 123'456'789};
  NodeRecord node;
  node.host = "gpu07";
  node.attributes = {{"kernel", "6.1.0"}, {"cpu_model", "Model X"}};
  Sensor package{.id = "rapl:package-0", .label = "cpu:0 package", .source = "rapl powercap", .domain = Domain::package};
  package.scale = 1e-6;
  package.resolution = 61;
  package.wraps_at = 262'143'328'850;
  package.refresh_ns = 1'000'000;
  package.counted = true;
  package.max_power_W = 410;
  package.systematic_percent = 3;
  Sensor cores{.id = "rapl:package-0:core", .label = "cpu:0 cores", .source = "rapl powercap", .domain = Domain::cores};
  cores.part_of = package.id;
  cores.note = "detail";
  Sensor memory{.id = "estimate:dram", .label = "dram", .source = "model", .quantity = Quantity::power};
  memory.behavior = Behavior::gauge;
  memory.domain = Domain::dram;
  memory.kind = Kind::estimated;
  memory.index = 1;
  node.sensors = {package, cores, memory};
  node.series.resize(3);
  node.clock = {{999'000'000, 1'795'370'650'999'000'000}};
  node.blocked = {{"nvml", "library not found", "install the driver"}};
  node.quality = {101, 2, 3, 450'000, 6'000'000, 2'000'000, 4'300, 61'000, 250'000'000, 125'000'000};
  node.marks.names = {std::string(other_names), "train", "two\nlines", "tokens"};
  node.marks.threads = {{.number = 0, .rank = 1, .pid = 4711, .tid = 4712, .owners = 2}};
  node.marks.timeline = {{.t_ns = 1'100'000'000, .name = 1, .kind = MarkKind::begin},
                         {.t_ns = 1'200'000'000, .name = 3, .kind = MarkKind::counter, .value = 128.5},
                         {.t_ns = 2'500'000'000, .name = 1, .kind = MarkKind::end}};
  node.marks.holes = {{2'600'000'000, 2'700'000'000, 2, 0, 90'000'000, 80'000'000}};
  node.marks.sums = {{1, 0, 1, 1'400'000'000, 1'300'000'000, 1'400'000'000, 1'400'000'000, 0}, {.name = 3, .sum = 128.5}};
  node.marks.losses = {1, 2, 3, 4, 5, 6};
  run.work = {{"epochs", 4}, {"W\xC3\xB6rter", 1.5}};
  run.nodes = {node};
  return run;
}

}  // namespace perun::test
