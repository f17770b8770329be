// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/baseline.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "analysis/summarize.hpp"
#include "support/runs.hpp"

namespace perun {
namespace {

/// A node that was watched for `length` seconds, with four processors.
NodeRecord watched(const test::Power& power, double length, double busy_s = 0) {
  NodeRecord node = test::make_node("n", length);
  test::add_sensor(node, test::package(0), power, 0.1, length);
  test::add_sensor(node, test::dram(0), test::Power({{length, 10}}), 0.1, length);
  test::add_activity(node, "proc:cpu_busy", Quantity::utilization, Domain::cpu, busy_s, length);
  test::add_activity(node, "proc:cpu_total", Quantity::utilization, Domain::cpu, 4 * length, length);
  return node;
}

Window of(const NodeRecord& node) {
  return {node.clock.front().mono_ns, node.clock.back().mono_ns};
}

TEST(Baseline, IsTheMeanPowerOfWhatCountsAndItsParts) {
  const NodeRecord node = watched(test::Power({{10, 20}}), 10, 0.4);
  const auto b = baseline_of(node, of(node));
  ASSERT_TRUE(b) << b.error().what;
  EXPECT_NEAR(b->power_W, 30, 1e-3);
  ASSERT_TRUE(b->cpu_W);
  EXPECT_NEAR(*b->cpu_W, 20, 1e-3);
  EXPECT_NEAR(b->spread_W, 0, 0.02) << "one refresh of 1 ms at either end of a block";
  EXPECT_EQ(b->blocks, 10);
  EXPECT_DOUBLE_EQ(b->seconds, 10);
  ASSERT_TRUE(b->cpu_busy);
  EXPECT_NEAR(*b->cpu_busy, 0.01, 1e-9);
  EXPECT_EQ(b->kind, Kind::measured);
  EXPECT_EQ(b->sensors, (std::vector<std::string>{"rapl:package-0", "rapl:package-0:dram"}));
}

/// Ten blocks of 1 s alternate between 18 and 22 W: their standard deviation is 2 sqrt(10/9).
TEST(Baseline, TellsTheSpreadOfItsPower) {
  std::vector<std::pair<double, double>> pieces;
  for (int i = 0; i < 10; ++i) pieces.emplace_back(1, i % 2 == 0 ? 18 : 22);
  const NodeRecord node = watched(test::Power(pieces), 10);
  const auto b = baseline_of(node, of(node));
  ASSERT_TRUE(b);
  EXPECT_NEAR(b->power_W, 30, 0.01);
  EXPECT_NEAR(b->spread_W, 2.108, 0.03);
  // Over a run of 5 blocks: t(9) s sqrt(1/10 + 1/5), and what the readings add.
  EXPECT_NEAR(baseline_uncertainty_W(*b, 5), 2.262 * 2.108 * std::sqrt(0.3), 0.06);
  EXPECT_GT(baseline_uncertainty_W(*b, 0.1), baseline_uncertainty_W(*b, 5)) << "a short run meets one mean, not many";
}

TEST(Baseline, IsRefusedWhereItCannotBeTold) {
  const NodeRecord short_one = watched(test::Power({{1, 20}}), 0.1);
  const auto short_error = baseline_of(short_one, of(short_one));
  ASSERT_FALSE(short_error);
  EXPECT_EQ(short_error.error().code, Errc::invalid);
  NodeRecord blind = watched(test::Power({{10, 20}}), 10);
  for (auto& s : blind.sensors) s.counted = false;
  const auto none = baseline_of(blind, of(blind));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Errc::unsupported);
  NodeRecord silent = watched(test::Power({{10, 20}}), 10);
  std::fill(silent.series[0].raw.begin(), silent.series[0].raw.end(), missing);
  const auto unread = baseline_of(silent, of(silent));
  ASSERT_FALSE(unread);
  EXPECT_EQ(unread.error().what, "cpu:0 package could not be read well enough for a baseline");
}

TEST(Baseline, IsReadBackAsItWasWritten) {
  Baseline b{.power_W = 31.4, .spread_W = 0.2, .reading_W = 0.1, .cpu_W = 20, .blocks = 10, .seconds = 10, .cpu_busy = 0.01};
  b.real_ns = 1'795'370'651'000'000'000;
  b.kind = Kind::mixed;
  b.host = "n";
  b.origin = "measured before the run";
  b.sensors = {"rapl:package-0"};
  const auto back = decode_baseline(encode(b));
  ASSERT_TRUE(back) << back.error().what;
  EXPECT_EQ(*back, b);
  const Baseline stated{.power_W = 35, .origin = "stated"};
  EXPECT_EQ(*decode_baseline(encode(stated)), stated);
  for (const char* bad : {"", "{}", "[1]", "{\"schema\":\"perun-baseline/1\"}"}) EXPECT_FALSE(decode_baseline(bad)) << bad;
  std::string negative = encode(stated);
  negative.replace(negative.find("35.0"), 4, "-5.0");
  EXPECT_FALSE(decode_baseline(negative));
}

/// 20 W idle and 80 W of load: 100 W, of it 80 net.
TEST(Net, IsWhatIsAboveTheBaseline) {
  auto run = test::make_run(10);
  run.nodes = {watched(test::Power({{10, 90}}), 10)};
  run.nodes[0].baseline = Baseline{.power_W = 20, .spread_W = 1, .blocks = 10, .seconds = 10};
  const RunSummary s = summarize(run);
  EXPECT_NEAR(s.usage.energy.joules(), 1000, 0.1);
  ASSERT_TRUE(s.net);
  EXPECT_NEAR(s.net->baseline_J, 200, 1e-9);
  EXPECT_NEAR(s.net->net_J, 800, 0.1);
  EXPECT_DOUBLE_EQ(s.net->net_J + s.net->baseline_J, s.usage.energy.joules());
  const double spread_J = 10 * 2.2621571627409915 * std::sqrt(0.2);
  EXPECT_NEAR(s.net->baseline_uncertainty_J, spread_J, 1e-9);
  EXPECT_NEAR(s.net->uncertainty_J, std::hypot(spread_J, s.usage.energy.uncertainty_J), 1e-9);
}

bool noted(const RunSummary& s, Caveat caveat) {
  return std::any_of(s.notes.begin(), s.notes.end(), [&](const Note& n) { return n.caveat == caveat; });
}

TEST(Net, BelowZeroIsShownAndTold) {
  auto run = test::make_run(10);
  run.nodes = {watched(test::Power({{10, 90}}), 10)};
  run.nodes[0].baseline = Baseline{.power_W = 120, .cpu_W = 100};
  const RunSummary s = summarize(run);
  ASSERT_TRUE(s.net);
  EXPECT_NEAR(s.net->net_J, -200, 0.1);
  EXPECT_TRUE(noted(s, Caveat::net_below_zero));
  ASSERT_TRUE(s.attributed);
  EXPECT_TRUE(s.attributed->above_energy);
}

TEST(Net, TellsABaselineOfABusyNode) {
  auto run = test::make_run(10);
  run.nodes = {watched(test::Power({{10, 90}}), 10)};
  run.nodes[0].baseline = Baseline{.power_W = 20, .blocks = 10, .seconds = 10, .cpu_busy = 0.051};
  EXPECT_TRUE(noted(summarize(run), Caveat::baseline_not_idle));
  run.nodes[0].baseline->cpu_busy = 0.049;
  EXPECT_FALSE(noted(summarize(run), Caveat::baseline_not_idle));
}

TEST(Net, OfSeveralNodesNeedsABaselineOnEach) {
  auto run = test::nodes_run();
  for (auto& node : run.nodes) node.baseline = Baseline{.power_W = 10};
  ASSERT_TRUE(summarize(run).net);
  EXPECT_NEAR(summarize(run).net->baseline_J, 700, 1e-9);
  run.nodes.front().baseline.reset();
  EXPECT_FALSE(summarize(run).net);
}

TEST(SharedNode, IsTold) {
  auto run = test::measured_run();
  run.nodes[0].scope = CpuScope{128, 128, 0, "/user.slice"};
  EXPECT_FALSE(noted(summarize(run), Caveat::shared_node));
  run.nodes[0].scope = CpuScope{128, 16, 2.5, "/job_7"};
  const RunSummary s = summarize(run);
  const auto note = std::find_if(s.notes.begin(), s.notes.end(), [](const Note& n) { return n.caveat == Caveat::shared_node; });
  ASSERT_NE(note, s.notes.end());
  EXPECT_EQ(note->text,
            "this run may use 16 of the node's 128 CPUs (at most 2.5 CPUs of time, cgroup /job_7), but the energy is the whole "
            "node's: what others used there is in it");
}

}  // namespace
}  // namespace perun
