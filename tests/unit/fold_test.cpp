// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/fold.hpp"

#include <gtest/gtest.h>

#include "analysis/summarize.hpp"
#include "support/sample_run.hpp"

namespace perun {
namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t begin = test::sample_real_ns;

/// 10 s at 100 W, then 10 s at 300 W, read every second: 1 kJ and 3 kJ.
Run stepped_run() {
  perun::Run run = test::sample_run(1, 1);
  NodeRecord& node = run.nodes.front();
  node.series.front() = {};
  std::int64_t microjoules = 0;
  for (int t = 0; t <= 20; ++t) {
    node.series.front().push({test::sample_mono_ns + t * second, microjoules, 1000});
    microjoules += t < 10 ? 100'000'000 : 300'000'000;
  }
  node.clock = {{test::sample_mono_ns, begin}, {test::sample_mono_ns + 20 * second, begin + 20 * second}};
  run.end = {test::sample_mono_ns + 20 * second, begin + 20 * second};
  return run;
}

FactorSeries series(std::vector<std::pair<double, std::optional<double>>> values) {
  FactorSeries out;
  for (const auto& [seconds, value] : values) out.values.push_back({begin + std::int64_t(seconds * 1e9), value});
  return out;
}

TEST(Fold, AStepInTheMiddleIsWeightedByEnergyNotByTime) {
  // (1000 J x 0.1 + 3000 J x 0.5) / 4000 J; by time it were 0.3.
  const Folded f = fold(stepped_run(), series({{-60, 0.1}, {10, 0.5}, {60, std::nullopt}}));
  EXPECT_NEAR(f.mean, 0.4, 1e-9);
  EXPECT_NEAR(f.covered, 1, 1e-12);
}

TEST(Fold, AStepWithinAReadingIntervalSharesItByTime) {
  // 3.5 s at 100 W with 1.0, 6.5 s at 100 W and 2.25 s at 300 W with 2.0, 7.75 s at 300 W with 4.0.
  const Folded f = fold(stepped_run(), series({{0, 1.0}, {3.5, 2.0}, {12.25, 4.0}, {30, std::nullopt}}));
  EXPECT_NEAR(f.mean, (350 * 1.0 + (650 + 675) * 2.0 + 2325 * 4.0) / 4000, 1e-9);
}

TEST(Fold, WhatASeriesDoesNotKnowIsNotGuessed) {
  const Folded gap = fold(stepped_run(), series({{0, 0.2}, {5, std::nullopt}, {15, 0.6}, {60, std::nullopt}}));
  EXPECT_NEAR(gap.mean, (500 * 0.2 + 1500 * 0.6) / 2000, 1e-9);
  EXPECT_NEAR(gap.covered, 0.5, 1e-9);
  const Folded late = fold(stepped_run(), series({{10, 0.6}, {60, std::nullopt}}));
  EXPECT_NEAR(late.mean, 0.6, 1e-9);
  EXPECT_NEAR(late.covered, 0.75, 1e-9);
  EXPECT_EQ(fold(stepped_run(), series({{100, 0.6}, {200, std::nullopt}})).covered, 0);
  EXPECT_EQ(fold(stepped_run(), {}).covered, 0);
}

TEST(Fold, WhatIsAssumedForOtherPartsCountsToo) {
  perun::Run run = stepped_run();
  run.factors.overhead_power_W = 100;  // 1 kJ more in each half
  EXPECT_NEAR(fold(run, series({{-1, 0.1}, {10, 0.5}, {60, std::nullopt}})).mean, (2000 * 0.1 + 4000 * 0.5) / 6000, 1e-9);
}

TEST(Fold, NodesHaveTheirOwnClocks) {
  perun::Run run = stepped_run();
  NodeRecord other = run.nodes.front();  // the same curve on a machine that was booted earlier
  other.host = "other";
  constexpr std::int64_t apart = 1'000 * second;
  for (auto& m : other.clock) m.mono_ns += apart;
  for (auto& t_ns : other.series.front().t_ns) t_ns += apart;
  run.nodes.push_back(other);
  EXPECT_NEAR(fold(run, series({{-60, 0.1}, {10, 0.5}, {60, std::nullopt}})).mean, 0.4, 1e-9);
}

TEST(Fold, PricesMayBeNegative) {
  EXPECT_NEAR(fold(stepped_run(), series({{-60, -1.0}, {10, 3.0}, {60, std::nullopt}})).mean, 2.0, 1e-9);
}

TEST(Fold, WithoutEnergyTimeWeighs) {
  perun::Run run = stepped_run();
  run.nodes.front().sensors.front().counted = false;
  EXPECT_NEAR(fold(run, series({{-60, 0.1}, {10, 0.5}, {60, std::nullopt}})).mean, 0.3, 1e-9);
}

TEST(Fold, KeepsWhatHeldFromTheBeginOfTheRunToItsEnd) {
  const auto steps = [](const FactorSeries& of) { return fold(stepped_run(), of).steps; };
  const std::vector<FactorStep> expected{{begin, 0.1}, {begin + 10 * second, std::nullopt}, {begin + 15 * second, 0.5}};
  EXPECT_EQ(steps(series({{-60, 0.3}, {-30, 0.1}, {5, 0.1}, {10, std::nullopt}, {15, 0.5}, {20, 0.7}, {60, std::nullopt}})),
            expected);
  EXPECT_TRUE(steps(series({{-60, 0.1}, {60, std::nullopt}})).empty());  // one value is no series
  EXPECT_TRUE(steps(series({{100, 0.1}, {160, std::nullopt}})).empty());
}

TEST(Fold, EmissionsAreTheIntegralOfPowerTimesFactor) {
  perun::Run run = stepped_run();
  run.factors.pue = 1.5;
  run.factors.emissions_kg_per_kWh = fold(run, series({{-60, 0.1}, {10, 0.5}, {60, std::nullopt}})).mean;
  const RunSummary summary = summarize(run);
  EXPECT_NEAR(summary.footprint->co2e_kg, 1.5 * (1000 * 0.1 + 3000 * 0.5) / 3.6e6, 1e-12);
  EXPECT_NEAR(summary.usage.energy.joules(), 4000, 1e-9);  // PUE stays apart
}

}  // namespace
}  // namespace perun
