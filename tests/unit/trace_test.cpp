// SPDX-License-Identifier: BSD-3-Clause
// Timelines for other programs: their energies are the run's own, whatever happened to the readings.
#include "report/trace/trace.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "analysis/power_steps.hpp"
#include "analysis/timeline.hpp"
#include "base/json.hpp"
#include "base/missing.hpp"
#include "base/text.hpp"
#include "support/runs.hpp"

namespace perun {
namespace {

constexpr std::uint64_t most_readings = 2'000'000;
constexpr std::size_t unbounded = 1'000'000'000;

PowerTrack track_of(bool gauge, double unit, std::vector<std::int64_t> t_us, std::vector<std::int64_t> value) {
  PowerTrack track;
  track.gauge = gauge;
  track.unit = unit;
  track.t_us = std::move(t_us);
  track.value = std::move(value);
  return track;
}

/// Ten seconds of 100 W, then 300 W; read every 100 ms.
PowerTrack counter() {
  PowerTrack track = track_of(false, 1e-3, {}, {});
  for (std::int64_t t = 0; t <= 20'000'000; t += 100'000) {
    track.t_us.push_back(t);
    track.value.push_back((std::min<std::int64_t>(t, 10'000'000) * 100 + std::max<std::int64_t>(t - 10'000'000, 0) * 300) /
                          1000);
  }
  return track;
}

TEST(PowerSteps, HaveTheEnergyOfTheirTrackBetweenAnyOfItsTimes) {
  const PowerSteps s = steps_of(counter(), 20'000'000, unbounded);
  EXPECT_EQ(s.stretches(), 200U);
  EXPECT_DOUBLE_EQ(s.joules.back(), 4000);
  EXPECT_NEAR(s.up_to(10'050'000) - s.up_to(9'950'000), 5 + 15, 1e-9);
  EXPECT_NEAR(s.watts(0), 100, 1e-9);
  EXPECT_NEAR(s.watts(199), 300, 1e-9);
}

TEST(PowerSteps, ThinnedOutKeepTheirEnergies) {
  const PowerSteps s = steps_of(counter(), 20'000'000, 7);
  EXPECT_LE(s.stretches(), 7U);
  EXPECT_DOUBLE_EQ(s.joules.back(), 4000);
  const PowerSteps all = steps_of(counter(), 20'000'000, unbounded);
  for (std::size_t i = 0; i < s.t_us.size(); ++i) EXPECT_DOUBLE_EQ(s.joules[i], all.up_to(s.t_us[i]));
}

TEST(PowerSteps, EndWithTheRunAndReachHalfAStretchBeyondTheReadings) {
  PowerTrack track = counter();  // a reading before the begin, none at the end
  for (auto& t : track.t_us) t -= 30'000;
  const PowerSteps s = steps_of(track, 20'000'000, unbounded);
  EXPECT_EQ(s.t_us.front(), 0);
  EXPECT_EQ(s.t_us.back(), 20'000'000);
  EXPECT_NEAR(s.joules.back(), 4000 - 3 + 9, 1e-6);
  for (auto& t : track.t_us) t -= 500'000;
  const PowerSteps shorter = steps_of(track, 20'000'000, unbounded);
  EXPECT_EQ(shorter.t_us.back(), 19'470'000 + 50'000);
}

TEST(PowerSteps, WhatWasNotReadHasNoEnergy) {
  PowerTrack track = track_of(true, 1, {0, 1'000'000, 3'000'000, 4'000'000}, {100, 100, 300, 300});
  EXPECT_NEAR(steps_of(track, 4'000'000, unbounded).joules.back(), 100 + 400 + 300, 1e-9);
  track.gaps = {{1, false}};
  const PowerSteps s = steps_of(track, 4'000'000, unbounded);
  EXPECT_NEAR(s.joules.back(), 100 + 300, 1e-9);
  ASSERT_EQ(s.unread.size(), 1U);
  EXPECT_EQ(s.unread[0], (std::pair<std::int64_t, std::int64_t>(1'000'000, 3'000'000)));
}

TEST(PowerSteps, OfNothingAndOfOneReadingAreNone) {
  EXPECT_EQ(steps_of({}, 1000, unbounded).stretches(), 0U);
  EXPECT_EQ(steps_of(track_of(false, 1, {5}, {1}), 1000, unbounded).stretches(), 0U);
  EXPECT_EQ(sum_of({}, unbounded).stretches(), 0U);
}

TEST(PowerSteps, SumsOfMetersReadAtTheirOwnTimesHaveAllTheirEnergy) {
  std::mt19937 random(7);
  for (int k = 0; k < 50; ++k) {
    std::vector<PowerSteps> parts;
    double joules = 0;
    for (int n = 0; n < 3; ++n) {
      PowerTrack track = track_of(false, 1e-3, {0}, {0});
      while (track.t_us.back() < 5'000'000) {
        track.t_us.push_back(track.t_us.back() + std::uniform_int_distribution<std::int64_t>(1, 300'000)(random));
        track.value.push_back(track.value.back() + std::uniform_int_distribution<std::int64_t>(0, 90'000)(random));
      }
      parts.push_back(steps_of(track, track.t_us.back(), unbounded));
      joules += parts.back().joules.back();
    }
    const PowerSteps sum = sum_of(parts, 20);
    EXPECT_LE(sum.stretches(), 20U);
    EXPECT_NEAR(sum.joules.back(), joules, 1e-6);
    EXPECT_TRUE(std::ranges::is_sorted(sum.t_us));
    const std::int64_t middle = sum.t_us[sum.t_us.size() / 2];
    EXPECT_NEAR(sum.up_to(middle), parts[0].up_to(middle) + parts[1].up_to(middle) + parts[2].up_to(middle), 1e-6);
  }
}

struct Drawn {
  RunSummary run;
  Timeline timeline;
};
Drawn drawn(const Run& run) {
  return {summarize(run), timeline_of(run, most_readings)};
}

/// Integrals of all counters that end in `unit`, by process and name: each holds until its next event.
std::map<std::string, double> integrals(const Json& trace, const char* unit) {
  std::map<std::string, std::pair<double, double>> last;
  std::map<std::string, double> sums;
  for (const auto& e : trace["traceEvents"]) {
    if (e["ph"] != "C" || !e["args"].contains(unit)) continue;
    const std::string key = std::to_string(e["pid"].get<int>()) + "/" + e["name"].get<std::string>();
    const double t = e["ts"].get<double>() * 1e-6;
    if (const auto before = last.find(key); before != last.end())
      sums[key] += before->second.second * (t - before->second.first);
    last[key] = {t, e["args"][unit].get<double>()};
  }
  return sums;
}

TEST(ChromeTrace, CountersHaveTheEnergyOfTheRun) {
  for (const perun::Run& run : {test::measured_run(), test::estimated_run(), test::nodes_run(), test::regions_run()}) {
    const Drawn d = drawn(run);
    const auto sums = integrals(Json::parse(trace::chrome(d.run, d.timeline)), "W");
    for (std::size_t n = 0; n < d.run.nodes.size(); ++n) {
      const NodeSummary& node = d.run.nodes[n];
      if (node.usage.energy.kind == Kind::unavailable) continue;
      const auto before = std::to_string(n + 1) + "/power ";
      double counted = 0;
      for (const auto& [name, joules] : sums)
        if (name.starts_with(before) && !name.starts_with(before + "total") &&
            name.find("not in the total") == std::string::npos)
          counted += joules;
      EXPECT_NEAR(counted, node.usage.energy.joules(), 0.002 * node.usage.energy.joules());
      const auto total = std::ranges::find_if(sums, [&](const auto& s) { return s.first.starts_with(before + "total"); });
      if (total != sums.end()) {
        EXPECT_NEAR(total->second, counted, 1e-6 * counted);
      }
    }
  }
}

TEST(ChromeTrace, EnergySoFarEndsInTheRunsEnergyAndCo2e) {
  const Drawn d = drawn(test::measured_run());
  const Json trace = Json::parse(trace::chrome(d.run, d.timeline));
  double joules = 0, grams = 0;
  for (const auto& e : trace["traceEvents"]) {
    if (e["ph"] != "C") continue;
    if (e["name"] == "energy") joules = e["args"]["J"];
    if (e["name"] == "CO2e") grams = e["args"]["g"];
  }
  EXPECT_NEAR(joules, d.run.usage.energy.joules(), 0.002 * joules);
  EXPECT_NEAR(grams, d.run.footprint->co2e_kg * 1000, 0.002 * grams);
}

TEST(ChromeTrace, EstimatesSayThatTheyAre) {
  const Drawn d = drawn(test::estimated_run());
  for (const auto& e : Json::parse(trace::chrome(d.run, d.timeline))["traceEvents"])
    if (e["ph"] == "C" && (e["args"].contains("W") || e["args"].contains("J") || e["args"].contains("g"))) {
      EXPECT_TRUE(e["name"].get<std::string>().ends_with(" (estimated)")) << e.dump();
    }
}

/// Slices of one track must lie within each other or apart.
void expect_nested(const Json& trace) {
  std::map<std::pair<int, std::size_t>, std::vector<std::pair<std::int64_t, std::int64_t>>> open;
  for (const auto& e : trace["traceEvents"]) {
    if (e["ph"] != "X") continue;
    const std::int64_t from = e["ts"], to = from + e["dur"].get<std::int64_t>();
    auto& around = open[{e["pid"].get<int>(), e["tid"].get<std::size_t>()}];
    while (!around.empty() && around.back().second <= from) around.pop_back();
    if (!around.empty()) {
      EXPECT_GE(from, around.back().first);
      EXPECT_LE(to, around.back().second);
    }
    around.emplace_back(from, to);
  }
}

TEST(ChromeTrace, RegionsAreSlicesThatNest) {
  Drawn d = drawn(test::regions_run());
  const Json trace = Json::parse(trace::chrome(d.run, d.timeline));
  expect_nested(trace);
  std::size_t slices = 0;
  double longest_J = 0;
  for (const auto& e : trace["traceEvents"])
    if (e["ph"] == "X") {
      ++slices;
      if (e["args"]["node_energy_J"].is_number()) longest_J = std::max(longest_J, e["args"]["node_energy_J"].get<double>());
    }
  EXPECT_EQ(slices, d.timeline.calls.size());
  EXPECT_GT(longest_J, 0);
  EXPECT_LE(longest_J, d.run.usage.energy.joules() * 1.001);
  // Calls that cross each other find tracks of their own.
  const auto name = d.timeline.calls.front().name;
  d.timeline.calls = {{0, name, 0, 1, 0, 1000}, {0, name, 0, 1, 500, 1500}, {0, name, 0, 1, 700, 900}};
  expect_nested(Json::parse(trace::chrome(d.run, d.timeline)));
}

TEST(Traces, HoldWhateverNamesThereAre) {
  perun::Run run = test::awkward_run();
  run.nodes[0].host = "</script>\x1B[31m\"\xFF\n\xE2\x80\xAE";
  run.nodes[0].sensors[0].label = run.nodes[0].host;
  const Drawn d = drawn(run);
  for (const auto& text : {trace::chrome(d.run, d.timeline), trace::firefox(d.run, d.timeline)}) {
    EXPECT_TRUE(Json::accept(text));
    EXPECT_TRUE(text::is_utf8(text));
    EXPECT_EQ(text.find('\x1B'), std::string::npos);
  }
}

TEST(Traces, OfRunsWithoutReadingsAreWhole) {
  for (const perun::Run& run : {test::unavailable_run(), test::make_run(0), test::interrupted_run()}) {
    const Drawn d = drawn(run);
    const Json profile = Json::parse(trace::firefox(d.run, d.timeline));
    EXPECT_EQ(profile["threads"].size(), run.nodes.size());
    EXPECT_TRUE(Json::accept(trace::chrome(d.run, d.timeline)));
  }
}

TEST(FirefoxProfile, SamplesAddUpToTheEnergyInPicowattHours) {
  for (const perun::Run& run : {test::measured_run(), test::nodes_run()}) {
    const Drawn d = drawn(run);
    const Json profile = Json::parse(trace::firefox(d.run, d.timeline));
    double joules = 0;
    for (const auto& counter : profile["counters"]) {
      const std::string name = counter["name"];
      ASSERT_EQ(counter["samples"]["time"].size(), counter["samples"]["length"].get<std::size_t>());
      ASSERT_EQ(counter["samples"]["count"].size(), counter["samples"]["length"].get<std::size_t>());
      EXPECT_EQ(counter["samples"]["count"][0], 0);
      if (name.starts_with("total") || name.find("not in the total") != std::string::npos) continue;
      for (const auto& count : counter["samples"]["count"]) joules += count.get<double>() * 3.6e-9;
    }
    EXPECT_NEAR(joules, d.run.usage.energy.joules(), 0.002 * joules);
    EXPECT_NEAR(profile["meta"]["gramsOfCO2ePerKWh"].get<double>(), 1.58 * 355, 1e-6);
  }
}

TEST(FirefoxProfile, SaysWhatCouldNotBeRead) {
  perun::Run run = test::measured_run();
  Drawn d = drawn(run);
  d.timeline.power[0].gaps = {{3, false}};
  const std::string text = trace::firefox(d.run, d.timeline);
  EXPECT_NE(text.find("not measured: "), std::string::npos);
  EXPECT_EQ(trace::firefox(drawn(run).run, drawn(run).timeline).find("not measured: "), std::string::npos);
}

}  // namespace
}  // namespace perun
