// SPDX-License-Identifier: BSD-3-Clause
// Programs on which a tool goes wrong that turns counter readings into powers and integrates those again. Each row: the
// counter of the curve with a refresh of 1 ms, read at both ends and once a second, and for a window inside a run 200 times
// a second, as while regions are marked.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <ostream>
#include <vector>

#include "analysis/energy.hpp"
#include "support/rig.hpp"

namespace perun {
namespace {

using test::every;
using test::ns;
using test::Power;
using test::rapl;
using test::readings;

constexpr double refresh_s = 1e-3;

/// What that tool computes: differences as powers, the first one twice, integrated by the trapezoid rule over the samples
/// in the window, both edges interpolated.
double trapezoid_of_powers(const Sensor& sensor, const Series& series, double from, double to) {
  std::vector<double> t, watts;
  for (std::size_t i = 1; i < series.size(); ++i) {
    const double dt = static_cast<double>(series.t_ns[i] - series.t_ns[i - 1]) * 1e-9;
    watts.push_back(static_cast<double>(series.raw[i] - series.raw[i - 1]) * sensor.scale / dt);
    t.push_back(static_cast<double>(series.t_ns[i]) * 1e-9);
  }
  t.insert(t.begin(), static_cast<double>(series.t_ns[0]) * 1e-9);
  watts.insert(watts.begin(), watts.front());
  const auto at = [&](double when) {
    std::size_t i = 1;
    while (i + 1 < t.size() && t[i] < when) ++i;
    const double f = std::clamp((when - t[i - 1]) / (t[i] - t[i - 1]), 0.0, 1.0);
    return watts[i - 1] + f * (watts[i] - watts[i - 1]);
  };
  double joules = 0, before = from;
  for (std::size_t i = 0; i <= t.size(); ++i) {
    const double until = i < t.size() ? std::clamp(t[i], from, to) : to;
    joules += 0.5 * (at(before) + at(until)) * (until - before);
    before = until;
  }
  return joules;
}

struct Row {
  const char* name;
  Power power;
  double length, highest_W;
  double from, to;  ///< the window asked about
  double truth_J;
  double other_J;  ///< what the other way makes of it
};

std::ostream& operator<<(std::ostream& out, const Row& row) {
  return out << row.name;
}

class PeerCases : public testing::TestWithParam<Row> {};

TEST_P(PeerCases, TheTruthIsWithinOneCounterUpdateAndTheInterval) {
  const Row& row = GetParam();
  const Sensor sensor = rapl();
  const Series once_a_second = readings(sensor, row.power, every(1, row.length));
  EXPECT_NEAR(trapezoid_of_powers(sensor, once_a_second, row.from, row.to), row.other_J, 0.02 * row.other_J)
      << "the row would prove nothing if that way were right";
  const bool whole = row.from == 0 && row.to == row.length;
  const Series series = whole ? once_a_second : readings(sensor, row.power, every(0.005, row.length));
  const Energy e = energy_between(sensor, series, {ns(row.from), ns(row.to)});
  ASSERT_TRUE(e.available);
  EXPECT_NEAR(e.joules, row.truth_J, row.highest_W * refresh_s + 61e-6);
  EXPECT_NEAR(e.joules, row.truth_J, e.uncertainty_J);
  EXPECT_LE(e.lower_J, row.truth_J);
  EXPECT_GE(e.upper_J, row.truth_J);
}

INSTANTIATE_TEST_SUITE_P(
    AtOneHertz, PeerCases,
    testing::Values(Row{"FallingStep", Power({{1, 300}, {2, 50}}), 3, 300, 0, 3, 400, 525},
                    Row{"RisingStep", Power({{2, 50}, {1, 400}}), 3, 400, 0, 3, 500, 325},
                    Row{"StepBetweenSamples", Power({{5.5, 50}, {4.5, 250}}), 10, 250, 0, 10, 1400, 1300},
                    Row{"ShortRegion", Power({{4.35, 50}, {0.3, 350}, {5.35, 50}}), 10, 350, 4.35, 4.65, 105, 28.5},
                    Row{"RegionOnTheGrid", Power({{4, 50}, {0.35, 50}, {0.3, 350}, {5.35, 50}}), 10, 350, 4, 5, 140, 95}),
    [](const auto& row) { return row.param.name; });

TEST(PeerCases, AStartUpBurstIsNotLost) {
  // That tool's first sample comes up to half a period late; ours is taken before the program starts.
  const Sensor sensor = rapl();
  const Power power({{0.5, 400}, {9.5, 100}});
  const Energy e = energy_between(sensor, readings(sensor, power, every(1, 10)), {0, ns(10)});
  EXPECT_NEAR(e.joules, 1150, 0.4 + 61e-6);
  const Energy late =
      energy_between(sensor, readings(sensor, power, {0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5, 10}), {0, ns(10)});
  EXPECT_LT(late.joules, 1020) << "what a late first sample makes of it";
  EXPECT_GE(late.upper_J, 1150) << "and what its bounds still hold";
}

TEST(PeerCases, AFailedReadIsNeverAWrap) {
  const Sensor sensor = rapl();
  Series series = readings(sensor, Power({{10, 5}}), every(1, 10));
  series.raw[4] = missing;
  const Energy e = energy_between(sensor, series, {0, ns(10)});
  EXPECT_NEAR(e.joules, 50, 5 * refresh_s + 61e-6);
  EXPECT_EQ(e.wraps, 0U);
  EXPECT_EQ(e.missing, 1U);
}

TEST(PeerCases, TheClockOfTheFileDoesNotCoarsen) {
  // float32 seconds step by 62 ms after ten days.
  const Sensor sensor = rapl();
  Series series = readings(sensor, Power({{1, 100}}), every(0.01, 1));
  for (auto& t : series.t_ns) t += 864'000'000'000'000;
  const Energy e = energy_between(sensor, series, {864'000'000'000'000 + ns(0.2), 864'000'000'000'000 + ns(0.5)});
  EXPECT_NEAR(e.joules, 30, 0.2);
  EXPECT_EQ(series.t_ns[1] - series.t_ns[0], 10'000'000);
}

}  // namespace
}  // namespace perun
