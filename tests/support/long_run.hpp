// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "model/recording.hpp"
#include "model/run.hpp"

namespace perun::test {

/// Readings of counters, and of a gauge in each tenth sensor, as many as wanted and in no memory: powers of about 100 W that
/// wander, read 3 us apart, with jitter. The same every time.
class LongRecording : public Recording {
 public:
  LongRecording(std::size_t sensors, std::size_t ticks, std::int64_t period_ns)
      : sensors_(sensors), ticks_(ticks), period_ns_(period_ns) {}

  static bool is_gauge(std::size_t sensor) { return sensor % 10 == 9; }

  Status replay(const std::function<void(std::span<const Sample>)>& take) const override {
    std::vector<Sample> tick(sensors_);
    std::uint64_t random = 42;
    for (std::size_t k = 0; k < ticks_; ++k) {
      const std::int64_t start = 1'000'000'000 + static_cast<std::int64_t>(k) * period_ns_;
      for (std::size_t i = 0; i < sensors_; ++i) {
        random = random * 6364136223846793005U + 1442695040888963407U;
        const auto noise = static_cast<std::int64_t>(random >> 48);  // 0 .. 65535
        Reading& r = tick[i].reading;
        tick[i].sensor = static_cast<std::uint32_t>(i);
        r.t_ns = start + static_cast<std::int64_t>(i) * 3'000 + noise % 20'000;
        r.halfwidth_ns = static_cast<std::int32_t>(1'000 + noise % 500);
        const std::int64_t mW = 90'000 + noise % 20'000;
        r.raw = is_gauge(i) ? mW : r.raw + mW * period_ns_ / 1'000'000 / 61 * 61;  // uJ in steps of 61
      }
      take(tick);
    }
    return Ok{};
  }

 private:
  std::size_t sensors_, ticks_;
  std::int64_t period_ns_;
};

/// A run of that recording, which must stay.
inline Run long_run(const LongRecording& recording, std::size_t sensors, std::size_t ticks, std::int64_t period_ns) {
  Run run;
  run.id = "long";
  run.app = "long";
  run.perun_version = "0.1.0";
  run.command = {"./long"};
  run.frequency_hz = 1e9 / static_cast<double>(period_ns);
  run.begin = {1'000'000'000, 1'800'000'000'000'000'000};
  const std::int64_t length = static_cast<std::int64_t>(ticks) * period_ns;
  run.end = {run.begin.mono_ns + length, run.begin.real_ns + length};
  run.outcome.finished = true;
  NodeRecord node;
  node.host = "node";
  node.clock = {run.begin, run.end};
  for (std::size_t i = 0; i < sensors; ++i) {
    Sensor s{.id = fmt::format("bench:{}", i), .label = fmt::format("sensor {}", i), .source = "bench"};
    s.domain = Domain::package;
    s.index = static_cast<std::uint16_t>(i);
    s.scale = 1e-6;
    s.counted = true;
    if (LongRecording::is_gauge(i)) {
      s.quantity = Quantity::power;
      s.behavior = Behavior::gauge;
      s.scale = 1e-3;
    }
    node.sensors.push_back(s);
  }
  node.recording = &recording;
  run.nodes.push_back(std::move(node));
  return run;
}

/// Peak of the resident memory of this process, MiB.
inline double peak_MiB() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::stod(line.substr(6)) / 1024;
  return 0;
}

}  // namespace perun::test
