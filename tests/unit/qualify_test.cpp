// SPDX-License-Identifier: BSD-3-Clause
// Sensors with a defect each, and clean ones that must not be suspected: 100 of each kind, with noise, jitter and late looks.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "analysis/qualify.hpp"
#include "base/missing.hpp"

namespace perun {
namespace {

constexpr std::int64_t ms = 1'000'000;

/// A sensor of a noisy power, read for 10 s.
struct Bench {
  Sensor sensor;
  std::int64_t update_ns = 20 * ms, look_ns = 5 * ms, read_ns = 20'000, lag_ns = 0;
  std::int64_t step_at_ns = INT64_MAX;  ///< the power doubles then
  std::mt19937_64 random{1};
  std::int64_t offset = 1'000'000'000;

  [[nodiscard]] std::vector<Reading> read() {
    std::normal_distribution<double> noise(0, 1);
    std::uniform_real_distribution<double> even(0, 1);
    std::vector<Reading> out;
    double joules = 0, watts = 100;
    std::int64_t updated_ns = 0, shown = value(joules, watts);
    for (std::int64_t t = 0; t < 10'000 * ms;) {
      t += look_ns + static_cast<std::int64_t>(even(random) * 0.1 * static_cast<double>(look_ns));
      if (even(random) < 0.01) t += 8 * look_ns;  // a busy machine
      while (t - updated_ns >= update_ns) {
        joules += watts * static_cast<double>(update_ns) * 1e-9;
        updated_ns += update_ns;
        watts = (updated_ns - lag_ns >= step_at_ns ? 200 : 100) + 3 * noise(random);
        shown = value(joules, watts);
      }
      out.push_back({t, shown, static_cast<std::int32_t>(read_ns / 2)});
    }
    return out;
  }
  [[nodiscard]] std::int64_t value(double joules, double watts) const {
    const double si = sensor.behavior == Behavior::counter ? joules : watts;
    const auto step = static_cast<double>(sensor.resolution);
    std::int64_t raw = static_cast<std::int64_t>(std::floor(si / sensor.scale / step) * step);
    if (sensor.behavior == Behavior::counter) raw += offset;
    return sensor.wraps_at > 0 ? raw % (sensor.wraps_at + 1) : raw;
  }
};

Bench bench(Behavior behavior, std::uint64_t seed = 1) {
  Bench b;
  b.sensor.id = "x";
  b.sensor.behavior = behavior;
  b.sensor.quantity = behavior == Behavior::counter ? Quantity::energy : Quantity::power;
  b.sensor.domain = Domain::package;
  b.sensor.scale = 1e-6;
  b.sensor.resolution = 61;
  b.sensor.refresh_ns = 20 * ms;
  b.sensor.max_power_W = 400;
  b.random.seed(seed);
  return b;
}

using Words = std::vector<std::string>;

Words named(const Qualified& q) {
  Words out;
  for (const Fault& f : q.faults) {
    out.emplace_back(name(f.defect));
    EXPECT_FALSE(f.text.empty());
  }
  return out;
}

Words judge(const Sensor& sensor, const std::vector<Reading>& readings) {
  return named(qualify({&sensor, readings}));
}

/// Readings between 4 s and 4.1 s changed.
std::vector<Reading> with(std::vector<Reading> readings, const std::function<void(Reading&, std::size_t)>& change) {
  std::size_t k = 0;
  for (Reading& r : readings)
    if (r.t_ns > 4000 * ms && r.t_ns < 4012 * ms) change(r, k++);
  return readings;
}

TEST(Qualify, CleanSensorsAreNotSuspected) {
  int suspected = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed)
    for (const Behavior behavior : {Behavior::counter, Behavior::gauge}) {
      Bench b = bench(behavior, seed);
      if (behavior == Behavior::counter && seed % 2 == 0) b.sensor.wraps_at = 300'000'000;
      if (seed % 3 == 0) b.update_ns = b.sensor.refresh_ns = ms, b.look_ns = ms;
      if (seed % 5 == 0) b.update_ns = b.sensor.refresh_ns = 100 * ms;
      const Qualified q = qualify({&b.sensor, b.read()});
      suspected += q.faults.empty() ? 0 : 1;
      EXPECT_EQ(q.grade(), 'A') << seed << " " << (q.faults.empty() ? "" : q.faults[0].text);
    }
  EXPECT_EQ(suspected, 0) << "of 200";
}

TEST(Qualify, MeasuresWhatASensorIs) {
  Bench b = bench(Behavior::counter);
  b.sensor.resolution = 61;
  const Qualified q = qualify({&b.sensor, b.read()});
  EXPECT_EQ(q.step, 61) << "of a counter that began at any multiple and more";
  EXPECT_NEAR(static_cast<double>(q.update_ns), 20e6, 2e6);
  EXPECT_LT(q.jitter_ns, 6 * ms) << "looks are 5 ms apart";
  EXPECT_EQ(q.read_ns, 20'000);
  EXPECT_NEAR(q.repeated, 0.74, 0.05) << "four looks an update, some late";
}

TEST(Qualify, EachOfTwelveDefectsIsNamed) {
  std::vector<std::pair<std::string, Words>> seen;
  const auto counter = [](std::int64_t wraps = 0) {
    Bench b = bench(Behavior::counter);
    b.sensor.wraps_at = wraps;
    return b;
  };
  for (const Behavior behavior : {Behavior::counter, Behavior::gauge}) {
    Bench b = bench(behavior);
    auto readings = b.read();
    std::int64_t held = 0;
    for (Reading& r : readings)
      if (r.t_ns > 5000 * ms) r.raw = held = held == 0 ? r.raw : held;
    seen.emplace_back("stuck", judge(b.sensor, readings));
    b = bench(behavior);
    readings = b.read();
    for (std::size_t i = 0; i < readings.size(); i += 10) readings[i].raw = missing;
    seen.emplace_back("failing", judge(b.sensor, readings));
    b = bench(behavior);
    seen.emplace_back("zeros", judge(b.sensor, with(b.read(), [](Reading& r, std::size_t) { r.raw = 0; })));
    b = bench(behavior);
    seen.emplace_back("spike",
                      judge(b.sensor, with(b.read(), [](Reading& r, std::size_t k) { r.raw += k == 0 ? 900'000'000 : 0; })));
    b = bench(behavior);
    b.update_ns = 100 * ms;
    seen.emplace_back("slow_update", judge(b.sensor, b.read()));
    b = bench(behavior);
    b.sensor.resolution = 10'000;
    readings = b.read();
    b.sensor.resolution = 61;
    seen.emplace_back("coarse", judge(b.sensor, readings));
    b = bench(behavior);
    b.read_ns = 80 * ms;
    seen.emplace_back("slow_read", judge(b.sensor, b.read()));
    b = bench(behavior);
    readings = b.read();
    for (std::size_t i = 0; i + 60 < readings.size(); i += 70)  // it rests for 0.3 s of every 0.35 s
      for (std::size_t k = 1; k < 60; ++k) readings[i + k].raw = readings[i].raw;
    seen.emplace_back("irregular", judge(b.sensor, readings));
  }
  Bench b = counter();
  auto readings = b.read();
  for (Reading& r : readings)
    if (r.t_ns > 5000 * ms) r.raw -= 300'000'000;
  seen.emplace_back("backward", judge(b.sensor, readings));
  b = counter();
  readings = b.read();
  std::int64_t at = 0;
  for (Reading& r : readings)
    if (r.t_ns > 5000 * ms) at = at == 0 ? r.raw : at, r.raw -= at - 1000;
  seen.emplace_back("reset", judge(b.sensor, readings));
  for (const auto& [defect, words] : seen) EXPECT_EQ(words, Words{defect});
}

TEST(Qualify, SeveralSensorsAreHeldAgainstEachOther) {
  Bench whole = bench(Behavior::counter), power = bench(Behavior::gauge, 2), part = bench(Behavior::counter, 3);
  whole.sensor.id = "whole";
  power.sensor.id = "power";
  part.sensor.id = "part";
  part.sensor.domain = Domain::cores;
  power.sensor.part_of = part.sensor.part_of = "whole";
  const auto judged = [&](double of_power, double of_part) {
    auto a = whole.read(), b = power.read(), c = part.read();
    for (Reading& r : b) r.raw = static_cast<std::int64_t>(static_cast<double>(r.raw) * of_power);
    for (Reading& r : c) r.raw = static_cast<std::int64_t>(static_cast<double>(r.raw) * of_part);
    const std::vector<Trial> trials{{&whole.sensor, a}, {&power.sensor, b}, {&part.sensor, c}};
    std::vector<Qualified> out(3);
    cross_check(trials, out);
    EXPECT_TRUE(out[1].faults.empty() && out[2].faults.empty()) << "told of the whole";
    return named(out[0]);
  };
  EXPECT_EQ(judged(1, 0.5), Words{});
  EXPECT_EQ(judged(1.1, 1), Words{}) << "10 % are let pass";
  EXPECT_EQ(judged(1.5, 0.5), Words{"mismatch"});
  EXPECT_EQ(judged(0.6, 0.5), Words{"mismatch"});
  EXPECT_EQ(judged(1, 1.3), Words{"exceeds_whole"});
}

TEST(Qualify, AStepOfLoadShowsLagAndWindow) {
  for (const std::int64_t lag : {std::int64_t{0}, 300 * ms}) {
    Bench b = bench(Behavior::gauge);
    b.step_at_ns = 5000 * ms;
    b.lag_ns = lag;
    const Qualified q = qualify({&b.sensor, b.read()}, b.step_at_ns);
    ASSERT_TRUE(q.lag_s && q.window_s);
    EXPECT_NEAR(*q.lag_s, static_cast<double>(lag) * 1e-9, 0.06);
    EXPECT_LT(*q.window_s, 0.06) << "a moment's value";
  }
  Bench flat = bench(Behavior::gauge);
  EXPECT_FALSE(qualify({&flat.sensor, flat.read()}, 5000 * ms).lag_s) << "no step, no lag";
}

TEST(Qualify, GradesSayHowBadItIs) {
  Qualified q;
  EXPECT_EQ(q.grade(), 'A');
  q.faults = {{Defect::irregular, "x"}};
  EXPECT_EQ(q.grade(), 'B');
  q.faults.push_back({Defect::zeros, "x"});
  EXPECT_EQ(q.grade(), 'C');
  q.faults.push_back({Defect::stuck, "x"});
  EXPECT_EQ(q.grade(), 'D');
}

}  // namespace
}  // namespace perun
