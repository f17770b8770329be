// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/compare.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <iostream>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "analysis/gate.hpp"

namespace perun {
namespace {

RunSummary run_of(double joules, double seconds, double uncertainty_J = 0, Kind kind = Kind::measured) {
  static int number = 0;
  RunSummary run;
  run.number = ++number;
  run.id = "id-" + std::to_string(number);
  run.outcome.finished = true;
  Amount& e = run.usage.energy;
  e.kind = kind;
  (kind == Kind::estimated ? e.estimated_J : e.measured_J) = joules;
  e.uncertainty_J = uncertainty_J;
  run.usage.duration_s = seconds;
  run.usage.power_mean_W = joules / seconds;
  DeviceSummary device;
  device.id = "rapl:package-0";
  device.domain = Domain::package;
  device.kind = kind;
  device.counted = true;
  device.systematic_percent = 5;
  NodeSummary& node = run.nodes.emplace_back();
  node.host = "n1";
  node.devices.push_back(device);
  return run;
}

Side side_of(std::string name, std::vector<std::pair<double, double>> runs) {
  Side side{std::move(name), "", {}};
  for (const auto& [joules, seconds] : runs) side.runs.push_back(run_of(joules, seconds));
  return side;
}

const Change& of(const Comparison& c, Metric m) {
  return c.changes[static_cast<std::size_t>(m)];
}

std::string all(const std::vector<std::string>& notes) {
  std::string out;
  for (const auto& note : notes) out += note + "\n";
  return out;
}

bool says(const Comparison& c, std::string_view words) {
  return all(c.notes).find(words) != std::string::npos;
}

TEST(Compare, SeveralRunsASideAreWelchsTestOfTheirLogarithms) {
  Side base = side_of("base", {}), other = side_of("other", {});
  for (const double J : {412.6, 409.1, 415.3, 411.8, 413.9, 408.9, 417.4, 412.0}) base.runs.push_back(run_of(J, 5));
  for (const double J : {405.2, 401.7, 409.9, 398.3, 404.4, 402.8}) other.runs.push_back(run_of(J, 4));
  const Comparison c = compare(base, other, 0.95);
  const Change& energy = of(c, Metric::energy);
  // scipy 1.10.1: stats.ttest_ind(log(other), log(base), equal_var=False), see statistics_test.cpp.
  EXPECT_NEAR(energy.ratio, 0.9783942015936375, 1e-12);
  EXPECT_NEAR(energy.interval.lower, 0.9681505877841405, 1e-12);
  EXPECT_NEAR(energy.interval.upper, 0.9887461989802372, 1e-12);
  EXPECT_NEAR(energy.p_value.value_or(-1), 0.0011689067320949128, 1e-11);
  ASSERT_TRUE(energy.bootstrapped);
  EXPECT_NEAR(energy.bootstrapped->upper, 0.986905, 0.0005);
  EXPECT_EQ(energy.basis, Basis::runs);
  EXPECT_EQ(energy.verdict, Verdict::lower);
  EXPECT_EQ(energy.base.runs, 8U);
  EXPECT_NEAR(energy.base.mean, 412.6164, 1e-3);
  // What is made of each other agrees: power = energy / time, edp = energy x time.
  EXPECT_NEAR(of(c, Metric::time).ratio, 0.8, 1e-12);
  EXPECT_NEAR(of(c, Metric::power).ratio, energy.ratio / 0.8, 1e-12);
  EXPECT_NEAR(of(c, Metric::edp).ratio, energy.ratio * 0.8, 1e-12);
  EXPECT_TRUE(c.notes.empty()) << all(c.notes);
}

TEST(Compare, OneRunASideHasTheIntervalOfItsReadings) {
  const Side base{"a", "", {run_of(100, 10, 3)}}, other{"b", "", {run_of(110, 10, 4.4)}};
  const Comparison c = compare(base, other, 0.95);
  const Change& energy = of(c, Metric::energy);
  EXPECT_EQ(energy.basis, Basis::readings);
  EXPECT_NEAR(std::log(energy.interval.upper / energy.ratio), std::hypot(0.03, 0.04), 1e-9);
  EXPECT_NEAR(energy.ratio, 1.1, 1e-12);
  EXPECT_EQ(energy.verdict, Verdict::higher);
  EXPECT_FALSE(energy.p_value);
  EXPECT_TRUE(says(c, "one run a side"));
  const Side near{"b", "", {run_of(104, 10, 4.4)}};
  EXPECT_EQ(of(compare(base, near, 0.95), Metric::energy).verdict, Verdict::no_difference);
  EXPECT_EQ(of(compare(base, near, 0.5), Metric::energy).verdict, Verdict::higher);
}

TEST(Compare, ASingleRunVariesLikeTheRunsOfTheOtherSide) {
  const Side base = side_of("a", {{100, 10}, {102, 10}, {98, 10}, {101, 10}, {99, 10}}), other = side_of("b", {{103, 10}});
  const Comparison c = compare(base, other, 0.95);
  const Change& energy = of(c, Metric::energy);
  EXPECT_EQ(energy.basis, Basis::one_side);
  // A prediction interval: t(4) s sqrt(1 + 1/5), with Welch's degrees for equal spreads.
  const double variance = energy.base.spread * energy.base.spread;
  const double freedom = std::pow(variance * 1.2, 2) / (std::pow(variance, 2) * (1 + 1.0 / 25) / 4);
  EXPECT_NEAR(std::log(energy.interval.upper / energy.ratio),
              statistics::student_quantile(0.95, freedom) * std::sqrt(variance * 1.2), 1e-12);
  EXPECT_EQ(energy.verdict, Verdict::no_difference);
  EXPECT_TRUE(says(c, "vary from run to run like the other side"));
}

TEST(Compare, RunsVaryAtLeastAsReadingsDo) {
  Side base{"a", "", {}}, other{"b", "", {}};
  for (int i = 0; i < 4; ++i) {
    base.runs.push_back(run_of(100, 10, 20));
    other.runs.push_back(run_of(105, 10, 20));
  }
  const Change energy = of(compare(base, other, 0.95), Metric::energy);
  EXPECT_EQ(energy.verdict, Verdict::no_difference);
  EXPECT_NEAR(std::log(energy.interval.upper / energy.ratio), std::hypot(0.2, 20.0 / 105) / 2, 1e-9);
}

/// Normal noise of 1 % on energy and 0.4 % on time, as measuring the same program again gives it.
class Noise {
 public:
  explicit Noise(unsigned seed) : random_(seed) {}
  Side side(std::size_t runs, double joules, double noise = 0.01) {
    Side out{"x", "", {}};
    for (std::size_t i = 0; i < runs; ++i)
      out.runs.push_back(run_of(joules * (1 + noise * normal_(random_)), 10 * (1 + 0.004 * normal_(random_))));
    return out;
  }

 private:
  std::mt19937_64 random_;
  std::normal_distribution<double> normal_;
};

/// How often, of 1,000 pairs, the interval holds the true ratio, and there is a verdict of a difference.
struct Tally {
  int held = 0, told = 0, bootstrap_held = 0;
};
Tally pairs(std::size_t a, std::size_t b, double ratio, double noise, unsigned seed) {
  Noise source(seed);
  Tally tally;
  for (int i = 0; i < 1000; ++i) {
    const Side base = source.side(a, 400, noise), other = source.side(b, 400 * ratio, noise);
    const Change energy = compare(Metric::energy, base, other, 0.95);
    tally.held += energy.interval.lower <= ratio && ratio <= energy.interval.upper ? 1 : 0;
    tally.told += energy.verdict != Verdict::no_difference ? 1 : 0;
    if (energy.bootstrapped)
      tally.bootstrap_held += energy.bootstrapped->lower <= ratio && ratio <= energy.bootstrapped->upper ? 1 : 0;
  }
  return tally;
}

TEST(Compare, IntervalsHoldTheTruthAsOftenAsTheySay) {
  struct Row {
    std::size_t a, b;
    double ratio, noise;
    int least;
  };
  unsigned seed = 1;
  for (const auto& [a, b, ratio, noise, least] :
       {Row{10, 10, 1, 0.01, 935}, Row{10, 10, 1.02, 0.01, 935}, Row{5, 5, 1, 0.05, 935}, Row{3, 12, 0.9, 0.02, 940},
        Row{2, 20, 1, 0.01, 940}, Row{2, 2, 1, 0.01, 935}, Row{20, 20, 1, 0.2, 935}}) {
    const Tally t = pairs(a, b, ratio, noise, seed++);
    std::cout << a << " and " << b << " runs, ratio " << ratio << ", noise " << noise << ": " << t.held << " of 1000 within, "
              << t.bootstrap_held << " by the bootstrap; a difference told " << t.told << " times\n";
    EXPECT_GE(t.held, least) << a << ' ' << b;
    if (ratio == 1) {
      EXPECT_LE(t.told, 65) << a << ' ' << b;
    }
  }
}

/// 1,000 pairs tell the rate of false alarms to 0.7 % of them, one standard error; this tells it to 0.1 %. The verdict is
/// Welch's p below 5 %, taken here without the intervals around it, which take most of the time.
TEST(Compare, FalseAlarmsAreFivePercentAtMost) {
  constexpr int trials = 40'000;
  std::mt19937_64 random(5);
  std::normal_distribution<double> normal;
  for (const std::size_t runs : {2U, 3U, 5U, 10U}) {
    const auto mean = [&] {
      std::vector<double> logs(runs);
      for (double& log : logs) log = std::log(400 * (1 + 0.01 * normal(random)));
      return statistics::sample_of(logs);
    };
    const auto spread = [&](const statistics::Sample& s) {
      return statistics::Spread{s.variance / static_cast<double>(runs), static_cast<double>(runs - 1)};
    };
    int told = 0;
    for (int i = 0; i < trials; ++i) {
      const auto a = mean(), b = mean();
      const auto both = statistics::welch(spread(a), spread(b));
      told += statistics::student_tails((b.mean - a.mean) / std::sqrt(both.variance), both.freedom) < 0.05 ? 1 : 0;
    }
    std::cout << runs << " and " << runs << " runs alike: a difference told " << told << " times in " << trials << '\n';
    EXPECT_LE(told, trials / 20) << runs;
  }
}

TEST(Compare, TwoPercentAreFoundUnderOnePercentOfNoise) {
  const Tally t = pairs(10, 10, 1.02, 0.01, 77);
  std::cout << "2 % found in " << t.told << " of 1000\n";
  EXPECT_GE(t.told, 900);
}

TEST(Compare, EstimatesAreComparedButTold) {
  const Side base{"a", "", {run_of(100, 10, 1, Kind::estimated)}}, other{"b", "", {run_of(150, 10, 1)}};
  const Comparison c = compare(base, other, 0.95);
  EXPECT_EQ(of(c, Metric::energy).kind, Kind::mixed);
  EXPECT_EQ(of(c, Metric::time).kind, Kind::measured);
  EXPECT_TRUE(says(c, "never pass or fail"));
}

TEST(Compare, WhatIsMissingIsNotKnown) {
  const Side base{"a", "", {run_of(100, 10), run_of(100, 10, 0, Kind::unavailable)}}, other{"b", "", {run_of(0, 10)}};
  const Comparison c = compare(base, other, 0.95);
  EXPECT_EQ(of(c, Metric::energy).kind, Kind::unavailable);
  EXPECT_EQ(of(c, Metric::energy).verdict, Verdict::not_known);
  EXPECT_EQ(of(c, Metric::energy).basis, Basis::none);
  EXPECT_EQ(of(c, Metric::time).kind, Kind::measured);
  EXPECT_TRUE(says(c, "not available on both sides"));
}

TEST(Compare, DifferentThingsAreNotHeldAgainstEachOther) {
  const Side base{"a", "", {run_of(100, 10)}};
  Side other{"b", "", {run_of(100, 10)}};
  DeviceSummary gpu = other.runs[0].nodes[0].devices[0];
  gpu.domain = Domain::gpu;
  gpu.id = "nvml:0";
  other.runs[0].nodes[0].devices.push_back(gpu);
  EXPECT_NE(compare(base, other, 0.95).not_alike.find("package, "), std::string::npos);
  other.runs[0].nodes[0].devices.pop_back();
  EXPECT_EQ(compare(base, other, 0.95).not_alike, "");
  EXPECT_FALSE(says(compare(base, other, 0.95), "not all sensors"));
  other.runs[0].nodes[0].host = "n2";
  EXPECT_TRUE(says(compare(base, other, 0.95), "up to 5 %"));
}

TEST(Compare, OddRunsAreTold) {
  Side base = side_of("a", {{100, 10}, {101, 10}}), other{"b", "", {base.runs[0], run_of(100, 10)}};
  other.runs[1].outcome.exit_code = 3;
  base.runs[1].outcome.finished = false;
  const Comparison c = compare(base, other, 0.95);
  EXPECT_TRUE(says(c, "is on both sides"));
  EXPECT_TRUE(says(c, "ended with exit status 3"));
  EXPECT_TRUE(says(c, "was cut off"));
}

void add_region(RunSummary& run, std::string name, double joules, double seconds) {
  RegionSummary r;
  r.name = std::move(name);
  r.energy.kind = Kind::measured;
  r.energy.measured_J = joules;
  r.energy.uncertainty_J = joules / 100;
  r.wall_s = seconds;
  r.resolved = joules > 0;
  run.regions.regions.push_back(r);
}

TEST(Compare, RegionsAreComparedByName) {
  Side base = side_of("a", {{100, 10}, {100, 10}}), other = side_of("b", {{90, 9}});
  for (auto& run : base.runs) add_region(run, "solve", 80, 8), add_region(run, "short", 0, 0.1);
  add_region(base.runs[0], "once", 1, 1);
  add_region(other.runs[0], "new", 5, 1);
  add_region(other.runs[0], "short", 0, 0.2);
  add_region(other.runs[0], "solve", 60, 7);
  const Comparison c = compare(base, other, 0.95);
  ASSERT_EQ(c.regions.size(), 2U);
  EXPECT_EQ(c.regions[0].name, "solve");
  EXPECT_NEAR(c.regions[0].changes[0].ratio, 0.75, 1e-12);
  EXPECT_NEAR(c.regions[0].changes[1].ratio, 0.875, 1e-12);
  EXPECT_EQ(c.regions[1].changes[0].kind, Kind::unavailable);
  EXPECT_NEAR(c.regions[1].changes[1].ratio, 2, 1e-12);
  EXPECT_EQ(c.regions_apart, 1U);  // "new"; "once" is not a region of all of a's runs
}

TEST(Gate, ConditionsAreRead) {
  const auto c = parse_condition(" a:b:Energy > +5 % ");
  ASSERT_TRUE(c);
  EXPECT_EQ(c->region, "a:b");
  EXPECT_EQ(c->metric, Metric::energy);
  EXPECT_TRUE(c->above);
  EXPECT_DOUBLE_EQ(c->ratio, 1.05);
  EXPECT_DOUBLE_EQ(parse_condition("edp<-20%")->ratio, 0.8);
  EXPECT_FALSE(parse_condition("edp<-20%")->above);
  for (const char* bad : {"", "energy", "energy>5", "energy>5J", "joules>5%", ":energy>5%", "energy>-100%", "energy>nan%",
                          "energy>%", "energy=5%", ">5%"})
    EXPECT_FALSE(parse_condition(bad)) << bad;
}

Gate gate(const char* condition, const Comparison& c) {
  return judge(*parse_condition(condition), c).gate;
}

TEST(Gate, OnlyWhatIsWhollyBeyondFails) {
  const Side base{"a", "", {run_of(100, 10, 1)}}, other{"b", "", {run_of(110, 10, 1)}};
  const Comparison c = compare(base, other, 0.95);  // 1.0852 .. 1.1150
  EXPECT_EQ(gate("energy>+5%", c), Gate::failed);
  EXPECT_EQ(gate("energy>+8.5%", c), Gate::failed);
  EXPECT_EQ(gate("energy>+8.7%", c), Gate::passed);
  EXPECT_EQ(gate("energy>+15%", c), Gate::passed);
  EXPECT_EQ(gate("energy<0%", c), Gate::passed);
  EXPECT_EQ(gate("energy<+12%", c), Gate::failed);
  EXPECT_EQ(gate("none:energy>+5%", c), Gate::undecided);
}

TEST(Gate, EstimatesAndWhatIsNotAlikeDecideNothing) {
  const Side base{"a", "", {run_of(100, 10, 1, Kind::estimated)}}, other{"b", "", {run_of(200, 20, 1, Kind::estimated)}};
  const Comparison c = compare(base, other, 0.95);
  EXPECT_EQ(gate("energy>+5%", c), Gate::undecided);
  EXPECT_EQ(gate("energy>+500%", c), Gate::undecided);
  EXPECT_EQ(gate("time>+5%", c), Gate::failed);
  Side gpu{"b", "", {run_of(200, 10, 1)}};
  gpu.runs[0].nodes[0].devices[0].domain = Domain::gpu;
  EXPECT_EQ(gate("energy>+5%", compare({"a", "", {run_of(100, 10, 1)}}, gpu, 0.95)), Gate::undecided);
  EXPECT_EQ(gate("time>+5%", compare({"a", "", {run_of(100, 10, 1)}}, gpu, 0.95)), Gate::passed);
}

}  // namespace
}  // namespace perun
