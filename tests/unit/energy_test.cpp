// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/energy.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <ostream>
#include <random>
#include <string>

#include "support/rig.hpp"

namespace perun {
namespace {

using test::every;
using test::ideal_counter;
using test::ns;
using test::Power;
using test::power_gauge;
using test::rapl;
using test::readings;

Window window(double from, double to) {
  return {ns(from), ns(to)};
}

/// The truth lies in both intervals, and the mean power never exceeds the highest.
void expect_holds(const Energy& e, double truth, double seconds) {
  EXPECT_LE(e.lower_J, truth + 1e-9);
  EXPECT_GE(e.upper_J, truth - 1e-9);
  EXPECT_NEAR(e.joules, truth, e.uncertainty_J + 1e-9);
  EXPECT_GE(e.max_W * (1 + 1e-12), e.joules / seconds);
}

TEST(Energy, ConstantPowerIsExactToOneCounterUpdateAtAnyRate) {
  const Sensor sensor = rapl();
  const Power power({{1, 100}});
  for (const double period : {0.01, 0.1, 1.0, 60.0})
    for (const double length : {0.3, 2.0, 3.0}) {
      SCOPED_TRACE(testing::Message() << period << " s period, " << length << " s long");
      const Energy e = energy_between(sensor, readings(sensor, power, every(period, length)), window(0, length));
      ASSERT_TRUE(e.available);
      EXPECT_NEAR(e.joules, 100 * length, 0.1 + 61e-6);
      EXPECT_NEAR(e.max_W, 100, 1.2);
      EXPECT_LT(e.uncertainty_J, 0.2);
      expect_holds(e, 100 * length, length);
    }
}

TEST(Energy, TheHalfWidthIsThatOfATriangleForEqualPowers) {
  Sensor sensor = rapl();
  sensor.refresh_ns = 100'000'000;
  sensor.resolution = 1;
  const Energy e = energy_between(sensor, readings(sensor, Power({{1, 100}}), every(0.2, 10)), window(0, 10));
  EXPECT_NEAR(e.uncertainty_J, 1.03 * (1 - std::sqrt(0.05)) * 0.1 * 100, 1e-6);
}

TEST(Energy, SquareWaveIsTheIntegralNotTheSamples) {
  const Sensor sensor = rapl();
  std::vector<std::pair<double, double>> pieces;
  for (int i = 0; i < 400; ++i) pieces.emplace_back(0.05, i % 2 == 0 ? 20 : 200);
  const Power power(pieces);
  for (const double period : {0.01, 1.0}) {
    const Energy e = energy_between(sensor, readings(sensor, power, every(period, 3)), window(0, 3));
    EXPECT_NEAR(e.joules, 330, 0.2 + 61e-6);
    EXPECT_NEAR(e.max_W, period < 0.1 ? 200 : 110, 2.5);
    expect_holds(e, 330, 3);
  }
}

TEST(Energy, StepAndBurstAreExact) {
  const Sensor sensor = ideal_counter();
  struct Row {
    Power power;
    double length, truth;
  };
  // 400, 590 and 105 J: what a trapezoid over powers makes 300, 345 and 102.75 J.
  const std::vector<Row> rows{{Power({{1, 100}, {1, 300}}), 2, 400},
                              {Power({{9, 10}, {1, 500}}), 10, 590},
                              {Power({{1, 5}, {0.2, 475}, {0.8, 6.25}}), 2, 105}};
  for (const Row& row : rows)
    for (const double period : {0.1, 1.0, 60.0}) {
      const Energy e = energy_between(sensor, readings(sensor, row.power, every(period, row.length)), window(0, row.length));
      EXPECT_NEAR(e.joules, row.truth, 2e-6);
      expect_holds(e, row.truth, row.length);
    }
}

TEST(Energy, ShortProgramsAreNotLost) {
  const Sensor sensor = rapl();
  const Energy e = energy_between(sensor, readings(sensor, Power({{1, 100}}), {0, 0.3}), window(0, 0.3));
  EXPECT_NEAR(e.joules, 30, 0.1 + 61e-6);
  const Energy tiny = energy_between(sensor, readings(sensor, Power({{1, 100}}), {0.0002, 0.0018}), window(0.0003, 0.0017));
  EXPECT_TRUE(tiny.available);
  EXPECT_GT(tiny.uncertainty_J, 0.05);
  expect_holds(tiny, 0.14, 0.0014);
}

TEST(Energy, ThreeWrapsAreExactToAMicrojoule) {
  const Sensor sensor = ideal_counter(200'000'000);
  const Power power({{1, 100}});
  const Energy e = energy_between(sensor, readings(sensor, power, every(1, 7), 50), window(0, 7));
  EXPECT_EQ(e.wraps, 3U);
  EXPECT_NEAR(e.joules, 700, 1e-6);
  EXPECT_EQ(e.invalid, 0U);
  expect_holds(e, 700, 7);
}

TEST(Energy, ReadingsTooFarApartForTheRangeAreCalledAmbiguousAndBounded) {
  const Sensor sensor = ideal_counter(65'532'610'987);
  const double truth = 600e3;
  const Energy e = energy_between(sensor, readings(sensor, Power({{1, 300}}), {0, 2000}), window(0, 2000));
  EXPECT_LT(e.joules, truth);
  EXPECT_EQ(e.ambiguous, 1U);
  EXPECT_LE(e.lower_J, truth);
  EXPECT_GE(e.upper_J, truth);
  const Energy guarded = energy_between(sensor, readings(sensor, Power({{1, 300}}), every(30, 2000)), window(0, 2000));
  EXPECT_NEAR(guarded.joules, truth, 1e-5);
  EXPECT_EQ(guarded.ambiguous, 0U);
}

TEST(Energy, AFailedReadingIsAGapThatACounterBridgesExactly) {
  const Sensor sensor = ideal_counter();
  Series series = readings(sensor, Power({{1.5, 50}, {1, 150}}), every(0.1, 4));
  series.raw[17] = missing;
  const Energy e = energy_between(sensor, series, window(0, 4));
  EXPECT_EQ(e.missing, 1U);
  EXPECT_EQ(e.wraps, 0U);
  EXPECT_NEAR(e.joules, 75 + 375, 2e-6);
  series.raw.front() = missing;
  series.raw.back() = missing;
  const Energy open = energy_between(sensor, series, window(0, 4));
  EXPECT_EQ(open.missing, 3U);
  EXPECT_NEAR(open.joules, 450 - 2.5 - 7.5, 2e-6) << "half an interval is filled with the neighbour's power";
  expect_holds(open, 450, 4);
}

TEST(Energy, AResetIsThrownOutAndBounded) {
  const Sensor sensor = ideal_counter();
  Series series = readings(sensor, Power({{1, 100}}), every(1, 4), 1000);
  for (std::size_t i = 2; i < series.size(); ++i) series.raw[i] -= 1'199'000'000;
  const Energy e = energy_between(sensor, series, window(0, 4));
  EXPECT_EQ(e.invalid, 1U);
  EXPECT_DOUBLE_EQ(e.invalid_s, 1);
  EXPECT_NEAR(e.joules, 300, 2e-6);
  EXPECT_GE(e.upper_J, 400);
  EXPECT_LE(e.upper_J, 300 + 500 + 1);
  EXPECT_GE(e.lower_J, 299.9);
}

TEST(Energy, AFailedReadPassedOffAsAValueIsLeftOut) {
  const Sensor sensor = ideal_counter(262'143'328'850);
  for (const std::int64_t value : {std::int64_t{0}, std::int64_t{12'000'000'000}, std::int64_t{900'000'000}}) {
    Series series = readings(sensor, Power({{1, 100}}), every(1, 4), 1000);
    series.raw[2] = value;
    const Energy e = energy_between(sensor, series, window(0, 4));
    EXPECT_EQ(e.rejected, 1U) << "down and up again, or up and down";
    EXPECT_EQ(e.invalid, 0U);
    EXPECT_EQ(e.wraps, 0U);
    EXPECT_NEAR(e.joules, 400, 4e-6);
    EXPECT_LE(e.lower_J, 400);
    EXPECT_GE(e.upper_J, 400);
    EXPECT_LT(e.uncertainty_J, 1);
  }
}

TEST(Energy, ASpikeThatPowerAllowsIsLeftOutWhenTheCounterFallsBack) {
  const Sensor sensor = ideal_counter(262'143'328'850);
  Series series = readings(sensor, Power({{1, 100}}), every(1, 4), 1000);
  series.raw[2] += 300'000'000;  // 400 J in a second: possible at 500 W
  const Energy e = energy_between(sensor, series, window(0, 4));
  EXPECT_EQ(e.rejected, 1U);
  EXPECT_NEAR(e.joules, 400, 4e-6);
  EXPECT_LE(e.lower_J, 400.000001);
}

TEST(Energy, ACounterThatNeverMovesMeasuredNothing) {
  const Sensor sensor = rapl();
  const Series series = readings(sensor, Power({{1, 0}}), every(0.1, 4), 1000);
  const Energy e = energy_between(sensor, series, window(0, 4));
  EXPECT_FALSE(e.available) << "0 J would be a measured figure";
  EXPECT_NEAR(e.stuck_s, 4, 1e-9);
  Sensor idle = sensor;
  idle.domain = Domain::uncore;
  EXPECT_TRUE(energy_between(idle, series, window(0, 4)).available) << "a graphics unit may be switched off";
  EXPECT_TRUE(energy_between(sensor, readings(sensor, Power({{1, 0}}), {0, 0.05}), window(0, 0.05)).available)
      << "too short to tell";
}

TEST(Energy, WhatACounterShowsLateIsExactAndWhatItNeverShowsIsBounded) {
  const Sensor sensor = rapl();
  const Power power({{1, 100}});
  for (const bool catches_up : {true, false}) {
    Series series = readings(sensor, power, every(0.1, 4), 1000);
    for (std::size_t i = 11; i < series.size(); ++i)
      series.raw[i] = i < 21 ? series.raw[10] : series.raw[i] - (catches_up ? 0 : 100'000'000);
    const Energy e = energy_between(sensor, series, window(0, 4));
    EXPECT_NEAR(e.joules, catches_up ? 400 : 300, 0.2);
    EXPECT_NEAR(e.stuck_s, catches_up ? 0 : 1, 0.11);
    EXPECT_LE(e.lower_J, 400);
    EXPECT_GE(e.upper_J, 400);
    EXPECT_NEAR(e.joules, 400, e.uncertainty_J);
  }
}

TEST(Gauge, ZeroIsNoPowerAndAFrozenValueIsAGap) {
  const Sensor sensor = power_gauge();
  Series series = readings(sensor, Power({{1, 100}}), every(0.1, 10));
  for (std::size_t i = 0; i < series.size(); ++i) series.raw[i] += static_cast<std::int64_t>(i * 7919 % 101) * 10'000;
  const Energy whole = energy_between(sensor, series, window(0, 10));
  EXPECT_EQ(whole.stuck_s, 0);
  for (std::size_t i = 40; i < 80; ++i) series.raw[i] = series.raw[40];
  const Energy frozen = energy_between(sensor, series, window(0, 10));
  EXPECT_NEAR(frozen.stuck_s, 3.9, 1e-9);
  EXPECT_GT(frozen.uncertainty_J, whole.uncertainty_J + 35) << "a tenth of 100 W";
  for (std::size_t i = 40; i < 80; ++i) series.raw[i] = 0;
  const Energy zero = energy_between(sensor, series, window(0, 10));
  EXPECT_EQ(zero.invalid, 40U);
  EXPECT_NEAR(zero.joules, 1005, 3);
  for (auto& raw : series.raw) raw = 0;
  EXPECT_FALSE(energy_between(sensor, series, window(0, 10)).available);
}

TEST(Energy, AJumpForwardIsThrownOut) {
  const Sensor sensor = ideal_counter();
  Series series = readings(sensor, Power({{1, 100}}), every(1, 4));
  for (std::size_t i = 3; i < series.size(); ++i) series.raw[i] += 300'000'000'000;
  const Energy e = energy_between(sensor, series, window(0, 4));
  EXPECT_EQ(e.invalid, 1U);
  EXPECT_NEAR(e.joules, 300, 2e-6);
  EXPECT_LT(e.max_W, 101);
}

TEST(Energy, OneStepOfACoarseCounterInAShortTimeIsNoJump) {
  Sensor psys = rapl();
  psys.domain = Domain::platform;
  psys.scale = 1;
  psys.resolution = 1;
  const Energy e = energy_between(psys, readings(psys, Power({{1, 60}}), every(0.001, 0.5)), window(0, 0.5));
  EXPECT_EQ(e.invalid, 0U);
  EXPECT_NEAR(e.joules, 30, 1);
  EXPECT_NEAR(e.max_W, 60, 3) << "100 steps are needed to tell a power, not one";
}

TEST(Energy, EdgesInsideAnIntervalAreSharedByTimeAndNeverOutsideTheBounds) {
  const Sensor sensor = ideal_counter();
  const Power power({{1, 100}, {1, 300}});
  const Series series = readings(sensor, power, every(1, 2));
  const Energy e = energy_between(sensor, series, window(0.25, 1.5));
  EXPECT_NEAR(e.joules, 75 + 150, 1e-5);
  EXPECT_LE(e.lower_J, power.joules(0.25, 1.5));
  EXPECT_GE(e.upper_J, power.joules(0.25, 1.5));
  EXPECT_GT(e.uncertainty_J, 50) << "a quarter and a half second of an unknown curve";
  const Energy near = energy_between(sensor, series, window(0.0001, 1.9999));
  EXPECT_LT(near.uncertainty_J, 0.1);
}

TEST(Energy, ALittleOutsideTheReadingsIsFilledUpToHalfAnInterval) {
  const Sensor sensor = ideal_counter();
  const Power power({{1, 100}}, -10);
  const Series series = readings(sensor, power, {0, 1, 2});
  EXPECT_NEAR(energy_between(sensor, series, window(-0.0001, 2.0002)).joules, 200.03, 1e-5);
  const Energy far = energy_between(sensor, series, window(-3, 4));
  EXPECT_NEAR(far.joules, 300, 1e-5);
  EXPECT_DOUBLE_EQ(far.unseen_s, 4);
  EXPECT_LE(far.lower_J, 700);
  EXPECT_GE(far.upper_J, 700);
  EXPECT_FALSE(energy_between(sensor, series, window(-3, -2)).available);
}

TEST(Energy, FewerThanTwoReadingsAreNoEnergy) {
  const Sensor sensor = rapl();
  Series series = readings(sensor, Power({{1, 100}}), {0, 1});
  EXPECT_FALSE(energy_between(sensor, Series{}, window(0, 1)).available);
  series.raw[1] = missing;
  const Energy e = energy_between(sensor, series, window(0, 1));
  EXPECT_FALSE(e.available);
  EXPECT_EQ(e.joules, 0);
  EXPECT_EQ(e.upper_J, 0);
}

TEST(Energy, SixCasesThatDifferencedPowersGetWrong) {
  struct Row {
    const char* name;
    Power power;
    double from, to, truth;
  };
  const std::vector<Row> rows{
      {"1 s at 300 W then 2 s at 50 W", Power({{1, 300}, {2, 50}}), 0, 3, 400},
      {"2 s at 50 W then 1 s at 400 W", Power({{2, 50}, {1, 400}}), 0, 3, 500},
      {"10 s at 50 W, from 5.5 s 250 W", Power({{5.5, 50}, {4.5, 250}}), 0, 10, 1400},
      {"10 s with a burst at the start", Power({{0.5, 400}, {9.5, 100}}), 0, 10, 1150},
      {"0.3 s at 350 W inside 50 W", Power({{2.35, 50}, {0.3, 350}, {7.35, 50}}), 2.35, 2.65, 105},
      {"1 s around the same burst", Power({{2.35, 50}, {0.3, 350}, {7.35, 50}}), 2, 3, 140},
  };
  const Sensor sensor = rapl();
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    const double end = row.to > 3 || row.from > 0 ? 10 : 3;
    const Energy e = energy_between(sensor, readings(sensor, row.power, every(1, end)), window(row.from, row.to));
    expect_holds(e, row.truth, row.to - row.from);
    const Energy fast = energy_between(sensor, readings(sensor, row.power, every(0.005, end)), window(row.from, row.to));
    EXPECT_NEAR(fast.joules, row.truth, 0.4) << "at 200 Hz";
    expect_holds(fast, row.truth, row.to - row.from);
  }
}

TEST(Energy, AFirstReadingThatComesLateIsToldByTheBounds) {
  const Sensor sensor = rapl();
  const Power power({{0.5, 400}, {9.5, 100}});
  std::vector<double> times;
  for (int i = 0; i < 10; ++i) times.push_back(0.5 + i);
  times.push_back(10);
  const Energy e = energy_between(sensor, readings(sensor, power, times), window(0, 10));
  EXPECT_LE(e.lower_J, 1150);
  EXPECT_GE(e.upper_J, 1150);
  EXPECT_GT(e.uncertainty_J, 90);
}

TEST(Energy, TimesKeepTheirNanosecondsAfterAMonth) {
  const Sensor sensor = ideal_counter();
  const std::int64_t month = 30LL * 86'400 * 1'000'000'000;
  Series series;
  for (int i = 0; i <= 100; ++i) series.push({month + i * 100'000'000LL, i * 20'000'000LL, 0});
  const Energy e = energy_between(sensor, series, {month, month + 10'000'000'000});
  EXPECT_DOUBLE_EQ(e.joules, 2000);
  EXPECT_NEAR(e.max_W, 200, 1e-9);
}

TEST(Energy, ALateTickLosesNothing) {
  const Sensor sensor = ideal_counter();
  const Power power({{2, 30}, {0.7, 250}, {7.3, 30}});
  const Energy e = energy_between(sensor, readings(sensor, power, {0, 1, 2, 4.8, 5, 9, 10}), window(0, 10));
  EXPECT_NEAR(e.joules, 454, 2e-6);
}

TEST(Gauge, PowerIsWeightedByTime) {
  const Sensor sensor = power_gauge();
  const Power power({{3, 40}, {1, 200}, {6, 40}});
  const std::vector<double> uneven{0, 0.5, 1, 2.9, 3, 3.999, 4, 8, 10};
  const Energy e = energy_between(sensor, readings(sensor, power, uneven), window(0, 10));
  EXPECT_NEAR(e.joules, 560, 16.1);
  expect_holds(e, 560, 10);
}

TEST(Gauge, TheIntervalNarrowsWithTheRate) {
  const Sensor sensor = power_gauge();
  const Power power({{3.03, 40}, {1.01, 200}, {6, 40}});
  const Energy slow = energy_between(sensor, readings(sensor, power, every(0.5, 10)), window(0, 10));
  const Energy fast = energy_between(sensor, readings(sensor, power, every(0.01, 10)), window(0, 10));
  EXPECT_LT(fast.uncertainty_J, slow.uncertainty_J / 10);
  expect_holds(slow, power.joules(0, 10), 10);
  expect_holds(fast, power.joules(0, 10), 10);
}

TEST(Gauge, FailedAndAbsurdReadingsAreBridgedAndWidenTheInterval) {
  const Sensor sensor = power_gauge();
  Series series = readings(sensor, Power({{1, 100}}), every(0.1, 4));
  const Energy whole = energy_between(sensor, series, window(0, 4));
  series.raw[7] = missing;
  series.raw[20] = 9'200'000'000'000'000;
  const Energy e = energy_between(sensor, series, window(0, 4));
  EXPECT_NEAR(e.joules, 400, 1e-6);
  EXPECT_EQ(e.missing, 1U);
  EXPECT_EQ(e.invalid, 1U);
  EXPECT_GT(e.uncertainty_J, whole.uncertainty_J);
  EXPECT_LT(e.max_W, 101);
}

/// A ramp from 100 W to 900 W in steps of 1 ms.
Power ramp(double length) {
  std::vector<std::pair<double, double>> pieces;
  for (double at = 0; at < length; at += 1e-3) pieces.emplace_back(1e-3, 100 + 800 * at / length);
  return Power(pieces);
}

TEST(Gauge, AValueShownAgainIsTheSameMeasurement) {
  Sensor sensor = power_gauge();
  sensor.refresh_ns = test::ns(1.0);
  const Power power = ramp(10);
  // Shown ten times each: taken as they stand, the steps would lag behind the ramp by half a second, 40 J.
  const Energy e = energy_between(sensor, readings(sensor, power, every(0.1, 10)), window(0, 10));
  EXPECT_NEAR(e.joules, power.joules(0, 10), 1);
}

TEST(Gauge, AValueThatStaysIsNoRampToTheNext) {
  Sensor sensor = power_gauge();
  sensor.refresh_ns = test::ns(0.1);
  const Power power({{8, 40}, {2, 200}});
  const Energy e = energy_between(sensor, readings(sensor, power, every(0.01, 10)), window(0, 10));
  EXPECT_NEAR(e.joules, 720, 0.06 * 160);
}

TEST(Gauge, AMeanBelongsToTheMiddleOfItsTime) {
  Sensor sensor = power_gauge();
  sensor.averaging_ns = test::ns(2.0);
  const Power power = ramp(10);
  const Series series = readings(sensor, power, every(0.1, 10));
  // From 2 s to 8 s the mean over two seconds lags by one: 80 W, 480 J too little if nobody knew.
  const Energy inner = energy_between(sensor, series, window(2, 8));
  EXPECT_NEAR(inner.joules, power.joules(2, 8), 1);
  // The newest second was never a middle: the last mean stands for it, and the interval says so.
  const Energy newest = energy_between(sensor, series, window(8, 10));
  EXPECT_NEAR(newest.joules, power.joules(8, 10), 55);
  EXPECT_GT(newest.uncertainty_J, 50);
}

TEST(Increase, TakesTheReadingsThatEncloseTheWindow) {
  Sensor bytes;
  bytes.scale = 512;
  Series series;
  series.push({ns(0), 10, 0});
  series.push({ns(1), 20, 0});
  series.push({ns(2), missing, 0});
  series.push({ns(3), 50, 0});
  EXPECT_EQ(increase_between(bytes, series, window(0, 3)), 40 * 512);
  EXPECT_EQ(increase_between(bytes, series, window(1.2, 1.5)), 30 * 512);
  EXPECT_EQ(increase_between(bytes, series, window(-5, 9)), 40 * 512);
  series.raw = {missing, 20, missing, missing};
  EXPECT_EQ(increase_between(bytes, series, window(0, 3)), 0);
}

/// A power curve of a random kind: constant, square, bursts, steps, stairs up.
Power random_power(std::mt19937_64& random, double length) {
  const auto uniform = [&](double a, double b) { return std::uniform_real_distribution<>(a, b)(random); };
  std::vector<std::pair<double, double>> pieces;
  const double low = uniform(2, 80), high = uniform(80, 400), period = std::exp(uniform(std::log(0.002), std::log(3)));
  const double duty = uniform(0.1, 0.9);
  const int kind = static_cast<int>(uniform(0, 5));
  double at = 0;
  while (at < length) {
    const std::size_t i = pieces.size();
    if (kind == 0) pieces.emplace_back(length + 1, low);
    if (kind == 1) pieces.emplace_back(period * (i % 2 == 0 ? duty : 1 - duty), i % 2 == 0 ? high : low);
    if (kind == 2) pieces.emplace_back(i % 2 == 0 ? period * uniform(0.5, 3) : period * 0.2, i % 2 == 0 ? low : high);
    if (kind == 3) pieces.emplace_back(std::exponential_distribution<>(1 / period)(random) + 1e-4, uniform(low, high));
    if (kind == 4) pieces.emplace_back(length / 50, low + (high - low) * static_cast<double>(i) / 50);
    at += pieces.back().first;
  }
  return Power(pieces, -1);
}

struct Coverage {
  int within = 0, total = 0;
  [[nodiscard]] double share() const { return static_cast<double>(within) / total; }
};

enum class Edges { at_readings, anywhere };

/// Random curves read at random rates; the hard bounds hold always, and how often the 95 % interval did is returned.
Coverage covered(const Sensor& kind, Edges edges, unsigned seed, int trials) {
  std::mt19937_64 random(seed);
  const auto uniform = [&](double a, double b) { return std::uniform_real_distribution<>(a, b)(random); };
  Coverage c;
  for (int trial = 0; trial < trials; ++trial) {
    Sensor sensor = kind;
    const double length = uniform(0.3, 12), period = std::array{0.005, 0.1, 1.0}[static_cast<std::size_t>(uniform(0, 3))];
    const double phase = uniform(0, 1e-3), start = uniform(0, 262'000);
    const Power power = random_power(random, length + 2);
    Series series;
    for (const double t : every(period, length)) {
      const double half = uniform(0, 5e-6);
      const double read_at = t + uniform(-half, half);
      const bool fails = uniform(0, 1) < 0.02 && t > 0 && t < length;
      series.push(
          {ns(t), fails ? missing : test::shown(sensor, power, read_at, phase, start), static_cast<std::int32_t>(ns(half))});
    }
    double from = uniform(0, 50e-6), to = length - uniform(0, 50e-6);
    if (edges == Edges::anywhere) {
      from = uniform(0, length * 0.9);
      to = uniform(from, length);
    }
    const double truth = power.joules(static_cast<double>(ns(from)) * 1e-9, static_cast<double>(ns(to)) * 1e-9);
    const Energy e = energy_between(sensor, series, window(from, to));
    EXPECT_TRUE(e.available);
    EXPECT_LE(e.lower_J, truth + 1e-9) << "trial " << trial;
    EXPECT_GE(e.upper_J, truth - 1e-9) << "trial " << trial;
    EXPECT_LE(e.lower_J, e.joules);
    EXPECT_GE(e.upper_J, e.joules);
    EXPECT_GE(e.max_W * window(from, to).seconds(), e.joules * (1 - 1e-12));
    ++c.total;
    if (std::abs(e.joules - truth) <= e.uncertainty_J) ++c.within;
  }
  return c;
}

TEST(Coverage, OfRunsReadAtBothEnds) {
  EXPECT_GE(covered(rapl(), Edges::at_readings, 1, 1500).share(), 0.935);
}
TEST(Coverage, OfWindowsAnywhere) {
  EXPECT_GE(covered(rapl(), Edges::anywhere, 2, 1500).share(), 0.935);
}

TEST(Coverage, OfASlowCounter) {
  Sensor slow = rapl();
  slow.refresh_ns = 100'000'000;
  slow.resolution = 1000;
  EXPECT_GE(covered(slow, Edges::at_readings, 3, 1500).share(), 0.935);
}

TEST(Coverage, OfGauges) {
  EXPECT_GE(covered(power_gauge(), Edges::at_readings, 4, 1500).share(), 0.935);
}

TEST(Energy, AdjacentWindowsAddUpToTheWhole) {
  std::mt19937_64 random(5);
  const auto uniform = [&](double a, double b) { return std::uniform_real_distribution<>(a, b)(random); };
  for (int trial = 0; trial < 500; ++trial) {
    const Sensor sensor = trial % 2 == 0 ? rapl() : power_gauge();
    const double length = uniform(1, 20);
    Series series = readings(sensor, random_power(random, length + 2), every(0.1, length));
    for (auto& raw : series.raw)
      if (uniform(0, 1) < 0.05) raw = missing;
    std::vector<double> cuts{uniform(-0.2, 0.5), length + uniform(-0.3, 0.2)};
    for (int i = 0; i < 6; ++i) cuts.push_back(uniform(cuts[0], cuts[1]));
    std::sort(cuts.begin(), cuts.end());
    double sum = 0;
    for (std::size_t i = 1; i < cuts.size(); ++i) sum += energy_between(sensor, series, window(cuts[i - 1], cuts[i])).joules;
    const double whole = energy_between(sensor, series, window(cuts.front(), cuts.back())).joules;
    ASSERT_NEAR(sum, whole, 1e-12 * whole) << "trial " << trial;
  }
}

}  // namespace
}  // namespace perun
