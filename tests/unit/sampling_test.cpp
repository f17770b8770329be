// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <chrono>
#include <limits>
#include <thread>

#include "sampling/sampler.hpp"
#include "sampling/schedule.hpp"

namespace perun {
namespace {

TEST(Schedule, StaysOnItsGridHoweverLateItIsAsked) {
  Schedule schedule(1000, 100);
  EXPECT_EQ(schedule.after(1000), 1100);
  EXPECT_EQ(schedule.after(1105), 1200);
  EXPECT_EQ(schedule.late(), 0U);
  EXPECT_EQ(schedule.after(1450), 1500) << "1300 and 1400 passed";
  EXPECT_EQ(schedule.late(), 2U);
  EXPECT_EQ(schedule.after(1500), 1600);
  EXPECT_EQ(schedule.late(), 2U);
}

TEST(Schedule, DoesNotDriftOverAYearAtOneKilohertz) {
  constexpr std::int64_t ms = 1'000'000, year = 365LL * 86'400'000 * ms;
  Schedule schedule(7, ms);
  EXPECT_EQ(schedule.after(year) % ms, 7);
  EXPECT_EQ(schedule.after(year + 3 * ms) % ms, 7);
}

TEST(Ring, KeepsOrderAcrossTheEndAndCountsWhatDoesNotFit) {
  SpscRing<int> ring(4);
  const int three[] = {1, 2, 3};
  std::vector<int> got;
  const auto take = [&](std::span<const int> some) { got.insert(got.end(), some.begin(), some.end()); };
  EXPECT_TRUE(ring.push(three));
  EXPECT_FALSE(ring.push(three)) << "all or nothing";
  EXPECT_EQ(ring.lost(), 3U);
  EXPECT_EQ(ring.drain(take), 3U);
  EXPECT_TRUE(ring.push(three));
  ring.drain(take);
  EXPECT_EQ(got, (std::vector<int>{1, 2, 3, 1, 2, 3}));
}

TEST(Ring, TwoThreadsLoseNothingWithoutCounting) {
  SpscRing<std::uint64_t> ring(256);
  constexpr std::uint64_t total = 200'000;
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (std::uint64_t i = 0; i < total; ++i) ring.push(std::span(&i, 1));
    done = true;
  });
  std::uint64_t count = 0, last = 0;
  bool ordered = true;
  const auto take = [&](std::span<const std::uint64_t> some) {
    for (const auto v : some) {
      ordered = ordered && (count == 0 || v > last);
      last = v;
      ++count;
    }
  };
  while (!done) ring.drain(take);
  ring.drain(take);
  writer.join();
  EXPECT_TRUE(ordered);
  EXPECT_EQ(count + ring.lost(), total);
}

/// Counts its reads; `nap` makes it slow.
class Fake final : public Backend {
 public:
  explicit Fake(std::int64_t wraps_at = 0, std::chrono::milliseconds nap = {}, std::int64_t refresh_ns = 0) : nap_(nap) {
    Sensor s{.id = "fake", .label = "fake", .source = "fake"};
    s.scale = 1e-6;
    s.wraps_at = wraps_at;
    s.refresh_ns = refresh_ns;
    sensors_ = {s};
  }
  std::span<const Sensor> sensors() const noexcept override { return sensors_; }
  void read(std::span<Reading> out) noexcept override {
    if (nap_.count() > 0) std::this_thread::sleep_for(nap_);
    out[0] = {monotonic_ns(), count_++, 0};
  }

 private:
  std::vector<Sensor> sensors_;
  std::chrono::milliseconds nap_;
  std::int64_t count_ = 0;
};

std::vector<std::unique_ptr<Backend>> one(std::unique_ptr<Backend> backend) {
  std::vector<std::unique_ptr<Backend>> all;
  all.push_back(std::move(backend));
  return all;
}

TEST(Guard, ReadsAFastWrappingCounterOftenEnough) {
  // 190 J at 1.5 kW last 126.7 ms; a quarter of that is 31.7 ms, and 1 s / 32 is the first grid below it.
  EXPECT_EQ(guarded_period_ns(1, one(std::make_unique<Fake>(190'000'000))), 1'000'000'000 / 32);
  EXPECT_EQ(guarded_period_ns(100, one(std::make_unique<Fake>(200'000'000))), 10'000'000) << "fast enough already";
  EXPECT_EQ(guarded_period_ns(1, one(std::make_unique<Fake>(0))), 1'000'000'000) << "never wraps";
  EXPECT_EQ(guarded_period_ns(0.01, one(std::make_unique<Fake>(0))), 100'000'000'000) << "not even then";
  const std::chrono::milliseconds none{0};
  EXPECT_EQ(guarded_period_ns(0.01, one(std::make_unique<Fake>(0, none, 1'000'000))), 25'000'000'000) << "unwrapped when read";
  EXPECT_EQ(guarded_period_ns(1, one(std::make_unique<Fake>(0, none, 1'000'000))), 1'000'000'000);
  EXPECT_GE(guarded_period_ns(1, one(std::make_unique<Fake>(1))), 200'000) << "an absurd range does not spin";
}

TEST(SamplerTest, ReadsAtTheStartOnTheGridAndAtTheEnd) {
  Sampler sampler(one(std::make_unique<Fake>()), 10'000'000, Host{});
  ASSERT_TRUE(sampler.start());
  const auto begin = monotonic_ns();
  sampler.read_first();
  sampler.go(-1);
  std::this_thread::sleep_for(std::chrono::milliseconds(105));
  const auto quality = sampler.stop();
  const auto end = monotonic_ns();
  std::vector<Reading> got;
  sampler.drain([&](std::span<const RingSample> some) {
    for (const auto& s : some) got.push_back(s.reading);
  });
  ASSERT_EQ(got.size(), quality.ticks);
  EXPECT_EQ(quality.lost, 0U);
  const auto expected = static_cast<std::uint64_t>((end - begin) / 10'000'000) + 2;
  EXPECT_GE(quality.ticks + quality.late, expected - 4) << "the grid begins when its thread gets to run";
  EXPECT_LE(quality.ticks + quality.late, expected + 1);
  EXPECT_LT(got.front().t_ns - begin, 5'000'000);
  EXPECT_LT(end - got.back().t_ns, 5'000'000);
  for (std::size_t i = 0; i < got.size(); ++i)
    EXPECT_EQ(got[i].raw, static_cast<std::int64_t>(i + 1)) << "0 is the unstored first read";
}

TEST(SamplerTest, CountsTheGridPointsThatASlowSourceMisses) {
  Sampler sampler(one(std::make_unique<Fake>(0, std::chrono::milliseconds(25))), 10'000'000, Host{});
  ASSERT_TRUE(sampler.start());
  sampler.read_first();
  sampler.go(-1);
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  const auto quality = sampler.stop();
  EXPECT_GE(quality.late, quality.ticks) << "each read hides two grid points";
  EXPECT_GE(quality.reading_ns, static_cast<std::int64_t>(quality.ticks) * 25'000'000);
}

TEST(SamplerTest, SignalsAfterATickAndAtMostTwentyTimesASecond) {
  Sampler sampler(one(std::make_unique<Fake>()), 1'000'000, Host{});
  ASSERT_TRUE(sampler.start());
  sampler.go(-1);
  int wakes = 0;
  const auto until = monotonic_ns() + 450'000'000;
  while (monotonic_ns() < until) {
    pollfd fd{sampler.ready_fd(), POLLIN, 0};
    if (::poll(&fd, 1, 100) == 1) {
      ++wakes;
      sampler.drain([](std::span<const RingSample>) {});
    }
  }
  sampler.stop();
  EXPECT_GE(wakes, 3);
  EXPECT_LE(wakes, 11);
}

/// A source that asks a device: each answer takes `nap`.
class Device final : public Backend {
 public:
  explicit Device(std::chrono::milliseconds nap) : nap_(nap) {}
  std::span<const Sensor> sensors() const noexcept override { return {&sensor_, 1}; }
  bool may_wait() const noexcept override { return true; }
  void read(std::span<Reading> out) noexcept override {
    const auto before = monotonic_ns();
    std::this_thread::sleep_for(nap_);
    const auto half = (monotonic_ns() - before) / 2;
    out[0] = {before + half, 5, static_cast<std::int32_t>(half)};
  }

 private:
  Sensor sensor_{.id = "device", .label = "device", .source = "fake"};
  std::chrono::milliseconds nap_;
};

/// All that a sampler handed in, by sensor.
std::vector<std::vector<Reading>> readings_of(Sampler& sampler, std::size_t sensors) {
  std::vector<std::vector<Reading>> all(sensors);
  sampler.drain([&](std::span<const RingSample> some) {
    for (const auto& s : some) all.at(s.sensor).push_back(s.reading);
  });
  return all;
}

TEST(Lanes, ASourceOfTwoSecondsHoldsUpNobody) {
  constexpr std::int64_t ms = 1'000'000, period = 100 * ms;
  std::vector<std::unique_ptr<Backend>> backends;
  backends.push_back(std::make_unique<Device>(std::chrono::milliseconds(2000)));
  backends.push_back(std::make_unique<Fake>());
  Sampler sampler(std::move(backends), period, Host{});
  const auto before = monotonic_ns();
  ASSERT_TRUE(sampler.start());
  sampler.read_first();
  EXPECT_LT(monotonic_ns() - before, 1000 * ms) << "the program need not wait for it either";
  sampler.go(-1);
  std::this_thread::sleep_for(std::chrono::milliseconds(2300));
  const auto quality = sampler.stop();
  const auto got = readings_of(sampler, 2);
  // A grid that waited for it would miss twenty ticks; what is allowed here is for machines that are busy.
  EXPECT_LE(quality.late, 8U);
  for (std::size_t i = 1; i < got[1].size(); ++i) EXPECT_LE(got[1][i].t_ns - got[1][i - 1].t_ns, 8 * period);
  EXPECT_GE(got[1].size(), 15U);
  ASSERT_GE(got[0].size(), 2U) << "one while the program ran, one when it had ended";
  EXPECT_LE(got[0].size(), 3U);
  EXPECT_GE(got[0][0].halfwidth_ns, 1000 * ms);
  EXPECT_GT(got[0].back().t_ns + got[0].back().halfwidth_ns, got[1].back().t_ns);
}

TEST(Lanes, WhatTookLongOnceGetsALaneOfItsOwn) {
  Sampler sampler(one(std::make_unique<Fake>(0, std::chrono::milliseconds(80))), 10'000'000, Host{});
  ASSERT_TRUE(sampler.start());
  sampler.read_first();
  sampler.go(-1);
  std::this_thread::sleep_for(std::chrono::milliseconds(400));
  const auto quality = sampler.stop();
  EXPECT_GE(quality.ticks + quality.late, 40U);
  EXPECT_LT(quality.reading_ns, 150'000'000) << "the grid does not read it";
  EXPECT_GE(readings_of(sampler, 1)[0].size(), 3U);
}

TEST(Lanes, ALateCounterThatWrapsIsReadOftenEnoughToo) {
  std::vector<std::unique_ptr<Backend>> none;
  Sampler sampler(std::move(none), 10'000'000'000, Host{}, {}, 4);  // every 10 s
  ASSERT_TRUE(sampler.start());
  sampler.read_first();
  sampler.go(-1);
  sampler.join(std::make_unique<Fake>(190'000'000), 0);  // 127 ms at 1.5 kW
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));
  static_cast<void>(sampler.stop());
  EXPECT_GE(readings_of(sampler, 1)[0].size(), 12U) << "at a quarter of that; some ticks may be late on a busy machine";
}

TEST(Lanes, ASourceThatNeverAnswersIsLeftBehind) {
  const auto intake = std::make_shared<Intake>(16);
  const auto begin = monotonic_ns();
  {
    SlowLane lane(std::make_unique<Device>(std::chrono::milliseconds(700)), 0, 1'000'000, &monotonic_ns, intake);
    ASSERT_EQ(lane.start(), nullptr);
    lane.ask_to_end();
    lane.finish(begin + 50'000'000);
  }
  EXPECT_LT(monotonic_ns() - begin, 600'000'000);
  std::this_thread::sleep_for(std::chrono::milliseconds(800));  // its thread still has all that it needs
  std::size_t got = 0;
  intake->drain([&](std::span<const RingSample> some) { got += some.size(); });
  EXPECT_EQ(got, 1U);
}

TEST(Lanes, ABracketThatDoesNotFitTellsNothing) {
  const Reading readings[] = {{1, 7, std::numeric_limits<std::int32_t>::max()}, {1, 8, 9}};
  std::vector<RingSample> tick;
  Intake::gather(readings, 3, tick);
  ASSERT_EQ(tick.size(), 2U);
  EXPECT_EQ(tick[0].sensor, 3U);
  EXPECT_EQ(tick[0].reading.raw, missing);
  EXPECT_EQ(tick[1].reading.raw, 8);
}

TEST(Latency, QuantilesAreKnownWithinAnEighthWhateverTheirNumber) {
  LatencyHistogram h;
  EXPECT_EQ(h.quantile(0.5), 0);
  for (std::int64_t i = 1; i <= 1'000'000; ++i) h.add(i * 100);
  EXPECT_NEAR(static_cast<double>(h.quantile(0.5)), 50e6, 0.07 * 50e6);
  EXPECT_NEAR(static_cast<double>(h.quantile(0.99)), 99e6, 0.07 * 99e6);
  LatencyHistogram edges;
  edges.add(-5);
  EXPECT_EQ(edges.quantile(1), 0);
  edges.add(std::numeric_limits<std::int64_t>::max());
  EXPECT_GT(edges.quantile(1), std::numeric_limits<std::int64_t>::max() / 10 * 9);
  EXPECT_LE(sizeof h, 4096U);
}

std::int64_t spent_ns = 0;
std::int64_t spent() {
  return spent_ns;
}

TEST(OverheadTest, SlowsDownByWholeNumbersUntilTheCostFits) {
  constexpr std::int64_t ms = 1'000'000;
  Overhead overhead({.percent = 5, .longest_period_ns = 3600'000 * ms, .window_ns = 1000 * ms, .cpu_ns = &spent});
  std::int64_t period = ms, now = 7;
  spent_ns = 0;
  std::vector<std::int64_t> seen;
  // Each reading costs 0.31 ms: 31 % of a core at 1 kHz, 4.4 % at 143 Hz.
  for (; now < 6000 * ms; now += period) {
    spent_ns += 31 * ms / 100;
    const auto times = overhead.slower(now, period);
    if (times > 1) seen.push_back(now / ms);
    period *= times;
  }
  EXPECT_EQ(period, 7 * ms) << "31 / 5 in whole numbers";
  EXPECT_EQ(seen, std::vector<std::int64_t>{2000}) << "the first second does not count";
}

TEST(OverheadTest, NeverSlowsBelowWhatACounterNeeds) {
  Overhead overhead({.percent = 1, .longest_period_ns = 35, .window_ns = 100, .cpu_ns = &spent});
  spent_ns = 0;
  for (std::int64_t now = 0; now < 200; now += 10) {
    spent_ns += 10;
    EXPECT_EQ(overhead.slower(now, 10), 1);
  }
  spent_ns += 10;
  EXPECT_EQ(overhead.slower(200, 10), 3) << "3 x 10 is still within 35";
  EXPECT_EQ(Overhead({}).slower(1'000'000'000'000, 10), 1) << "no limit";
}

/// Each reading costs 5 ms of the clock `spent`.
class Costly final : public Backend {
 public:
  std::span<const Sensor> sensors() const noexcept override { return {&sensor_, 1}; }
  void read(std::span<Reading> out) noexcept override {
    spent_ns += 5'000'000;
    out[0] = {monotonic_ns(), spent_ns, 0};
  }

 private:
  Sensor sensor_{.id = "costly", .label = "costly", .source = "fake"};
};

TEST(OverheadTest, TheSamplerLowersItsRateAndSaysSo) {
  constexpr std::int64_t ms = 1'000'000;
  Sampler sampler(one(std::make_unique<Costly>()), 10 * ms, Host{},
                  {.percent = 10, .longest_period_ns = 1000 * ms, .window_ns = 100 * ms, .cpu_ns = &spent});
  ASSERT_TRUE(sampler.start());
  sampler.read_first();
  sampler.go(-1);
  std::this_thread::sleep_for(std::chrono::milliseconds(900));
  const auto quality = sampler.stop();
  EXPECT_EQ(quality.period_begin_ns, 10 * ms);
  EXPECT_GE(quality.period_ns, 30 * ms) << "5 ms in 50 ms are 10 %; a busy machine reads less often by itself";
  EXPECT_LE(quality.period_ns, 300 * ms);
  EXPECT_LT(quality.ticks, 60U) << "of 90";
}

TEST(SamplerTest, KeepsItsGridAtOneAndFiveKilohertz) {
  for (const std::int64_t period : {1'000'000, 200'000}) {
    Sampler sampler(one(std::make_unique<Fake>()), period, Host{});
    ASSERT_TRUE(sampler.start());
    sampler.read_first();
    sampler.go(-1);
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    const auto quality = sampler.stop();
    const auto got = readings_of(sampler, 1)[0];
    ASSERT_EQ(got.size(), quality.ticks);
    // From the first tick of the grid (behind the first edge) to the last; a tick is read up to any time after its point,
    // but the points passed unread are all counted.
    const auto& last = got[got.size() - 2];
    const auto points = static_cast<double>(last.t_ns - got[1].t_ns) / static_cast<double>(period);
    const auto counted = static_cast<double>(got.size() - 3 + quality.late);
    EXPECT_GE(counted, points - 50) << "no point is left out";
    EXPECT_LE(counted, points + 50) << "and none is made up";
    EXPECT_GE(points, 100);
    EXPECT_LE(quality.latency_p50_ns, quality.latency_p99_ns);
  }
}

/// A clock that goes on by 10 us each time somebody looks, so that no busy machine comes between two looks.
std::atomic<std::int64_t> ticking_ns;
std::int64_t look() {
  return ticking_ns += 10'000;
}

/// A counter that turns every ms of that clock, beside one that stands still.
class Turning final : public Backend {
 public:
  Turning() {
    Sensor turning{.id = "turning", .label = "turning", .source = "fake", .domain = Domain::package};
    turning.refresh_ns = 1'000'000;
    Sensor still = turning;
    still.id = "still";
    sensors_ = {turning, still};
  }
  std::span<const Sensor> sensors() const noexcept override { return sensors_; }
  void read(std::span<Reading> out) noexcept override {
    const auto t = look();
    out[0] = {t, t / 1'000'000, 0};
    out[1] = {t, 7, 0};
  }

 private:
  std::vector<Sensor> sensors_;
};

TEST(SamplerTest, ReadsAnEdgeWhereTheCounterTurns) {
  for (int i = 0; i < 20; ++i) {
    ticking_ns = monotonic_ns() + i * 123'000;
    Host host;
    host.now_ns = look;
    Sampler sampler(one(std::make_unique<Turning>()), 3'600'000'000'000, host);
    ASSERT_TRUE(sampler.start());
    sampler.read_first();
    const auto began = look();
    sampler.go(-1);
    sampler.stop();
    std::vector<RingSample> got;
    sampler.drain([&](std::span<const RingSample> some) { got.insert(got.end(), some.begin(), some.end()); });
    ASSERT_EQ(got.size(), 4U);
    for (const auto& s : got) {
      if (s.sensor == 0) {
        EXPECT_LT(s.reading.t_ns % 1'000'000, 50'000) << "after its turn";
      } else {
        EXPECT_EQ(s.reading.raw, 7);
      }
    }
    EXPECT_LT(got[0].reading.t_ns, began);
    EXPECT_LT(got[2].reading.t_ns - began, 2'000'000) << "a counter that stands still is not waited for longer than its time";
  }
}

TEST(SamplerTest, TakesTheLastReadingWhenTheProgramEnds) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  Fd reader(ends[0]), writer(ends[1]);
  Sampler sampler(one(std::make_unique<Fake>()), 1'000'000'000, Host{});
  ASSERT_TRUE(sampler.start());
  sampler.read_first();
  sampler.go(reader.get());
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const auto ended = monotonic_ns();
  writer.reset();
  std::this_thread::sleep_for(std::chrono::milliseconds(60));
  EXPECT_EQ(sampler.stop().ticks, 2U) << "stop() takes no other";
  std::int64_t last = 0;
  sampler.drain([&](std::span<const RingSample> some) { last = some.back().reading.t_ns; });
  EXPECT_GE(last, ended);
  EXPECT_LT(last - ended, 30'000'000);
}

TEST(SamplerTest, StoppingTwiceIsSafe) {
  Sampler sampler(one(std::make_unique<Fake>()), 10'000'000, Host{});
  ASSERT_TRUE(sampler.start());
  sampler.go(-1);
  const auto first = sampler.stop();
  EXPECT_EQ(sampler.stop(), first);
}

}  // namespace
}  // namespace perun
