// SPDX-License-Identifier: BSD-3-Clause
// Sensors that look for a part of the time only (A100, Hopper: 25 of every 100 ms) and take the rest to be alike: how often
// the interval holds what was really used, over curves that were not chosen by hand.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "analysis/energy.hpp"
#include "support/part_time.hpp"
#include "support/random_power.hpp"

namespace perun {
namespace {

using test::ns;
using test::PartTime;
using test::Power;
using test::Random;
using test::random_power;

struct Count {
  int within = 0, total = 0;
  double relative = 0, error = 0;
  void add(bool in, double width, double off) {
    within += in ? 1 : 0;
    ++total;
    relative += width;
    error += off;
  }
  [[nodiscard]] double share() const { return static_cast<double>(within) / total; }
};

struct Measured {
  Energy energy, believed;  ///< and as if it had seen everything
  double truth;
};

/// A run of `length` seconds, read every `period`, some ticks late.
Measured measure(Random& random, const Sensor& sensor, const Power& power, double length, double period) {
  const PartTime shows(sensor, power, random.between(0, static_cast<double>(sensor.refresh_ns) * 1e-9), length);
  Series series;
  for (double k = 0; k * period < length; ++k) {
    const double t = k * period + random.log_between(1e-6, 2e-3);
    series.push({ns(t), shows.at(t), 1000});
  }
  series.push({ns(length + 2e-4), shows.at(length + 2e-4), 1000});
  const Window window{ns(1e-4), ns(length)};
  Sensor blind = sensor;
  blind.averaging_ns = 0;
  return {energy_between(sensor, series, window), energy_between(blind, series, window), power.joules(1e-4, length)};
}

TEST(PartTime, TheIntervalHoldsWhatWasNotSeen) {
  constexpr int runs = 6000;
  Random random(20261125);
  std::map<std::string, Count> by;
  Count gauges, counters, credulous;
  for (int i = 0; i < runs; ++i) {
    const bool gauge = i % 2 == 1, volta = i % 3 == 2;
    const Sensor sensor = volta ? test::part_time_gpu(gauge, 0.010, 0.020) : test::part_time_gpu(gauge, 0.025, 0.100);
    const std::size_t kind = random.one_of(test::curves.size());
    const double length = random.log_between(0.3, 60), period = random.log_between(0.01, 1);
    const Power power = random_power(random, kind, length);
    const auto [e, believed, truth] = measure(random, sensor, power, length, period);
    ASSERT_TRUE(e.available) << i;
    const bool in = std::abs(e.joules - truth) <= e.uncertainty_J;
    const double width = e.uncertainty_J / truth, off = std::abs(e.joules / truth - 1);
    ASSERT_LE(e.lower_J, truth + 1e-9) << "run " << i << ", the hard bounds hold in all";
    ASSERT_GE(e.upper_J, truth - 1e-9) << "run " << i;
    if (!gauge) credulous.add(std::abs(believed.joules - truth) <= believed.uncertainty_J, 0, off);
    (gauge ? gauges : counters).add(in, width, off);
    by[std::string(gauge ? "gauge" : "counter") + ", " + test::curves[kind]].add(in, width, off);
    by[std::string(gauge ? "gauge" : "counter") + (volta ? ", 10 of 20 ms" : ", 25 of 100 ms")].add(in, width, off);
    by[std::string(gauge ? "gauge" : "counter") + (length < 3 ? " below 3 s" : " above 3 s")].add(in, width, off);
  }
  by["all gauges"] = gauges;
  by["all counters"] = counters;
  by["counters, if believed"] = credulous;
  for (const auto& [what, c] : by)
    std::printf("  %-26s %5d runs, %5.2f %% within, mean width %6.2f %%, mean error %5.2f %%\n", what.c_str(), c.total,
                100 * c.share(), 100 * c.relative / c.total, 100 * c.error / c.total);
  EXPECT_GE(gauges.share(), 0.935);
  EXPECT_GE(counters.share(), 0.935);
  EXPECT_LT(credulous.share(), 0.9) << "what this is for";
}

}  // namespace
}  // namespace perun
