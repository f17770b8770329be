// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/share.hpp"

#include <gtest/gtest.h>

#include <random>

#include "analysis/baseline.hpp"
#include "analysis/summarize.hpp"
#include "support/runs.hpp"

namespace perun {
namespace {

double sum(const Attribution& a) {
  return a.run_J + a.others_J + a.idle_J + a.unattributed_J;
}

/// Whatever is read and however absurd: the parts are the whole, and none is below 0.
TEST(Share, ConservesEnergyWhateverTheTimes) {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> joules(0, 1e6), seconds(-10, 1e4), coin(0, 1);
  for (int i = 0; i < 20'000; ++i) {
    Shareable e{joules(random), 0.01 * joules(random), joules(random), std::nullopt, 0};
    if (coin(random) < 0.5) e.idle_J = joules(random);
    if (coin(random) < 0.1) e.cpu_J = 0;
    CpuTimes t{seconds(random), seconds(random), seconds(random), coin(random)};
    if (coin(random) < 0.1) t = {};
    const Attribution a = share_out(e, t);
    const double whole = e.cpu_J + e.other_J;
    ASSERT_NEAR(sum(a), whole, 1e-9 * std::max(whole, 1.0)) << i;
    ASSERT_GE(a.run_J, 0) << i;
    ASSERT_GE(a.others_J, 0) << i;
    ASSERT_GE(a.idle_J, 0) << i;
    ASSERT_GE(a.run_uncertainty_J, 0) << i;
    ASSERT_NEAR(a.run_cpu_s + a.others_cpu_s + a.idle_cpu_s, std::max(t.total_s, 0.0), 1e-9 * std::max(t.total_s, 1.0)) << i;
  }
}

TEST(Share, GivesARunThatIsAloneAllThatIsNotIdle) {
  const Attribution a = share_out({1000, 4, 80, 300, 10}, {19.9, 20, 40, 0.02});
  EXPECT_NEAR(a.run_J, 700 * 19.9 / 20, 1e-9);
  EXPECT_NEAR(a.others_J, 3.5, 1e-9);
  EXPECT_DOUBLE_EQ(a.idle_J, 300);
  EXPECT_DOUBLE_EQ(a.unattributed_J, 80);
  // 0.995 of each error, and 0.02 s of 20 s busy.
  EXPECT_NEAR(a.run_uncertainty_J, std::hypot(0.995 * 4, 0.995 * 10, 700 * 0.995 * 0.001), 1e-9);
}

TEST(Share, GivesTwoHalfBusyRunsTheirHalves) {
  const CpuTimes times{10, 20, 40, 0};
  const Attribution one = share_out({1000, 0, 0, 300, 0}, times), other = share_out({1000, 0, 0, 300, 0}, times);
  EXPECT_DOUBLE_EQ(one.run_J, 350);
  EXPECT_DOUBLE_EQ(one.others_J, other.run_J);
  EXPECT_DOUBLE_EQ(one.run_J + other.run_J + one.idle_J, 1000);
}

TEST(Share, LeavesIdleCapacityItsPartOfTimeWithoutABaseline) {
  const Attribution a = share_out({1000, 0, 0, std::nullopt, 0}, {10, 20, 40, 0.5});
  EXPECT_DOUBLE_EQ(a.run_J, 250);
  EXPECT_DOUBLE_EQ(a.others_J, 250);
  EXPECT_DOUBLE_EQ(a.idle_J, 500);
  EXPECT_FALSE(a.by_baseline);
}

TEST(Share, CutsABaselineThatExceedsTheEnergy) {
  const Attribution a = share_out({200, 0, 0, 300, 0}, {10, 20, 40, 0});
  EXPECT_TRUE(a.above_energy);
  EXPECT_DOUBLE_EQ(a.idle_J, 200);
  EXPECT_DOUBLE_EQ(a.run_J, 0);
}

TEST(Share, TakesTicksForTheCoarserClock) {
  // Ten ms of program in a tick that was counted idle: busy is at least the run's.
  const Attribution a = share_out({10, 0, 0, 4, 0}, {0.015, 0.01, 0.4, 0.01});
  EXPECT_DOUBLE_EQ(a.run_J, 6);
  EXPECT_DOUBLE_EQ(a.others_J, 0);
}

/// 50 W on each of two packages and 12 W of memory for 3 s; 4 processors.
Run shared_run(double run_cpu_s, double busy_s) {
  auto run = test::make_run(3);
  run.outcome.user_s = run_cpu_s;
  run.outcome.system_s = 0;
  NodeRecord node = test::make_node("n", 3);
  test::add_sensor(node, test::package(0), test::Power({{3, 50}}), 0.1, 3);
  test::add_sensor(node, test::package(1), test::Power({{3, 50}}), 0.1, 3);
  test::add_sensor(node, test::dram(0), test::Power({{3, 12}}), 0.1, 3);
  test::add_activity(node, "proc:cpu_busy", Quantity::utilization, Domain::cpu, busy_s, 3);
  test::add_activity(node, "proc:cpu_total", Quantity::utilization, Domain::cpu, 12, 3);
  run.nodes = {node};
  return run;
}

TEST(AttributedShare, OfARunIsThatOfItsProcesses) {
  auto run = shared_run(4, 8);
  run.nodes[0].baseline = Baseline{.power_W = 30, .cpu_W = 20};
  const RunSummary s = summarize(run);
  ASSERT_TRUE(s.attributed);
  EXPECT_NEAR(s.attributed->idle_J, 60, 1e-9);
  EXPECT_NEAR(s.attributed->run_J, 120, 1e-3);
  EXPECT_NEAR(s.attributed->others_J, 120, 1e-3);
  EXPECT_NEAR(s.attributed->unattributed_J, 36, 1e-3);
  EXPECT_NEAR(sum(*s.attributed), s.usage.energy.joules(), 1e-9 * s.usage.energy.joules());
  EXPECT_EQ(s.attributed->kind, Kind::measured);
}

TEST(AttributedShare, SplitsAStatedPowerAsTheEnergy) {
  auto run = shared_run(4, 8);
  run.nodes[0].baseline = Baseline{.power_W = 56};  // half the 112 W
  const RunSummary s = summarize(run);
  ASSERT_TRUE(s.attributed);
  EXPECT_NEAR(s.attributed->idle_J, 150, 1e-3);
  EXPECT_NEAR(s.attributed->run_J, 75, 1e-3);
}

TEST(AttributedShare, IsAbsentWhereItCannotBeTold) {
  auto cut_off = shared_run(0, 8);
  cut_off.outcome = {};
  EXPECT_FALSE(summarize(cut_off).attributed) << "the CPU time of a run that was cut off is not known";
  EXPECT_FALSE(summarize(test::unavailable_run()).attributed);
  auto no_stat = shared_run(4, 8);
  no_stat.nodes[0].sensors.resize(3);
  no_stat.nodes[0].series.resize(3);
  EXPECT_FALSE(summarize(no_stat).attributed);
}

}  // namespace
}  // namespace perun
