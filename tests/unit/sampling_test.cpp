// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <chrono>
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
  EXPECT_GE(quality.ticks + quality.late, expected - 1);
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

TEST(SamplerTest, SignalsAfterATickAndAtMostTenTimesASecond) {
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
  EXPECT_GE(wakes, 2);
  EXPECT_LE(wakes, 6);
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
