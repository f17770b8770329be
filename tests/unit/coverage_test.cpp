// SPDX-License-Identifier: BSD-3-Clause
// How often the 95 % interval holds the truth: 12,000 random runs in simulated time, read as the sampler reads. Fixed seeds.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <string>

#include "analysis/energy.hpp"
#include "support/random_power.hpp"

namespace perun {
namespace {

using test::curves;
using test::ns;
using test::Power;
using test::Random;
using test::random_power;

struct Trial {
  Series series;
  Window window;
};

/// One run as the sampler reads it: an edge right where a fast counter turns, the grid with its jitter, late ticks and
/// failed readings, and the last reading behind the end of the program.
Trial sample(Random& random, const Sensor& sensor, const Power& power, double length, double period) {
  const double refresh = static_cast<double>(sensor.refresh_ns) * 1e-9, phase = random.between(0, refresh);
  const double start_J =
      random.between(0, 1000) + (sensor.wraps_at > 0 ? static_cast<double>(sensor.wraps_at) * sensor.scale - 500 : 0);
  const bool waits = sensor.behavior == Behavior::counter && refresh <= 0.002;
  Trial trial;
  const auto read = [&](double t, bool fails) {
    const double half = random.log_between(0.2e-6, 50e-6);
    const double at = t + random.between(-half, half);
    const auto raw = fails ? missing : test::shown(sensor, power, at, phase, start_J);
    trial.series.push({ns(t), raw, static_cast<std::int32_t>(ns(half))});
  };
  const auto turn_after = [&](double t) {
    return waits ? (std::floor((t - phase) / refresh) + 1) * refresh + phase + 60e-6 : t;
  };
  const double first = turn_after(0);
  read(first, false);
  const double from = first + random.between(10e-6, 200e-6), to = from + length;
  double last = first;
  for (double k = 1; from + k * period < to; ++k) {
    if (random.happens(0.01)) continue;  // late beyond its time
    const double t = from + k * period + random.log_between(1e-6, random.happens(0.05) ? 5e-3 : 2e-4);
    if (t <= last || t >= to) continue;
    read(t, random.happens(0.02));
    last = t;
  }
  read(turn_after(to + random.between(10e-6, 300e-6)), false);
  trial.window = {ns(from), ns(to)};
  return trial;
}

struct Count {
  int within = 0, total = 0;
  double relative = 0;  ///< sum of half width / truth
  void add(bool in, double width) {
    within += in ? 1 : 0;
    ++total;
    relative += width;
  }
  [[nodiscard]] double share() const { return static_cast<double>(within) / total; }
};

void print(const std::string& what, const Count& c) {
  std::printf("  %-26s %6d runs, %5.2f %% within, mean width %6.2f %%\n", what.c_str(), c.total, 100 * c.share(),
              100 * c.relative / c.total);
}

Sensor sensor_of(Random& random, bool gauge) {
  Sensor sensor = gauge ? test::power_gauge() : test::rapl();
  sensor.refresh_ns = ns(random.log_between(0.5e-3, 0.1));
  if (gauge && random.happens(0.3)) sensor.averaging_ns = ns(random.log_between(0.01, 1));
  if (gauge) return sensor;
  sensor.resolution = random.happens(0.5) ? 61 : 1000;
  sensor.wraps_at = random.happens(0.5) ? 262'143'328'850 : random.happens(0.5) ? 0 : 65'712'999'613;
  return sensor;
}

TEST(Coverage, TheTruthLiesInTheIntervalIn95PercentOfTwelveThousandRuns) {
  constexpr int runs = 12'000;
  Random random(20261123);
  Count all;
  std::map<std::string, Count> by;
  for (int i = 0; i < runs; ++i) {
    const bool gauge = i % 2 == 1;
    const std::size_t kind = random.one_of(curves.size());
    const double length = random.log_between(0.005, 60), period = random.log_between(0.001, 1);
    const Sensor sensor = sensor_of(random, gauge);
    const Power power = random_power(random, kind, length);
    const Trial trial = sample(random, sensor, power, length, period);
    const Energy e = energy_between(sensor, trial.series, trial.window);
    const double truth =
        power.joules(static_cast<double>(trial.window.from_ns) * 1e-9, static_cast<double>(trial.window.to_ns) * 1e-9);
    ASSERT_TRUE(e.available) << i;
    ASSERT_LE(e.lower_J, truth + 1e-9) << "run " << i << ", the hard bounds hold in all";
    ASSERT_GE(e.upper_J, truth - 1e-9) << "run " << i;
    const bool in = std::abs(e.joules - truth) <= e.uncertainty_J;
    const double width = e.uncertainty_J / truth;
    all.add(in, width);
    const std::string type = gauge                            ? sensor.averaging_ns > 0 ? "gauge of means" : "gauge"
                             : sensor.refresh_ns <= 2'000'000 ? "counter, read as it turns"
                                                              : "counter, slow";
    by[type].add(in, width);
    by[type + (gauge ? ", " : ": ") + curves[kind]].add(in, width);
    by[std::string(gauge ? "every gauge" : "every counter") + (length < 0.1 ? " below 0.1 s"
                                                               : length < 3 ? " 0.1 to 3 s"
                                                                            : " above 3 s")]
        .add(in, width);
  }
  print("all", all);
  for (const auto& [what, count] : by)
    if (count.total > 0) print(what, count);
  EXPECT_GE(all.share(), 0.935);
  EXPECT_LE(all.share(), 0.97);
}

TEST(Coverage, OfAGaugeTheIntervalNarrowsWithTheRate) {
  double before = 2;  // relative
  for (const double period : {1.0, 0.1, 0.01, 0.001}) {
    Random random(7);
    Count c;
    for (int i = 0; i < 300; ++i) {
      Sensor sensor = test::power_gauge();
      const double length = random.between(5, 20);
      const Power power = random_power(random, 1 + random.one_of(curves.size() - 1), length);
      const Trial trial = sample(random, sensor, power, length, period);
      const Energy e = energy_between(sensor, trial.series, trial.window);
      const double truth =
          power.joules(static_cast<double>(trial.window.from_ns) * 1e-9, static_cast<double>(trial.window.to_ns) * 1e-9);
      c.add(std::abs(e.joules - truth) <= e.uncertainty_J, e.uncertainty_J / truth);
    }
    print("gauge at " + std::to_string(std::lround(1 / period)) + " Hz, 5 to 20 s", c);
    EXPECT_GE(c.share(), 0.88);
    EXPECT_LT(c.relative / c.total, before / 2);
    before = c.relative / c.total;
  }
}

}  // namespace
}  // namespace perun
