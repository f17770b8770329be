// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "analysis/summarize.hpp"
#include "support/runs.hpp"

namespace perun {
namespace {

using test::ns;
using test::Power;

const Note* note(const RunSummary& s, Caveat caveat) {
  const auto found = std::find_if(s.notes.begin(), s.notes.end(), [&](const Note& n) { return n.caveat == caveat; });
  return found == s.notes.end() ? nullptr : &*found;
}

std::string text(const RunSummary& s, Caveat caveat) {
  const Note* n = note(s, caveat);
  return n == nullptr ? "(no note)" : n->text;
}

TEST(Footprint, FollowsFromTheFactors) {
  Amount energy;
  energy.measured_J = 2'146'700;
  energy.kind = Kind::measured;
  const Footprint f = footprint(energy.joules(), Factors{});
  EXPECT_NEAR(f.facility_kWh, 0.9422, 5e-5);
  EXPECT_NEAR(f.co2e_kg, 0.3345, 5e-5);
  EXPECT_NEAR(f.cost_cent, 39.18, 0.01);
}

/// R14: what is assumed stands apart, once for each node, and only what follows from all joules has it.
TEST(Summary, AnOverheadIsAssumedOnceForEachNode) {
  const RunSummary plain = summarize(test::nodes_run());
  perun::Run run = test::nodes_run();
  run.factors.overhead_power_W = 40;
  const RunSummary s = summarize(run);
  EXPECT_DOUBLE_EQ(s.overhead_J, 7 * 40 * 10);
  for (const auto& node : s.nodes) EXPECT_DOUBLE_EQ(node.overhead_J, 40 * 10);
  EXPECT_EQ(s.usage.energy.joules(), plain.usage.energy.joules());
  EXPECT_EQ(s.usage.energy.kind, plain.usage.energy.kind);
  EXPECT_NEAR(s.footprint->facility_kWh, (plain.usage.energy.joules() + 2800) / 3.6e6 * 1.58, 1e-12);
  EXPECT_EQ(plain.overhead_J, 0);
}

TEST(Summary, AnOverheadDoesNotMakeUpForWhatIsUnavailable) {
  perun::Run run = test::unavailable_run();
  run.factors.overhead_power_W = 40;
  const RunSummary s = summarize(run);
  EXPECT_EQ(s.usage.energy.kind, Kind::unavailable);
  EXPECT_FALSE(s.footprint);
}

TEST(Summary, CountsEachJouleOnce) {
  const RunSummary s = summarize(test::measured_run());
  ASSERT_EQ(s.nodes.size(), 1U);
  EXPECT_EQ(s.usage.energy.kind, Kind::measured);
  EXPECT_NEAR(s.usage.energy.joules(), 700 + 150 + 36 + 33, 0.5);
  EXPECT_DOUBLE_EQ(s.usage.duration_s, 3);
  const auto& devices = s.nodes[0].devices;
  ASSERT_EQ(devices.size(), 5U);
  EXPECT_EQ(devices[0].id, "rapl:package-0");
  EXPECT_EQ(devices[4].id, "rapl:package-0:core") << "what is not counted comes last";
  EXPECT_EQ(devices[4].share, 0);
  double shares = 0, joules = 0;
  for (const auto& d : devices) {
    shares += d.share;
    if (d.counted) joules += d.usage.energy.joules();
  }
  EXPECT_NEAR(shares, 1, 1e-12);
  EXPECT_NEAR(joules, s.usage.energy.joules(), 1e-9);
  EXPECT_EQ(text(s, Caveat::overlapping), "not in the total, since other sensors include them: cpu:0 cores (in cpu:0 package)");
}

TEST(Summary, MeanPowerIsEnergyOverTimeInEveryRow) {
  for (const perun::Run& run :
       {test::measured_run(), test::mixed_run(), test::estimated_run(), test::interrupted_run(), test::nodes_run()}) {
    const RunSummary s = summarize(run);
    const auto check = [](const Usage& u) {
      EXPECT_DOUBLE_EQ(u.power_mean_W, u.energy.joules() / u.duration_s);
      EXPECT_GE(u.power_max_W, u.power_mean_W);
      EXPECT_LE(u.energy.lower_J, u.energy.joules());
      EXPECT_GE(u.energy.upper_J, u.energy.joules());
    };
    check(s.usage);
    for (const auto& node : s.nodes) {
      check(node.usage);
      for (const auto& d : node.devices) check(d.usage);
    }
  }
}

TEST(Summary, TheHighestPowerIsThatOfOneMomentNotTheSumOfHighestPowers) {
  perun::Run run = test::make_run(2);
  NodeRecord node = test::make_node("a", 2);
  add_sensor(node, test::package(0), Power({{1, 300}, {1, 100}}), 0.1, 2);
  add_sensor(node, test::package(1), Power({{1, 50}, {1, 200}}), 0.1, 2);
  run.nodes = {node};
  const RunSummary s = summarize(run);
  EXPECT_NEAR(s.usage.power_max_W, 350, 5) << "not 500";
  EXPECT_NEAR(s.usage.power_mean_W, 325, 0.5);
}

TEST(Summary, TheHighestPowerOfSeveralNodesIsTakenOnACommonClock) {
  const RunSummary s = summarize(test::nodes_run());
  EXPECT_NEAR(s.usage.power_max_W, 6 * 400 + 180, 40);
  EXPECT_NEAR(s.usage.energy.joules(), s.usage.energy.measured_J + 1800, 1e-6);
  for (int i = 0; i < 6; ++i) EXPECT_NEAR(s.nodes[static_cast<std::size_t>(i)].usage.energy.joules(), 3200 + 40 * i, 1);
}

TEST(Summary, NodesKeepTheirOwnClocks) {
  perun::Run run = test::make_run(10);
  run.nodes = {test::make_node("far", 10, 99'000'000'000)};
  run.nodes[0].clock.front().real_ns += ns(0.25);  // its clock pairs were taken a little later than the start ...
  run.nodes[0].clock.front().mono_ns += ns(0.25);
  std::vector<double> times = test::every(0.1, 10);
  Series series = readings(test::package(0), Power({{5, 100}, {5, 200}}), times);
  for (auto& t : series.t_ns) t += 99'000'000'000;
  run.nodes[0].sensors = {test::package(0)};
  run.nodes[0].series = {series};
  EXPECT_NEAR(summarize(run).usage.energy.joules(), 1500, 0.5);
}

TEST(Summary, TellsHowTheSamplingWent) {
  perun::Run run = test::measured_run();
  NodeRecord& node = run.nodes[0];
  node.quality.period_begin_ns = 1'000'000;
  node.quality.period_ns = 8'000'000;
  node.clock.back().real_ns -= ns(3600);
  for (auto& half : node.series[0].halfwidth_ns) half = 1'000'000'000;
  node.series[1].raw[2] = node.series[1].raw[1];
  const RunSummary s = summarize(run);
  EXPECT_EQ(text(s, Caveat::slowed_down),
            "the rate fell from 1000 to 125.0 Hz, since sampling took more of a core than --max-overhead allows");
  EXPECT_EQ(
      text(s, Caveat::clock_jump),
      "the wall clock moved 1 h 00 min 00 s back during the run: it was set; times of day may be wrong, the energy is not");
  EXPECT_EQ(text(s, Caveat::slow_source), "cpu:0 package takes 2.0 s to answer; it was read 31 times");
  EXPECT_NEAR(s.usage.energy.joules(), 919, 0.5) << "by the monotonic clock";
  EXPECT_EQ(s.nodes[0].readings, 5U * 31);
  EXPECT_EQ(s.nodes[0].repeated, 1U);
}

TEST(Summary, OwnEnergyGoesByAllProcessorTime) {
  const RunSummary s = summarize(test::measured_run());
  // 7 ms of the 128 x 3 s of both processors, which used 850 J.
  ASSERT_TRUE(s.nodes[0].own_energy_J);
  EXPECT_NEAR(*s.nodes[0].own_energy_J, 850 * 0.007 / (128 * 3), 1e-5);
  EXPECT_FALSE(summarize(test::interrupted_run()).nodes[0].own_energy_J) << "nobody counted processor time";
}

TEST(Summary, AMeasuredAndAnEstimatedPartStayApart) {
  const RunSummary s = summarize(test::mixed_run());
  EXPECT_EQ(s.usage.energy.kind, Kind::mixed);
  EXPECT_NEAR(s.usage.energy.measured_J, 180, 0.2);
  EXPECT_NEAR(s.usage.energy.estimated_J, 75.3, 1e-5);
  EXPECT_EQ(
      text(s, Caveat::estimated_part),
      "DRAM has no sensor here; 75.30 J of the total are an estimate (a model, good to +- 30 %: dram assumes 64 GB at 0.392 "
      "W/GB)");
  EXPECT_EQ(text(s, Caveat::read_errors), "cpu:0 package: 1 reading failed; the counter's difference across the gap is exact");
  EXPECT_EQ(text(s, Caveat::late_ticks), "2 of 33 sampling times passed unread; counters lose nothing by that");
  EXPECT_EQ(s.nodes[0].devices[0].read_errors, 1U);
  EXPECT_EQ(note(s, Caveat::no_sensor), nullptr);
}

TEST(Summary, AnEstimateIsToldAndAMissingFigureIsNotZero) {
  const RunSummary estimated = summarize(test::estimated_run());
  EXPECT_EQ(estimated.usage.energy.kind, Kind::estimated);
  EXPECT_NEAR(estimated.usage.energy.joules(), 2712, 1e-3);
  EXPECT_EQ(text(estimated, Caveat::no_sensor), "no power sensor can be read (virtual machine); the figures are estimates");
  EXPECT_TRUE(estimated.footprint);

  const RunSummary none = summarize(test::unavailable_run());
  EXPECT_EQ(none.usage.energy.kind, Kind::unavailable);
  EXPECT_FALSE(none.footprint);
  EXPECT_DOUBLE_EQ(none.usage.duration_s, 60);
  EXPECT_EQ(text(none, Caveat::no_sensor),
            "no power sensor can be read (virtual machine); energy, CO2e and cost are not available");
  EXPECT_EQ(text(none, Caveat::blocked),
            "rapl: /sys/class/powercap/intel-rapl:0/energy_uj: permission denied. sudo chmod a+r "
            "/sys/class/powercap/intel-rapl*/energy_uj");
  EXPECT_EQ(note(none, Caveat::default_factors), nullptr) << "no factor was used";
  EXPECT_EQ(note(none, Caveat::not_measured), nullptr);
}

TEST(Summary, ACutOffRunEndsAtItsLastReading) {
  const RunSummary s = summarize(test::interrupted_run());
  EXPECT_DOUBLE_EQ(s.usage.duration_s, 1.7);
  EXPECT_EQ(s.end_real_ns, test::run_begin_real + ns(1.7));
  EXPECT_NEAR(s.usage.energy.joules(), 160, 0.2);
  EXPECT_GE(s.usage.energy.upper_J, 170);
  EXPECT_EQ(text(s, Caveat::interrupted),
            "the measuring was cut off (the agent was killed); the figures end at the last reading, 1.700 s after the start");
  EXPECT_EQ(text(s, Caveat::lost_readings), "1 reading was lost because it came faster than could be stored");
  EXPECT_NE(text(s, Caveat::invalid_intervals).find("1 difference thrown out"), std::string::npos);
}

TEST(Summary, ActivityIsThatOfTheWindowAndAbsentWhenUnread) {
  perun::Run run = test::measured_run();
  const Activity a = summarize(run).nodes[0].activity;
  EXPECT_NEAR(a.cpu_utilization.value(), 0.38, 1e-4);
  EXPECT_DOUBLE_EQ(a.memory_used_max_bytes.value(), 12.4e9);
  EXPECT_DOUBLE_EQ(a.disk_read_bytes.value(), 1.2e6);
  EXPECT_DOUBLE_EQ(a.network_sent_bytes.value(), 7.8e3);
  for (auto& s : run.nodes[0].series) s.raw.back() = missing;
  for (auto& s : run.nodes[0].sensors)
    if (s.id == "proc:cpu_total") s.id = "elsewhere";
  const Activity b = summarize(run).nodes[0].activity;
  EXPECT_FALSE(b.cpu_utilization);
  EXPECT_FALSE(b.disk_read_bytes);
  EXPECT_DOUBLE_EQ(b.memory_used_max_bytes.value(), 6.2e9);
}

TEST(Summary, UtilisationIsAbsentWhenTheClockStoodStill) {
  perun::Run run = test::measured_run();
  for (std::size_t i = 0; i < run.nodes[0].sensors.size(); ++i)
    if (run.nodes[0].sensors[i].id == "proc:cpu_total") run.nodes[0].series[i].raw = {5, 5};
  EXPECT_FALSE(summarize(run).nodes[0].activity.cpu_utilization);
}

TEST(Summary, RateAndGapsAreThoseOfTheReadings) {
  const RunSummary s = summarize(test::mixed_run());
  EXPECT_NEAR(s.nodes[0].frequency_achieved_hz, 10, 1e-9);
  EXPECT_NEAR(s.nodes[0].longest_gap_s, 0.2, 1e-9) << "across the failed reading";
}

TEST(Summary, ShortRunsAreToldWithTheSlowestSensor) {
  perun::Run run = test::make_run(0.005);
  NodeRecord node = test::make_node("a", 0.005);
  add_sensor(node, test::package(0), Power({{1, 100}}), 0.1, 0.005);
  run.nodes = {node};
  EXPECT_EQ(text(summarize(run), Caveat::too_short),
            "the run of 5.000 ms is short for cpu:0 package, which is renewed every 1.000 ms: mind the +-");
  EXPECT_EQ(note(summarize(test::measured_run()), Caveat::too_short), nullptr);
}

TEST(Summary, WhatLooksForAPartOfTheTimeIsTold) {
  perun::Run run = test::measured_run();
  EXPECT_EQ(note(summarize(run), Caveat::part_time), nullptr);
  for (Sensor& s : run.nodes[0].sensors)
    if (s.counted) s.refresh_ns = 100'000'000, s.averaging_ns = 25'000'000;
  const RunSummary blind = summarize(run);
  EXPECT_EQ(text(blind, Caveat::part_time).substr(text(blind, Caveat::part_time).find(" look")),
            " look for 25 of every 100 ms only; the +- has room for what happened in between, but not for a load that keeps in "
            "step with it");
  EXPECT_GT(blind.usage.energy.uncertainty_J, summarize(test::measured_run()).usage.energy.uncertainty_J);
}

TEST(Summary, ASensorThatStopsIsToldAndNotExtrapolated) {
  perun::Run run = test::make_run(4);
  NodeRecord node = test::make_node("a", 4);
  add_sensor(node, test::package(0), Power({{4, 100}}), 0.1, 4);
  for (std::size_t i = 21; i < node.series[0].size(); ++i) node.series[0].raw[i] = missing;
  run.nodes = {node};
  const RunSummary s = summarize(run);
  EXPECT_NEAR(s.usage.energy.joules(), 205, 0.5);
  EXPECT_GE(s.usage.energy.upper_J, 400);
  EXPECT_EQ(text(s, Caveat::lost_readings),
            "cpu:0 package: no readings for 1.950 s of the run; what it used then is not in the total");
}

TEST(Summary, SimulatedSourcesAndDefaultFactorsAreNamed) {
  perun::Run run = test::measured_run();
  run.nodes[0].sensors[0].source = "sim const";
  run.factors.price_source = "PERUN_PRICE_FACTOR";
  const RunSummary s = summarize(run);
  EXPECT_EQ(text(s, Caveat::simulated), "simulated, not read from hardware: cpu:0 package");
  EXPECT_EQ(text(s, Caveat::default_factors),
            "default factors, not yours: PUE 1.58 (mean of the Uptime Institute Global Data Center Survey 2023) and 355 g/kWh "
            "(Germany, nowtricity.com)");
  EXPECT_EQ(text(s, Caveat::not_measured), "fans, disks, network and PSU losses have no sensor here and are not in the total");
}

TEST(Summary, ANodeMeterLeavesNothingOut) {
  perun::Run run = test::measured_run();
  Sensor meter = test::power_gauge();
  add_sensor(run.nodes[0], meter, Power({{3, 400}}), 0.1, 3);
  EXPECT_EQ(note(summarize(run), Caveat::not_measured), nullptr);
}

TEST(Summary, WhatHoldsForAllNodesIsSaidOnce) {
  const RunSummary s = summarize(test::nodes_run());
  EXPECT_EQ(text(s, Caveat::no_sensor), "no power sensor can be read; the figures are estimates (on n7)");
  EXPECT_EQ(std::count_if(s.notes.begin(), s.notes.end(), [](const Note& n) { return n.caveat == Caveat::not_measured; }), 1);
  EXPECT_NE(text(s, Caveat::not_measured).find("(on all 7 nodes)"), std::string::npos);
}

TEST(Summary, NotesStayFewOnManyNodes) {
  perun::Run run = test::make_run(3);
  for (int i = 0; i < 100; ++i) {
    NodeRecord node = test::make_node("n" + std::to_string(i), 3);
    add_sensor(node, test::package(0), Power({{3, 100}}), 0.1, 3);
    for (int k = 0; k <= i % 20; ++k) node.series[0].raw[static_cast<std::size_t>(k) + 2] = missing;
    run.nodes.push_back(node);
  }
  const RunSummary s = summarize(run);
  EXPECT_EQ(std::count_if(s.notes.begin(), s.notes.end(), [](const Note& n) { return n.caveat == Caveat::read_errors; }), 5);
  EXPECT_NE(text(s, Caveat::read_errors).find("(on n0, n20, n40 and 2 more)"), std::string::npos);
}

TEST(Summary, IsPureAndHoldsWithNothingAtAll) {
  perun::Run run;
  const RunSummary s = summarize(run);
  EXPECT_EQ(s.usage.energy.kind, Kind::unavailable);
  EXPECT_EQ(s.usage.power_mean_W, 0);
  EXPECT_EQ(text(s, Caveat::no_sensor), "no node delivered any data; energy, CO2e and cost are not available");
  const perun::Run again = test::mixed_run();
  EXPECT_EQ(summarize(again).usage.energy.joules(), summarize(again).usage.energy.joules());
}

}  // namespace
}  // namespace perun
