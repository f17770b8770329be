// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/track.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "support/rig.hpp"

namespace perun {
namespace {

using test::every;
using test::ideal_counter;
using test::ns;
using test::Power;
using test::readings;

EnergyTrack curve(const Sensor& sensor, const Series& series) {
  EnergyTrack c;
  read_track(sensor, series, c);
  return c;
}

TEST(Limits, AreTheSensorsOwnOrTheStatedDefaults) {
  Sensor s;
  s.domain = Domain::package;
  EXPECT_EQ(limits_of(s).max_power_W, 1500);
  EXPECT_EQ(limits_of(s).refresh_s, 0.001);
  s.domain = Domain::gpu;
  EXPECT_EQ(limits_of(s).max_power_W, 2000);
  EXPECT_EQ(limits_of(s).refresh_s, 0.1);
  s.domain = Domain::node;
  EXPECT_EQ(limits_of(s).max_power_W, 10'000);
  EXPECT_EQ(limits_of(s).refresh_s, 1);
  s = test::rapl();
  EXPECT_EQ(limits_of(s).max_power_W, 500);
  EXPECT_DOUBLE_EQ(limits_of(s).step_J, 61e-6);
  EXPECT_DOUBLE_EQ(limits_of(s).range_J, 262'143.32885);
  EXPECT_EQ(limits_of(s).step_W, 0);
  EXPECT_DOUBLE_EQ(limits_of(test::power_gauge()).step_W, 1e-3);
  EXPECT_EQ(limits_of(test::power_gauge()).step_J, 0);
}

TEST(Interval, PartsOfATrapezoidAddUp) {
  const Sensor gauge = test::power_gauge();
  const EnergyTrack c = curve(gauge, readings(gauge, Power({{1, 100}, {1, 300}}), {0, 1}));
  ASSERT_EQ(c.intervals.size(), 1U);
  const Interval& x = c.intervals[0];
  EXPECT_NEAR(x.joules, 200, 1e-9);
  EXPECT_NEAR(x.between(0, ns(0.5)), 75, 1e-9) << "from 100 to 200 W";
  EXPECT_NEAR(x.between(ns(0.5), ns(1)), 125, 1e-9);
  EXPECT_EQ(x.fraction(-5), 0);
  EXPECT_EQ(x.fraction(ns(9)), 1);
}

TEST(EnergyTrack, IsCutAtGoodReadingsOnly) {
  const Sensor sensor = ideal_counter();
  Series series = readings(sensor, Power({{1, 100}}), every(1, 6));
  series.raw[0] = series.raw[3] = missing;
  series.t_ns[5] = series.t_ns[4];  // the same moment twice: no time, no power
  const EnergyTrack c = curve(sensor, series);
  ASSERT_EQ(c.intervals.size(), 3U);
  EXPECT_FALSE(c.intervals[0].bridged);
  EXPECT_TRUE(c.intervals[1].bridged);
  EXPECT_EQ(c.intervals[1].seconds(), 2);
  EXPECT_EQ(c.intervals[2].from_ns, ns(4));
  EXPECT_EQ(c.intervals[2].to_ns, ns(6));
  for (std::size_t i = 1; i < c.intervals.size(); ++i) EXPECT_EQ(c.intervals[i].from_ns, c.intervals[i - 1].to_ns);
}

TEST(EnergyTrack, RefillingForgetsTheSensorBefore) {
  const Sensor gauge = test::power_gauge();
  EnergyTrack c;
  Series absurd = readings(gauge, Power({{1, 100}}), every(1, 4));
  absurd.raw[1] = -5;
  read_track(gauge, absurd, c);
  EXPECT_EQ(c.rejected, 1U);
  read_track(gauge, readings(gauge, Power({{1, 100}}), every(1, 2)), c);
  EXPECT_EQ(c.rejected, 0U);
  EXPECT_EQ(c.intervals.size(), 2U);
}

TEST(EnergyTrack, WrapsResetsAndJumpsAreToldApart) {
  const Sensor sensor = ideal_counter(200'000'000);
  Series series;
  for (const std::int64_t raw : {150'000'000, 30'000'000, 130'000'000, 130'000'000})
    series.push({ns(1.0 * static_cast<double>(series.size())), raw, 0});
  const EnergyTrack c = curve(sensor, series);
  ASSERT_EQ(c.intervals.size(), 3U);
  EXPECT_TRUE(c.intervals[0].wrapped);
  EXPECT_DOUBLE_EQ(c.intervals[0].joules, 80);
  EXPECT_DOUBLE_EQ(c.intervals[0].hidden_J, 400) << "500 W could have gone round twice more";
  EXPECT_FALSE(c.intervals[1].wrapped);
  EXPECT_EQ(c.intervals[2].joules, 0);
  EXPECT_TRUE(c.intervals[2].stuck) << "nothing that runs uses nothing for a second";
  EXPECT_FALSE(c.intervals[2].valid);

  series.raw[1] = 900'000'000;
  const EnergyTrack jump = curve(sensor, series);
  EXPECT_FALSE(jump.intervals[0].valid);
  EXPECT_EQ(jump.intervals[0].joules, 0);
}

TEST(EnergyTrack, GarbageNeverOverflows) {
  const Sensor sensor = ideal_counter(100);
  Series series;
  series.push({0, std::numeric_limits<std::int64_t>::max(), 0});
  series.push({1, std::numeric_limits<std::int64_t>::min() + 1, 0});
  series.push({2, std::numeric_limits<std::int64_t>::max(), 0});
  series.push({1, 0, 0});
  EXPECT_EQ(curve(sensor, series).intervals.size(), 1U) << "there and back";
}

TEST(EnergyTrack, ReachesHalfAnIntervalBeyondItsReadings) {
  const Sensor sensor = ideal_counter();
  const EnergyTrack c = curve(sensor, readings(sensor, Power({{1, 100}, {1, 300}}), {0, 1, 2}));
  EXPECT_EQ(c.before().from_ns, ns(-0.5));
  EXPECT_EQ(c.before().to_ns, 0);
  EXPECT_NEAR(c.before().joules, 50, 1e-6);
  EXPECT_EQ(c.after().to_ns, ns(2.5));
  EXPECT_NEAR(c.after().joules, 150, 1e-6);
}

TEST(Stretches, AreLongEnoughAndCoverTheWindow) {
  const Sensor sensor = ideal_counter();
  const EnergyTrack c = curve(sensor, readings(sensor, Power({{1, 100}}), every(0.003, 0.1)));
  const Window window{ns(0.0005), ns(0.0995)};
  const auto edges = stretches(c, window, 0.01);
  EXPECT_EQ(edges.front(), window.from_ns);
  EXPECT_EQ(edges.back(), window.to_ns);
  ASSERT_GT(edges.size(), 7U);
  for (std::size_t i = 1; i < edges.size(); ++i) EXPECT_GE(edges[i] - edges[i - 1], ns(0.01));
  EXPECT_EQ(stretches(c, window, 1).size(), 2U) << "one stretch when the window is too short for two";
  EXPECT_EQ(stretches(EnergyTrack{}, window, 0.01).size(), 2U);
}

TEST(Stretches, NeedAHundredStepsAndTenRefreshes) {
  Sensor s = test::rapl();
  EXPECT_DOUBLE_EQ(shortest_stretch_s(s, 100), 0.01);
  s.resolution = 1'000'000;
  EXPECT_DOUBLE_EQ(shortest_stretch_s(s, 100), 1);
  s.refresh_ns = 500'000'000;
  EXPECT_DOUBLE_EQ(shortest_stretch_s(s, 100), 5);
  EXPECT_DOUBLE_EQ(shortest_stretch_s(s, 0), 5);
  EXPECT_DOUBLE_EQ(shortest_stretch_s(test::power_gauge(), 100), 0.01);
}

TEST(Stretches, SumsOfTracksOnTheSameEdgesKeepEveryJoule) {
  const Sensor sensor = ideal_counter();
  const EnergyTrack a = curve(sensor, readings(sensor, Power({{1, 100}, {2, 10}}), every(0.1, 3)));
  const EnergyTrack b = curve(sensor, readings(sensor, Power({{2, 20}, {1, 200}}), every(0.07, 3)));
  const auto edges = stretches(a, {0, ns(3)}, 0.5);
  std::vector<double> joules(edges.size() - 1);
  add_energy(a, edges, 0, joules);
  add_energy(b, edges, 0, joules);
  EXPECT_NEAR(std::accumulate(joules.begin(), joules.end(), 0.0), 120 + 240, 1e-5);
  EXPECT_NEAR(highest_power(edges, joules), 210, 1e-3);
  EXPECT_NEAR(joules.front(), 60, 1e-5);
  std::vector<double> shifted(1);
  const std::int64_t hour = ns(3600);
  add_energy(a, std::vector<std::int64_t>{hour, hour + ns(1)}, -hour, shifted);
  EXPECT_NEAR(shifted[0], 100, 1e-5);
}

}  // namespace
}  // namespace perun
