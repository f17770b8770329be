// SPDX-License-Identifier: BSD-3-Clause
// How often the 95 % interval of a region holds the truth: random nestings under random curves, read as the sampler reads
// while a program marks. Fixed seeds.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "analysis/region_story.hpp"
#include "analysis/summarize.hpp"
#include "support/random_power.hpp"

namespace perun {
namespace {

using test::curves;
using test::ns;
using test::Power;
using test::Random;

/// A run of two names nesting in each other or five after each other, on up to three threads.
struct Nesting {
  double length_s, typical_s;  ///< of the run, of a call
  int names, threads;
};

struct Change {
  double t;
  std::uint16_t thread;
  bool begins;
  std::uint32_t name;
};

/// What one thread does: calls of around the typical length, now and then one inside, and pauses.
void wander(Random& random, const Nesting& n, std::uint16_t thread, std::vector<Change>& out) {
  double t = random.between(0, 0.2) * n.length_s;
  while (t < n.length_s) {
    const auto name = static_cast<std::uint32_t>(1 + random.one_of(static_cast<std::size_t>(n.names)));
    const double length = n.typical_s * random.log_between(0.5, 2);
    const double end = std::min(t + length, n.length_s - 1e-6);
    if (end <= t) break;
    out.push_back({t, thread, true, name});
    if (random.happens(0.3)) {
      const auto inner = static_cast<std::uint32_t>(1 + random.one_of(static_cast<std::size_t>(n.names)));
      const double a = t + (end - t) * random.between(0.1, 0.4), b = t + (end - t) * random.between(0.5, 0.9);
      out.push_back({a, thread, true, inner});
      out.push_back({b, thread, false, inner});
    }
    out.push_back({end, thread, false, name});
    t = end + (random.happens(0.3) ? 1e-7 : n.typical_s * random.log_between(0.05, 2));
  }
}

/// Power that follows the regions: each has its own, and now and then something else comes on top.
Power power_of_regions(Random& random, const std::vector<Change>& changes, const Nesting& n) {
  const double idle_W = random.between(5, 80), noise_W = random.happens(0.5) ? 0 : random.between(1, 20);
  std::vector<double> name_W(static_cast<std::size_t>(n.names) + 1);
  for (double& w : name_W) w = random.between(0, 250) / n.threads;
  std::vector<std::pair<double, double>> pieces;
  std::map<std::uint16_t, std::vector<std::uint32_t>> open;
  double at = -1, extra_W = 0, until = random.waiting(0.05) - 1;
  const auto pass = [&](double to) {
    while (at < to) {
      double watts = idle_W + extra_W;
      for (const auto& [thread, stack] : open)
        if (!stack.empty()) watts += name_W[stack.back()];
      const double end = std::min(to, until);
      pieces.emplace_back(end - at, watts);
      at = end;
      if (at < until) continue;
      until = at + random.waiting(0.05);
      extra_W = noise_W * random.between(0, 1);
    }
  };
  for (const Change& c : changes) {
    pass(c.t);
    auto& stack = open[c.thread];
    if (c.begins)
      stack.push_back(c.name);
    else if (!stack.empty())
      stack.pop_back();
  }
  pass(n.length_s + 1);
  return Power(pieces, -1);
}

/// Read from the beginning to behind the end, on a grid with its jitter; a fast counter at both edges right as it turns.
Series read_all(Random& random, const Sensor& sensor, const Power& power, Window& window, double length, double period) {
  const double refresh = static_cast<double>(sensor.refresh_ns) * 1e-9, phase = random.between(0, refresh);
  const bool waits = sensor.behavior == Behavior::counter && refresh <= 0.002;
  Series series;
  const auto read = [&](double t) {
    const double half = random.log_between(0.2e-6, 20e-6);
    series.push({ns(t), random.happens(0.003) ? missing : test::shown(sensor, power, t + random.between(-half, half), phase),
                 static_cast<std::int32_t>(ns(half))});
  };
  const auto turn_after = [&](double t) {
    return waits ? (std::floor((t - phase) / refresh) + 1) * refresh + phase + 30e-6 : t;
  };
  read(turn_after(-0.5 * refresh - 1e-4));
  double last = ns(0) * 1e-9;
  for (double k = 1; k * period < length; ++k) {
    const double t = k * period + random.log_between(1e-6, random.happens(0.05) ? 3e-3 : 2e-4);
    if (t <= last || t >= length) continue;
    read(t);
    last = t;
  }
  read(turn_after(length + random.between(10e-6, 300e-6)));
  window = {0, ns(length)};
  return series;
}

struct Count {
  int within = 0, total = 0;
  double relative = 0, off = 0, truth = 0;
  void add(double joules, double uncertainty, double want) {
    within += std::abs(joules - want) <= uncertainty + 1e-9 * want ? 1 : 0;
    ++total;
    relative += uncertainty / want;
    off += std::abs(joules - want);
    truth += want;
  }
  [[nodiscard]] double share() const { return static_cast<double>(within) / total; }
};

void print(const std::string& what, const Count& c) {
  std::printf("  %-44s %6d regions, %5.1f %% within, mean width %6.2f %%, mean error %6.3f %%\n", what.c_str(), c.total,
              100 * c.share(), 100 * c.relative / c.total, 100 * c.off / c.truth);
}

Sensor sensor_of(Random& random, bool gauge) {
  Sensor sensor = gauge ? test::power_gauge() : test::rapl(0);
  sensor.refresh_ns = gauge                 ? ns(random.log_between(1e-3, 0.1))
                      : random.happens(0.6) ? ns(1e-3)
                                            : ns(random.log_between(1e-3, 0.1));
  return sensor;
}

TEST(RegionCoverage, TheTruthLiesInTheInterval) {
  constexpr int runs = 6000;
  Random random(20261125);
  Count resolved, exclusive, pooled, long_calls;
  std::map<std::string, Count> by;
  for (int i = 0; i < runs; ++i) {
    const bool gauge = random.happens(0.2);
    const Sensor sensor = sensor_of(random, gauge);
    const double refresh = static_cast<double>(sensor.refresh_ns) * 1e-9;
    const double period = random.happens(0.7) ? 0.005 : random.log_between(0.002, 0.05);
    Nesting n{.length_s = 0,
              .typical_s = random.log_between(0.001, 1) * std::max(1.0, refresh / 0.005),
              .names = static_cast<int>(1 + random.one_of(5)),
              .threads = random.happens(0.6) ? 1 : static_cast<int>(2 + random.one_of(2))};
    n.length_s = random.between(1, 4) * std::max(1.0, n.typical_s);
    std::vector<Change> changes;
    for (std::uint16_t t = 0; t < n.threads; ++t) wander(random, n, t, changes);
    std::stable_sort(changes.begin(), changes.end(), [](const auto& a, const auto& b) { return a.t < b.t; });
    const std::size_t kind = random.one_of(2 * curves.size());
    const bool own = kind >= curves.size();
    const Power power = own ? power_of_regions(random, changes, n) : test::random_power(random, kind, n.length_s);

    perun::Run run;
    Window window;
    run.outcome.finished = true;
    NodeRecord& node = run.nodes.emplace_back();
    node.sensors.push_back(sensor);
    node.series.push_back(read_all(random, sensor, power, window, n.length_s, period));
    run.begin = {window.from_ns, window.from_ns};
    run.end = {window.to_ns, window.to_ns};
    node.clock = {run.begin, run.end};
    node.marks.names = {std::string(other_names), "r1", "r2", "r3", "r4", "r5"};
    for (std::uint16_t t = 0; t < n.threads; ++t) node.marks.threads.push_back({.number = t, .tid = t + 1});
    for (const Change& c : changes)
      node.marks.timeline.push_back(
          {.t_ns = ns(c.t), .name = c.name, .thread = c.thread, .kind = c.begins ? MarkKind::begin : MarkKind::end});
    std::map<std::string, std::pair<double, double>> truth;
    Story(node.marks, window).tell({.piece = [&](const Piece& p) {
      const double joules = power.joules(static_cast<double>(p.from_ns) * 1e-9, static_cast<double>(p.to_ns) * 1e-9);
      for (const Active& a : p.active) {
        truth[node.marks.names[a.name]].first += a.inclusive * joules;
        truth[node.marks.names[a.name]].second += a.exclusive * joules;
      }
    }});

    const RunSummary out = summarize(run);
    double sum = out.regions.unmarked.joules();
    const std::string curve = std::string(own ? "own power" : curves[kind]);
    const std::string type = gauge ? "gauge" : sensor.refresh_ns <= 2'000'000 ? "fast counter" : "slow counter";
    for (const RegionSummary& r : out.regions.regions) {
      const auto [want, want_exclusive] = truth.at(r.name);
      sum += r.exclusive.joules();
      ASSERT_LE(r.energy.lower_J, want + 1e-9) << "run " << i << ", " << r.name << ": the hard bounds hold in all";
      ASSERT_GE(r.energy.upper_J, want - 1e-9) << "run " << i << ", " << r.name;
      if (r.resolved) {
        resolved.add(r.energy.joules(), r.energy.uncertainty_J, want);
        exclusive.add(r.exclusive.joules(), r.exclusive.uncertainty_J, want_exclusive);
        if (type == "fast counter" && r.time_s >= 0.05 * static_cast<double>(r.calls))
          long_calls.add(r.energy.joules(), r.energy.uncertainty_J, want);
        by["resolved, " + type].add(r.energy.joules(), r.energy.uncertainty_J, want);
        by["resolved, " + type + ", " + curve].add(r.energy.joules(), r.energy.uncertainty_J, want);
        by["resolved, " + std::string(r.calls == 1    ? "1 call"
                                      : r.calls < 10  ? "2-9 calls"
                                      : r.calls < 100 ? "10-99 calls"
                                                      : "more calls")]
            .add(r.energy.joules(), r.energy.uncertainty_J, want);
      } else if (r.pooled) {
        pooled.add(r.pooled->joules(), r.pooled->uncertainty_J, want_exclusive);
        by["pooled, " + type].add(r.pooled->joules(), r.pooled->uncertainty_J, want_exclusive);
        by["pooled, " + type + ", " + curve].add(r.pooled->joules(), r.pooled->uncertainty_J, want_exclusive);
      }
    }
    ASSERT_NEAR(sum, out.usage.energy.joules(), 1e-6) << "run " << i;
  }
  print("resolved", resolved);
  print("exclusive", exclusive);
  print("pooled", pooled);
  print("resolved, fast counter, calls of 50 ms on", long_calls);
  for (const auto& [what, count] : by) print(what, count);
  EXPECT_LE(long_calls.off / long_calls.truth, 0.005);
  for (const Count* c : {&resolved, &exclusive, &pooled}) {
    EXPECT_GE(c->share(), 0.935);
    EXPECT_LE(c->share(), 0.97);
  }
}

}  // namespace
}  // namespace perun
