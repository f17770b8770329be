// SPDX-License-Identifier: BSD-3-Clause
#include "launch/energy_curve.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <random>

#include "launch/live_energy.hpp"

namespace perun {
namespace {

constexpr std::int64_t ms = 1'000'000, second = 1'000'000'000;

/// Joules at t of 200 W and 50 W in turn, a second and a half each.
double square_wave(std::int64_t t_ns) {
  const double t = static_cast<double>(t_ns) * 1e-9, whole = std::floor(t / 3), rest = t - 3 * whole;
  return whole * 375 + std::min(rest, 1.5) * 200 + std::max(0.0, rest - 1.5) * 50;
}

TEST(EnergyCurve, AWeekTakesBoundedMemoryAndASteadyPowerStaysExact) {
  EnergyCurve curve;
  constexpr std::int64_t week = 7 * 24 * 3600 * second;
  for (std::int64_t t = 0; t <= week; t += 100 * ms) {
    curve.add(t, static_cast<double>(t) * 1e-7);
    ASSERT_LE(curve.points(), EnergyCurve::most_points);
  }
  for (const std::int64_t t : {std::int64_t{0}, 10 * second, week / 3, week - 3 * second + 7, week})
    EXPECT_NEAR(curve.at(t).joules, static_cast<double>(t) * 1e-7, 1e-9 * static_cast<double>(week) * 1e-7) << t;
}

TEST(EnergyCurve, StretchesOfTheNewestReadingsAndOfOlderOnesHoldTheTruth) {
  EnergyCurve curve;
  constexpr std::int64_t end = 600 * second;
  for (std::int64_t t = 0; t <= end; t += 5 * ms) curve.add(t, square_wave(t));
  std::mt19937_64 random(5);
  int within = 0, of = 0;
  for (int i = 0; i < 4000; ++i) {
    const std::int64_t length = std::uniform_int_distribution<std::int64_t>(2 * ms, 4 * second)(random);
    const std::int64_t from = std::uniform_int_distribution<std::int64_t>(0, end - length)(random);
    const auto a = curve.at(from), b = curve.at(from + length);
    const double truth = square_wave(from + length) - square_wave(from), found = b.joules - a.joules;
    within += std::abs(found - truth) <= std::hypot(a.doubt_J, b.doubt_J) + 1e-9 ? 1 : 0;
    ++of;
    if (from > end - 20 * second) {
      EXPECT_NEAR(found, truth, 0.4) << "5 ms at both ends, at most 75 W off in the middle";
    }
  }
  EXPECT_GE(within, 0.95 * of);
}

TEST(EnergyCurve, BeyondTheLastReadingItGoesOnAsBeforeInDoubt) {
  EnergyCurve curve;
  EXPECT_EQ(curve.at(5).joules, 0);
  curve.add(second, 3);
  EXPECT_EQ(curve.at(0).joules, 3);
  EXPECT_EQ(curve.at(2 * second).joules, 3);
  curve.add(2 * second, 13);
  EXPECT_DOUBLE_EQ(curve.at(1500 * ms).joules, 8);
  EXPECT_DOUBLE_EQ(curve.at(1500 * ms).doubt_J, 5);
  EXPECT_DOUBLE_EQ(curve.at(1250 * ms).doubt_J, 5);
  EXPECT_DOUBLE_EQ(curve.at(1100 * ms).doubt_J, 2);
  EXPECT_DOUBLE_EQ(curve.at(2500 * ms).joules, 18);
  EXPECT_DOUBLE_EQ(curve.at(2500 * ms).doubt_J, 10);
}

TEST(LiveEnergy, AStretchIsTheDifferenceOfItsEnds) {
  Sensor package;
  package.id = "rapl:package-0";
  package.quantity = Quantity::energy;
  package.behavior = Behavior::counter;
  package.kind = Kind::measured;
  package.scale = 1e-6;
  package.resolution = 1;
  package.counted = true;
  package.domain = Domain::package;
  Sensor dram = package;
  dram.id = "rapl:dram-0";
  dram.domain = Domain::dram;
  dram.kind = Kind::estimated;
  LiveEnergy live({package, dram});
  for (std::int64_t t = 0; t <= 10; ++t) {
    live.add(0, {.t_ns = t * second, .raw = 100'000'000 * t, .halfwidth_ns = 0});
    live.add(1, {.t_ns = t * second, .raw = 5'000'000 * t, .halfwidth_ns = 0});
  }
  const auto all = live.now(), part = live.between(2 * second, 4500 * ms);
  EXPECT_DOUBLE_EQ(all.energy_J, 1050);
  EXPECT_DOUBLE_EQ(part.energy_J, 262.5);
  EXPECT_EQ(part.kind, std::uint32_t{PERUN_MIXED});
  EXPECT_EQ(part.begin_ns, 2 * second);
  EXPECT_EQ(part.t_ns, 4500 * ms);
  ASSERT_EQ(part.devices, 2u);
  EXPECT_DOUBLE_EQ(part.device[0].energy_J, 250);
  EXPECT_DOUBLE_EQ(part.device[1].energy_J, 12.5);
  EXPECT_NEAR(part.uncertainty_J, std::hypot(50, 2.5), 0.01) << "half of the second that is cut in the middle";
}

}  // namespace
}  // namespace perun
