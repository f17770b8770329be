// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cmath>
#include <limits>
#include <random>
#include <string>

#include "model/run.hpp"

namespace perun::test {

/// Runs of anything that a data file can hold, extremes more often than not.
class RandomRun {
 public:
  explicit RandomRun(unsigned seed) : engine_(seed) {}

  Run operator()() {
    Run run;
    run.app = "app";
    run.id = text();
    run.title = text();
    for (int i = below(3); i > 0; --i) run.tags.push_back(text());
    for (int i = below(4); i > 0; --i) run.command.push_back(text());
    run.cwd = text();
    run.perun_version = text();
    run.frequency_hz = number();
    run.round_id = text();
    run.round = static_cast<int>(integer());
    run.postprocessed = text();
    run.origin = text();
    for (int i = below(3); i > 0; --i) run.provenance.emplace_back("key" + std::to_string(i), text());
    run.factors = {number(), number(), number(), text(), text(), text(), number(), text()};
    for (int i = below(4); i > 0; --i)
      run.factors.price_over_time.push_back({4000 - 1000 * i, i == 2 ? std::nullopt : std::optional(0.1 * i)});
    run.begin = {integer(), integer()};
    run.end = {integer(), integer()};
    run.outcome = {below(2) == 1, static_cast<int>(integer()), static_cast<int>(integer()), text(), number(), number(),
                   integer()};
    run.config_ini = text();
    for (int i = below(3); i > 0; --i) run.work.emplace_back("work " + text(), number());
    for (int i = 1 + below(3); i > 0; --i) run.nodes.push_back(node());
    if (below(3) == 0) make_job(run);
    return run;
  }

 private:
  /// Ranks on the nodes; their times in whole microseconds, as a data file keeps them.
  void make_job(Run& run) {
    run.job = JobRecord{.launcher = "slurm", .key = "melt " + text(), .size = below(100), .scheduler = {{"job_id", text()}}};
    const int nodes = static_cast<int>(run.nodes.size());
    for (int i = 0; i < 1 + below(5); ++i)
      run.job->ranks.push_back(
          {.rank = i,
           .node = below(nodes),
           .status = static_cast<RankStatus>(below(4)),
           .exit_code = below(256),
           .signal = below(32),
           .pid = 1 + below(100'000),
           .begin = {integer(), integer()},
           .end = {integer(), integer()},
           .user_s = below(1'000'000) * 1e-6,
           .system_s = below(1'000'000) * 1e-6,
           .max_rss_bytes = integer(),
           .app = below(2) == 0 ? "" : "other",
           .command = below(2) == 0 ? std::vector<std::string>{} : std::vector<std::string>{"other", "x y"}});
    for (auto& node : run.nodes) {
      node.begin = {1 + below(1000), integer()};
      node.end = {integer(), integer()};
      if (below(2) == 0) node.clock_error_s = number();
      if (below(2) == 0) node.clock_ahead = ClockAhead{number(), number(), number()};
    }
  }

  int below(int n) { return std::uniform_int_distribution<int>(0, n - 1)(engine_); }

  std::int64_t integer() {
    using Limits = std::numeric_limits<std::int64_t>;
    constexpr std::int64_t some[] = {0, 1, -1, Limits::max() - 1, Limits::min() + 1, 1LL << 53, (1LL << 53) + 1, 4'294'967'296};
    return below(2) == 0 ? some[below(8)]
                         : std::uniform_int_distribution<std::int64_t>(Limits::min() + 1, Limits::max() - 1)(engine_);
  }

  double number() {
    using Limits = std::numeric_limits<double>;
    const double some[] = {0.0,  -0.0,    Limits::min(), Limits::denorm_min(), Limits::max(), Limits::lowest(), 0.1,
                           1e22, 1.0 / 3, 1e-7};
    if (below(2) == 0) return some[below(10)];
    return std::ldexp(std::uniform_real_distribution<double>(-1, 1)(engine_), below(200) - 100);
  }

  /// Odd bytes, and now and then some that are not UTF-8; never a NUL, which HDF5 texts cannot hold.
  std::string text() {
    const char* const some[] = {
        "", "plain", "two\nlines, \"quoted\"", "\xC3\xA4\xE6\x97\xA5\xF0\x9F\x94\x8B", "\x7F\x01", "a/b", "123", "null"};
    return some[below(8)];
  }
  std::string bytes() { return below(4) == 0 ? "\xFF\xFE odd" : text(); }

  Sensor sensor(int i) {
    Sensor s;
    s.id = "s" + std::to_string(i) + " " + bytes();
    s.label = bytes();
    s.source = bytes();
    s.quantity = static_cast<Quantity>(below(static_cast<int>(quantity_names.size())));
    s.behavior = static_cast<Behavior>(below(2));
    s.domain = static_cast<Domain>(below(static_cast<int>(domain_names.size())));
    s.kind = static_cast<Kind>(below(2));
    s.index = static_cast<std::uint16_t>(below(65'536));
    s.scale = number();
    s.resolution = integer();
    s.wraps_at = integer();
    s.refresh_ns = integer();
    s.averaging_ns = below(2) == 0 ? 0 : below(1'000'000'000);
    s.part_of = bytes();
    s.counted = below(2) == 1;
    s.max_power_W = number();
    s.systematic_percent = number();
    s.note = bytes();
    return s;
  }

  Marks marks(std::int64_t mono) {
    Marks out;
    out.names = {std::string(other_names), "train", "two\nlines"};
    out.threads = {{.number = 0, .rank = 1, .pid = 4711, .tid = 4712, .owners = 2}};
    for (int i = 0; i < 1 + below(9); ++i) {
      out.timeline.push_back(
          {.t_ns = mono + i, .name = static_cast<std::uint32_t>(below(3)), .kind = MarkKind::counter, .value = number()});
      out.sums.push_back({.name = static_cast<std::uint32_t>(below(3)),
                          .calls = static_cast<std::uint64_t>(below(1'000'000)),
                          .inclusive_ns = below(1'000'000),
                          .exclusive_ns = below(1000),
                          .sum = number()});
    }
    out.holes = {{mono, mono + below(1000), 1, 0, below(100), below(100)}};
    out.losses = {1, 2, 3, 4, 5, static_cast<std::uint64_t>(below(100))};
    return out;
  }

  NodeRecord node() {
    NodeRecord node;
    node.host = "host " + text();
    node.attributes = {{"kernel", text()}, {"odd key", bytes()}};
    const std::int64_t mono = below(1'000'000'000), real = 1'795'370'651'000'000'000;
    node.clock = {{mono, real}, {mono + 10'000'000'000, real + integer() % 1'000'000}};
    node.blocked = {{text(), text(), text()}};
    node.quality = {static_cast<std::uint64_t>(below(1000)),
                    1,
                    2,
                    integer(),
                    integer(),
                    integer(),
                    integer(),
                    integer(),
                    integer(),
                    integer()};
    if (below(2) == 0) node.scope = CpuScope{below(100), below(100), 2.5, "/job"};
    if (below(2) == 0) node.baseline = Baseline{.power_W = 31.4, .spread_W = 1.0 / 3, .blocks = below(10), .host = node.host};
    if (below(2) == 0) node.marks = marks(mono);
    const int rows = below(4) == 0 ? 1500 : below(20);
    for (int i = 0, n = below(5); i < n; ++i) {
      node.sensors.push_back(sensor(i));
      Series series;
      const int own = i == 3 ? rows / 2 : rows;
      for (int k = 0; k < own; ++k)
        series.push({mono + k * 1'000'000'000LL + below(1000), below(10) == 0 ? missing : integer(), below(2'000'000'000)});
      node.series.push_back(std::move(series));
    }
    return node;
  }

  std::mt19937_64 engine_;
};

}  // namespace perun::test
