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
#include "support/random_regions.hpp"

namespace perun {
namespace {

using test::Change;
using Count = test::RegionCount;
using test::curves;
using test::Nesting;
using test::ns;
using test::Power;
using test::power_of_regions;
using test::Random;

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
    const std::vector<Change> changes = test::changes_of(random, n);
    const std::size_t kind = random.one_of(2 * curves.size());
    const bool own = kind >= curves.size();
    const Power power = own ? power_of_regions(random, changes, n) : test::random_power(random, kind, n.length_s);

    Window window;
    Series series = read_all(random, sensor, power, window, n.length_s, period);
    const perun::Run run = test::marked_run(sensor, std::move(series), window, n, changes);
    const auto truth = test::truth_of(run.nodes[0].marks, window, power);

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
