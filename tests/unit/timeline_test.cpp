// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/timeline.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "base/missing.hpp"
#include "support/runs.hpp"

namespace perun {
namespace {

using test::run_begin_mono;

const PowerTrack& track(const Timeline& timeline, std::string_view id) {
  const auto found = std::ranges::find(timeline.power, id, &PowerTrack::id);
  if (found == timeline.power.end()) std::abort();
  return *found;
}

double joules(const PowerTrack& track) {
  return static_cast<double>(track.value.back()) * track.unit;
}

/// One sensor with these raw values, a second apart.
Run run_of(Sensor sensor, const std::vector<std::int64_t>& raw) {
  const double length = static_cast<double>(raw.size()) - 1;
  Run run = test::make_run(length);
  run.nodes.push_back(test::make_node("n", length));
  Series series;
  for (std::size_t i = 0; i < raw.size(); ++i)
    series.push({run_begin_mono + static_cast<std::int64_t>(i) * 1'000'000'000, raw[i], 1000});
  sensor.counted = true;
  run.nodes[0].sensors.push_back(std::move(sensor));
  run.nodes[0].series.push_back(std::move(series));
  return run;
}

Sensor watts_gauge() {
  Sensor s = test::package(0);
  s.behavior = Behavior::gauge;
  s.quantity = Quantity::power;
  s.scale = 1e-3;
  s.wraps_at = 0;
  s.refresh_ns = 1'000'000;
  return s;
}

TEST(Timeline, HoldsEveryReadingOfACounterToItsLastStep) {
  const perun::Run run = test::measured_run();
  const Timeline t = timeline_of(run, 1'000'000);
  EXPECT_FALSE(t.thinned);
  EXPECT_EQ(t.length_us, 3'000'000);
  const NodeRecord& node = run.nodes[0];
  ASSERT_EQ(t.power.size(), 5U);
  for (std::size_t i = 0; i < t.power.size(); ++i) {
    const PowerTrack& p = t.power[i];
    const Series& series = node.series[i];
    ASSERT_EQ(p.t_us.size(), series.size());
    EXPECT_EQ(p.unit, node.sensors[i].scale);
    std::int64_t wrapped = 0;
    for (std::size_t k = 0; k < series.size(); ++k) {
      if (k > 0 && series.raw[k] < series.raw[k - 1]) wrapped += node.sensors[i].wraps_at;
      EXPECT_EQ(p.t_us[k], (series.t_ns[k] - run_begin_mono) / 1000);
      EXPECT_EQ(p.value[k], series.raw[k] - series.raw[0] + wrapped);
    }
    EXPECT_TRUE(p.gaps.empty());
  }
}

TEST(Timeline, HoldsTheValuesOfAGauge) {
  const Timeline t = timeline_of(run_of(watts_gauge(), {100'000, 140'500, 90'250, 90'001}), 1000);
  ASSERT_EQ(t.power.size(), 1U);
  EXPECT_TRUE(t.power[0].gauge);
  EXPECT_EQ(t.power[0].value, (std::vector<std::int64_t>{100'000, 140'500, 90'250, 90'001}));
  EXPECT_EQ(t.power[0].t_us, (std::vector<std::int64_t>{0, 1'000'000, 2'000'000, 3'000'000}));
}

TEST(Timeline, AFailedReadingIsAGapAndAResetOneOfUnknownEnergy) {
  const Timeline gauge = timeline_of(run_of(watts_gauge(), {100'000, missing, 90'250, 90'001}), 1000);
  EXPECT_EQ(gauge.power[0].gaps, (std::vector<std::pair<std::size_t, bool>>{{0, true}}));
  Sensor counter = test::package(0);
  counter.wraps_at = 0;
  const Timeline reset = timeline_of(run_of(counter, {5'000'000, 6'000'000, 100, 1'000'100}), 1000);
  EXPECT_EQ(reset.power[0].gaps, (std::vector<std::pair<std::size_t, bool>>{{1, false}}));
}

TEST(Timeline, ThinnedOutKeepsEnergiesAndExtremes) {
  const perun::Run run = test::measured_run();
  const Timeline all = timeline_of(run, 1'000'000), few = timeline_of(run, (all.readings + 4) / 5);
  EXPECT_TRUE(few.thinned);
  EXPECT_EQ(few.readings, all.readings);
  for (const PowerTrack& p : few.power) {
    const PowerTrack& whole = track(all, p.id);
    EXPECT_EQ(p.t_us.size(), 1 + (whole.t_us.size() - 1 + 4) / 5);
    for (std::size_t k = 0; k < p.t_us.size(); ++k) {
      const auto at = std::ranges::find(whole.t_us, p.t_us[k]) - whole.t_us.begin();
      EXPECT_EQ(p.value[k], whole.value[static_cast<std::size_t>(at)]);
    }
    ASSERT_EQ(p.least.size(), p.t_us.size() - 1);
    for (std::size_t k = 0; k < p.least.size(); ++k) {
      const double mean_W =
          static_cast<double>(p.value[k + 1] - p.value[k]) * p.unit / (static_cast<double>(p.t_us[k + 1] - p.t_us[k]) * 1e-6);
      EXPECT_LE(static_cast<double>(p.least[k] - 1) * p.range_W, mean_W);
      EXPECT_GE(static_cast<double>(p.most[k] + 1) * p.range_W, mean_W);
    }
  }
  EXPECT_NEAR(joules(track(few, "rapl:package-0")), 700, 0.1);
}

TEST(Timeline, AThinnedGaugeIsAnEnergy) {
  const Timeline t = timeline_of(run_of(watts_gauge(), {100'000, 200'000, 100'000, 200'000, 100'000}), 2);
  EXPECT_NEAR(joules(t.power[0]), 600, 1e-5);
  EXPECT_EQ(t.power[0].least[0], 100'000);
  EXPECT_EQ(t.power[0].most[0], 200'000);
}

TEST(Timeline, RatesAreOfTheTimeBeforeThem) {
  const Timeline t = timeline_of(test::measured_run(), 1'000'000);
  const auto cpu = std::ranges::find(t.states, "CPU", &StateTrack::label);
  ASSERT_NE(cpu, t.states.end());
  EXPECT_TRUE(cpu->rate);
  EXPECT_NEAR(static_cast<double>(cpu->value.back()) * cpu->unit, 0.38, 1e-4);
  const auto memory = std::ranges::find(t.states, "proc:memory_used", &StateTrack::label);
  ASSERT_NE(memory, t.states.end());
  EXPECT_FALSE(memory->rate);
  EXPECT_NEAR(static_cast<double>(memory->value.back()) * memory->unit, 12.4e9, 1);
}

TEST(Timeline, CallsStandOnTheirThreadsAtTheirDepth) {
  const Timeline t = timeline_of(test::regions_run(), 1'000'000);
  ASSERT_EQ(t.lanes.size(), 2U);
  EXPECT_EQ(t.lanes[1].tid, 4712);
  ASSERT_EQ(t.calls.size(), 44U);
  EXPECT_FALSE(t.calls_joined);
  const RegionCall& train = t.calls[1];
  EXPECT_EQ(t.names[train.name], "train");
  EXPECT_EQ(train.from_us, 1'000'000);
  EXPECT_EQ(train.to_us, 2'900'000);
  EXPECT_EQ(train.depth, 0U);
  EXPECT_EQ(t.names[t.calls[2].name], "step");
  EXPECT_EQ(t.calls[2].depth, 1U);
}

TEST(Timeline, ShortCallsStandTogetherWhereThereAreTooMany) {
  perun::Run run = test::make_run(100);
  run.nodes.push_back(test::make_node("n", 100));
  Marks& marks = run.nodes[0].marks;
  marks.names = {std::string(other_names), "short", "long"};
  marks.threads = {{.number = 0, .pid = 1, .tid = 1}};
  const auto at = [&](double t, MarkKind kind, std::uint32_t name) {
    marks.timeline.push_back({.t_ns = run_begin_mono + test::ns(t), .name = name, .thread = 0, .kind = kind});
  };
  for (int i = 0; i < 50'000; ++i) at(i * 1e-3, MarkKind::begin, 1), at(i * 1e-3 + 5e-4, MarkKind::end, 1);
  at(60, MarkKind::begin, 2);
  at(90, MarkKind::end, 2);
  Timeline t;
  const Window window = window_of(run, run.nodes[0]);
  add_calls(t, run.nodes[0], 0, window, window.from_ns, 1000);
  EXPECT_TRUE(t.calls_joined);
  EXPECT_LE(t.calls.size(), 4097U);
  std::uint64_t calls = 0;
  for (const RegionCall& call : t.calls) calls += call.calls;
  EXPECT_EQ(calls, 50'001U);
  EXPECT_EQ(t.names[t.calls.back().name], "long");
  EXPECT_EQ(t.calls.back().to_us - t.calls.back().from_us, 30'000'000);
}

TEST(Timeline, NodesOfAJobStandAtTheirWallTime) {
  perun::Run run = test::job_run();
  run.nodes[1].begin.real_ns += 2'000'000'000;
  const Timeline t = timeline_of(run, 1'000'000);
  const auto begin_of = [&](std::size_t node) { return std::ranges::find(t.power, node, &PowerTrack::node)->t_us.front(); };
  EXPECT_EQ(begin_of(1) - begin_of(0), 2'000'000);
}

TEST(Timeline, NothingReadGivesNothingToDraw) {
  perun::Run run = test::measured_run();
  for (auto& series : run.nodes[0].series) series = {};
  const Timeline t = timeline_of(run, 1'000'000);
  EXPECT_TRUE(t.power.empty() && t.states.empty() && t.calls.empty());
  EXPECT_TRUE(timeline_of(perun::Run{}, 1).power.empty());
}

}  // namespace
}  // namespace perun
