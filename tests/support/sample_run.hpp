// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/missing.hpp"
#include "model/summary.hpp"

namespace perun::test {

inline constexpr std::int64_t sample_mono_ns = 5'000'000'000;
inline constexpr std::int64_t sample_real_ns = 1'795'370'651'123'456'789;  // 2026-11-22T18:04:11.123Z

/// A sensor that is read at 1 Hz from the sample moment on; reading k is `first + k * step`, `lag` ns behind the tick.
inline void add_sensor(NodeRecord& node, Sensor sensor, std::size_t ticks, std::int64_t first, std::int64_t step,
                       std::int64_t lag) {
  Series series;
  for (std::size_t k = 0; k < ticks; ++k) {
    const auto i = static_cast<std::int64_t>(k);
    series.push({sample_mono_ns + i * 1'000'000'000 + lag, first + i * step, static_cast<std::int32_t>(1000 + lag % 97)});
  }
  node.sensors.push_back(std::move(sensor));
  node.series.push_back(std::move(series));
}

/// A node with `sensors` energy counters in microjoules; counter i gives 10 + i W.
inline NodeRecord sample_node(std::string host, std::size_t sensors, std::size_t ticks) {
  NodeRecord node;
  node.host = std::move(host);
  node.attributes = {{"kernel", "6.1.0"}, {"cpu_model", "Test CPU"}};
  node.clock = {{sample_mono_ns, sample_real_ns}, {sample_mono_ns + 10'000'000'000, sample_real_ns + 10'000'000'123}};
  node.quality = {ticks, 1, 2, 3'000, 4'000, 5'000, 600, 700, 80'000, 8'000};
  node.scope = CpuScope{64, 16, 2.5, "/job_7"};
  node.baseline = Baseline{.power_W = 31.4, .spread_W = 0.2, .cpu_W = 20, .blocks = 10, .seconds = 10, .host = node.host};
  for (std::size_t i = 0; i < sensors; ++i) {
    Sensor s;
    s.id = "rapl:package-" + std::to_string(i);
    s.label = "cpu:" + std::to_string(i) + " package";
    s.source = "rapl powercap";
    s.domain = Domain::package;
    s.index = static_cast<std::uint16_t>(i);
    s.scale = 1e-6;
    s.counted = true;
    const auto lag = static_cast<std::int64_t>(i) * 700;
    add_sensor(node, std::move(s), ticks, 1'000'000, 10'000'000 + static_cast<std::int64_t>(i) * 1'000'000, lag);
  }
  return node;
}

inline Run sample_run(std::size_t sensors = 2, std::size_t ticks = 2, std::string app = "app") {
  Run run;
  run.id = "run-1";
  run.app = std::move(app);
  run.command = {"python3", "train.py", "--epochs", "5"};
  run.cwd = "/home/user";
  run.perun_version = "0.1.0";
  run.begin = {sample_mono_ns, sample_real_ns};
  run.end = {sample_mono_ns + 1'000'000'000, sample_real_ns + 1'000'000'000};
  run.outcome.finished = true;
  run.config_ini = "[monitor]\nfrequency = 1\n";
  run.nodes.push_back(sample_node("node", sensors, ticks));
  return run;
}

/// 3.6 MJ in 2 s: 1 kWh.
inline RunSummary sample_summary() {
  RunSummary s;
  s.usage.energy = {3.6e6, 0, 12.5, 3.5e6, 3.7e6, Kind::measured};
  s.usage.duration_s = 2;
  s.usage.power_mean_W = 1.8e6;
  s.usage.power_max_W = 2e6;
  s.footprint = Footprint{1.58, 0.5609, 65.7122};
  NodeSummary node;
  node.usage = s.usage;
  s.nodes.push_back(node);
  return s;
}

}  // namespace perun::test
