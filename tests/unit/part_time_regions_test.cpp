// SPDX-License-Identifier: BSD-3-Clause
// Regions by sensors that look for a part of the time only (A100, Hopper: 25 of every 100 ms): how often the interval holds
// what they really used, bursts that nobody looked at included. Fixed seeds.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "analysis/summarize.hpp"
#include "support/part_time.hpp"
#include "support/random_regions.hpp"

namespace perun {
namespace {

using test::Nesting;
using test::ns;
using test::PartTime;
using test::Power;
using test::Random;
using Count = test::RegionCount;

/// Read every `period`, some ticks late, from before the beginning to behind the end.
Series read_all(Random& random, const Sensor& sensor, const Power& power, double length, double period) {
  const PartTime shows(sensor, power, random.between(0, static_cast<double>(sensor.refresh_ns) * 1e-9), length);
  Series series;
  double t = -random.between(1e-4, 2e-3);
  for (double k = 1; t < length; ++k) {
    series.push({ns(t), random.happens(0.003) ? missing : shows.at(t), 1000});
    t = std::max(t + 1e-4, k * period + random.log_between(1e-6, random.happens(0.05) ? 5e-3 : 5e-4));
  }
  t = length + random.log_between(1e-5, 5e-4);
  series.push({ns(t), shows.at(t), 1000});
  return series;
}

/// Short bursts on a low power, which a look of 25 ms meets or misses.
Power bursts(Random& random, double length) {
  const double low_W = random.between(40, 90), high_W = random.between(200, 400), burst_s = random.log_between(0.003, 0.06);
  std::vector<std::pair<double, double>> pieces;
  for (double at = -1; at < length + 1; at += pieces[pieces.size() - 2].first + pieces.back().first) {
    pieces.emplace_back(random.waiting(random.between(0.05, 0.4)), low_W);
    pieces.emplace_back(burst_s * random.between(0.5, 1.5), high_W);
  }
  return Power(pieces, -1);
}

struct Counts {
  Count resolved, exclusive, pooled;
};

/// One random run; its regions are counted in `by`, by kind of sensor and of curve.
void measure(Random& random, const Sensor& sensor, std::map<std::string, Counts>& by) {
  const double refresh = static_cast<double>(sensor.refresh_ns) * 1e-9;
  const bool gauge = sensor.behavior == Behavior::gauge;
  Nesting n{.length_s = 0,
            .typical_s = random.log_between(0.2, 40) * refresh,
            .names = static_cast<int>(1 + random.one_of(5)),
            .threads = random.happens(0.6) ? 1 : static_cast<int>(2 + random.one_of(2))};
  n.length_s = std::max(random.between(1, 8), random.between(1, 4) * n.typical_s);
  const auto changes = test::changes_of(random, n);
  const std::size_t kind = random.one_of(3);
  const Power power = kind == 0   ? bursts(random, n.length_s)
                      : kind == 1 ? test::power_of_regions(random, changes, n)
                                  : test::random_power(random, random.one_of(test::curves.size()), n.length_s);
  const Window window{0, ns(n.length_s)};
  const double period = random.happens(0.5) ? 0.1 : gauge ? refresh : 0.005;
  const auto run = test::marked_run(sensor, read_all(random, sensor, power, n.length_s, period), window, n, changes);
  const auto truth = test::truth_of(run.nodes[0].marks, window, power);
  const RunSummary out = summarize(run);
  const std::string type = gauge ? "gauge" : "counter", curve = kind == 0 ? "bursts" : kind == 1 ? "own power" : "curves";
  const std::string window_name = refresh > 0.05 ? ", 25 of 100 ms" : ", 10 of 20 ms";
  double sum = out.regions.unmarked.joules();
  for (const RegionSummary& r : out.regions.regions) {
    const auto [want, want_exclusive] = truth.at(r.name);
    sum += r.exclusive.joules();
    ASSERT_LE(r.energy.lower_J, want + 1e-9) << r.name << ": the hard bounds hold in all";
    ASSERT_GE(r.energy.upper_J, want - 1e-9) << r.name;
    for (Counts* c : {&by[type], &by[type + window_name], &by[type + ", " + curve], &by[curve]}) {
      if (r.resolved) {
        c->resolved.add(r.energy.joules(), r.energy.uncertainty_J, want);
        c->exclusive.add(r.exclusive.joules(), r.exclusive.uncertainty_J, want_exclusive);
      } else if (r.pooled) {
        c->pooled.add(r.pooled->joules(), r.pooled->uncertainty_J, want_exclusive);
      }
    }
  }
  ASSERT_NEAR(sum, out.usage.energy.joules(), 1e-6);
}

TEST(PartTimeRegions, TheIntervalHoldsWhatWasNotSeen) {
  constexpr int runs = 4000;
  Random random(20261126);
  std::map<std::string, Counts> by;
  for (int i = 0; i < runs; ++i) {
    const bool gauge = i % 4 == 3, volta = i % 3 == 2;
    const Sensor sensor = volta ? test::part_time_gpu(gauge, 0.010, 0.020) : test::part_time_gpu(gauge, 0.025, 0.100);
    measure(random, sensor, by);
    if (HasFatalFailure()) FAIL() << "run " << i;
  }
  for (const auto& [what, c] : by) {
    print("resolved " + what, c.resolved);
    print("exclusive " + what, c.exclusive);
    print("pooled " + what, c.pooled);
  }
  for (const auto* what : {"counter", "gauge", "bursts"})
    for (const Count* c : {&by[what].resolved, &by[what].exclusive, &by[what].pooled}) EXPECT_GE(c->share(), 0.94) << what;
  EXPECT_GE(by["counter, bursts"].resolved.share(), 0.94);
}

}  // namespace
}  // namespace perun
