// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/track.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "analysis/metering.hpp"
#include "analysis/peak.hpp"
#include "support/rig.hpp"

namespace perun {
namespace {

using test::every;
using test::ideal_counter;
using test::ns;
using test::Power;
using test::readings;

struct Curve {
  std::vector<Interval> intervals;
  std::uint64_t rejected = 0;
};

Curve curve(const Sensor& sensor, const Series& series) {
  std::optional<Hindsight> hindsight;
  for (;;) {
    Curve c;
    TrackReader track(sensor, series, {}, hindsight);
    while (const Interval* x = track.next()) c.intervals.push_back(*x);
    c.rejected = track.rejected();
    if (!track.wants_hindsight()) return c;
    hindsight = track.hindsight();
  }
}

TEST(Limits, AreTheSensorsOwnOrTheStatedDefaults) {
  Sensor s;
  s.domain = Domain::package;
  EXPECT_EQ(limits_of(s).max_power_W, 1500);
  EXPECT_EQ(limits_of(s).refresh_s, 0.001);
  s.domain = Domain::gpu;
  EXPECT_EQ(limits_of(s).max_power_W, 2000);
  EXPECT_EQ(limits_of(s).refresh_s, 0.1);
  s.domain = Domain::node;
  EXPECT_EQ(limits_of(s).max_power_W, 10'000);
  EXPECT_EQ(limits_of(s).refresh_s, 1);
  s = test::rapl();
  EXPECT_EQ(limits_of(s).max_power_W, 500);
  EXPECT_DOUBLE_EQ(limits_of(s).step_J, 61e-6);
  EXPECT_DOUBLE_EQ(limits_of(s).range_J, 262'143.32885);
  EXPECT_EQ(limits_of(s).step_W, 0);
  EXPECT_DOUBLE_EQ(limits_of(test::power_gauge()).step_W, 1e-3);
  EXPECT_EQ(limits_of(test::power_gauge()).step_J, 0);
}

TEST(Interval, PartsOfATrapezoidAddUp) {
  const Sensor gauge = test::power_gauge();
  const Curve c = curve(gauge, readings(gauge, Power({{1, 100}, {1, 300}}), {0, 1}));
  ASSERT_EQ(c.intervals.size(), 1U);
  const Interval& x = c.intervals[0];
  EXPECT_NEAR(x.joules, 200, 1e-9);
  EXPECT_NEAR(x.between(0, ns(0.5)), 75, 1e-9) << "from 100 to 200 W";
  EXPECT_NEAR(x.between(ns(0.5), ns(1)), 125, 1e-9);
  EXPECT_EQ(x.fraction(-5), 0);
  EXPECT_EQ(x.fraction(ns(9)), 1);
}

TEST(TrackReader, IsCutAtGoodReadingsOnly) {
  const Sensor sensor = ideal_counter();
  Series series = readings(sensor, Power({{1, 100}}), every(1, 6));
  series.raw[0] = series.raw[3] = missing;
  series.t_ns[5] = series.t_ns[4];  // the same moment twice: no time, no power
  const Curve c = curve(sensor, series);
  ASSERT_EQ(c.intervals.size(), 3U);
  EXPECT_FALSE(c.intervals[0].bridged);
  EXPECT_TRUE(c.intervals[1].bridged);
  EXPECT_EQ(c.intervals[1].seconds(), 2);
  EXPECT_EQ(c.intervals[2].from_ns, ns(4));
  EXPECT_EQ(c.intervals[2].to_ns, ns(6));
  for (std::size_t i = 1; i < c.intervals.size(); ++i) EXPECT_EQ(c.intervals[i].from_ns, c.intervals[i - 1].to_ns);
}

TEST(TrackReader, WrapsResetsAndJumpsAreToldApart) {
  const Sensor sensor = ideal_counter(200'000'000);
  Series series;
  for (const std::int64_t raw : {150'000'000, 30'000'000, 130'000'000, 130'000'000})
    series.push({ns(1.0 * static_cast<double>(series.size())), raw, 0});
  const Curve c = curve(sensor, series);
  ASSERT_EQ(c.intervals.size(), 3U);
  EXPECT_TRUE(c.intervals[0].wrapped);
  EXPECT_DOUBLE_EQ(c.intervals[0].joules, 80);
  EXPECT_DOUBLE_EQ(c.intervals[0].hidden_J, 400) << "500 W could have gone round twice more";
  EXPECT_FALSE(c.intervals[1].wrapped);
  EXPECT_EQ(c.intervals[2].joules, 0);
  EXPECT_TRUE(c.intervals[2].stuck) << "nothing that runs uses nothing for a second";
  EXPECT_FALSE(c.intervals[2].valid);

  series.raw[1] = 900'000'000;
  const Curve jump = curve(sensor, series);
  EXPECT_FALSE(jump.intervals[0].valid);
  EXPECT_EQ(jump.intervals[0].joules, 0);
}

TEST(TrackReader, GarbageNeverOverflows) {
  const Sensor sensor = ideal_counter(100);
  Series series;
  series.push({0, std::numeric_limits<std::int64_t>::max(), 0});
  series.push({1, std::numeric_limits<std::int64_t>::min() + 1, 0});
  series.push({2, std::numeric_limits<std::int64_t>::max(), 0});
  series.push({1, 0, 0});
  EXPECT_EQ(curve(sensor, series).intervals.size(), 1U) << "there and back";
}

TEST(PaddedTrack, ReachesHalfAnIntervalBeyondItsReadings) {
  const Sensor sensor = ideal_counter();
  const Series series = readings(sensor, Power({{1, 100}, {1, 300}}), {0, 1, 2});
  TrackReader track(sensor, series, {});
  PaddedTrack padded(track);
  std::vector<Interval> all;
  while (const Interval* x = padded.next()) {
    all.push_back(*x);
    EXPECT_EQ(padded.ended(), all.size() == 4);
  }
  ASSERT_EQ(all.size(), 4U);
  EXPECT_EQ(all[0].from_ns, ns(-0.5));
  EXPECT_EQ(all[0].to_ns, 0);
  EXPECT_NEAR(all[0].joules, 50, 1e-6);
  EXPECT_NEAR(all[1].joules, 100, 1e-6);
  EXPECT_NEAR(all[2].joules, 300, 1e-6);
  EXPECT_EQ(all[3].to_ns, ns(2.5));
  EXPECT_NEAR(all[3].joules, 150, 1e-6);
}

double peak_W(const Sensor& sensor, const Series& series, Window window, double shortest_s) {
  TrackReader track(sensor, series, {});
  PaddedTrack padded(track);
  PeakPower peak(window, shortest_s);
  while (const Interval* x = padded.next()) peak.add(*x, padded.ended() ? PeakPower::Cut::never : PeakPower::Cut::at_end);
  return peak.watts();
}

TEST(PeakPower, IsOfStretchesThatAreLongEnough) {
  const Sensor sensor = ideal_counter();
  const Series series = readings(sensor, Power({{1, 100}, {0.1, 400}, {1, 100}, {0.3, 50}}), every(0.1, 2.4));
  EXPECT_NEAR(peak_W(sensor, series, {0, ns(2.4)}, 0.1), 400, 1e-3);
  EXPECT_NEAR(peak_W(sensor, series, {0, ns(2.4)}, 0.2), 250, 1e-3) << "0.1 s at 400 W and 0.1 s at 100 W";
  EXPECT_NEAR(peak_W(sensor, series, {0, ns(2.4)}, 5), (210 + 40 + 15 - 10) / 2.4, 1e-3) << "one stretch";
  EXPECT_NEAR(peak_W(sensor, series, {ns(1), ns(1.15)}, 0.1), 300, 1e-3) << "the remainder joins the last: 45 J in 0.15 s";
  EXPECT_EQ(peak_W(sensor, Series{}, {0, ns(1)}, 0.1), 0);
}

TEST(PeakTogether, SumsSensorsThatAreReadAtOtherTimes) {
  const Sensor sensor = ideal_counter();
  const std::vector<Series> series{readings(sensor, Power({{1, 100}, {2, 10}}), every(0.1, 3)),
                                   readings(sensor, Power({{2, 20}, {1, 200}}), every(0.07, 3))};
  SeriesInMemory both(series);
  PeakTogether together;
  EXPECT_EQ(together.watts(0.5), 0) << "of nothing";
  for (std::size_t i = 0; i < 2; ++i) together.add(sensor, both, i, {0, ns(3)});
  EXPECT_NEAR(together.watts(0.5), 210, 1e-3);
}

TEST(PeakTogether, TheSameInSeveralRounds) {
  const Sensor sensor = ideal_counter();
  std::vector<Series> series(2);
  std::int64_t joules = 0;
  for (std::int64_t k = 0; k <= 600'000; ++k) {  // 10 ms each, 20 W, and once 70 W
    for (Series& s : series) s.push({k * 10'000'000, joules, 0});
    joules += k == 550'000 ? 350'000 : 100'000;
  }
  SeriesInMemory both(series);
  PeakTogether together;
  for (std::size_t i = 0; i < 2; ++i) together.add(sensor, both, i, {0, 6'000'000'000'000});
  EXPECT_NEAR(together.watts(0.01), 70, 1e-6);
}

TEST(EnergyFlow, KeepsEveryJouleBetweenAnyEdges) {
  const Sensor sensor = ideal_counter();
  const Series series = readings(sensor, Power({{1, 100}, {2, 10}}), every(0.1, 3));
  EnergyFlow flow(sensor, series);
  std::vector<double> joules(3), more(2);
  flow.add_to(joules, std::vector{ns(0), ns(0.33), ns(1), ns(1.05)});
  flow.add_to(more, std::vector{ns(1.05), ns(2.5), ns(3)});
  EXPECT_NEAR(joules[0], 33, 1e-5);
  EXPECT_NEAR(joules[1], 67, 1e-5);
  EXPECT_NEAR(joules[2], 0.5, 1e-5);
  EXPECT_NEAR(more[0], 14.5, 1e-5);
  EXPECT_NEAR(more[1], 5, 1e-5);
  std::vector<double> shifted(1);
  const std::int64_t hour = ns(3600);
  EnergyFlow(sensor, series, -hour).add_to(shifted, std::vector{hour, hour + ns(1)});
  EXPECT_NEAR(shifted[0], 100, 1e-5);
}

/// A series handed out in pages of `rows`, to see that nobody holds or needs more.
class Paged : public Readings {
 public:
  Paged(const Series& series, std::size_t rows) : series_(series), rows_(rows) {}
  [[nodiscard]] std::size_t sensors() const noexcept override { return 1; }
  [[nodiscard]] std::size_t size(std::size_t) const noexcept override { return series_.size(); }
  std::size_t fetch(std::size_t, std::size_t at, Series& page) override {
    const std::size_t first = at / rows_ * rows_;
    page = {};
    for (std::size_t i = first; i < std::min(first + rows_, series_.size()); ++i)
      page.push({series_.t_ns[i], series_.raw[i], series_.halfwidth_ns[i]});
    ++fetched;
    return first;
  }
  std::size_t fetched = 0;

 private:
  const Series& series_;
  std::size_t rows_;
};

TEST(TrackReader, PagesMakeNoDifferenceAndAreReadOnce) {
  for (const Sensor& sensor : {test::rapl(), test::power_gauge()}) {
    Series series = readings(sensor, Power({{7, 100}, {2, 300}, {3, 20}}), every(0.01, 100));
    for (std::size_t k = 500; k < 540; ++k) series.raw[k] = missing;
    series.raw[2000] = -7;
    const Window window{ns(0.5), ns(99.3)};
    const Metering whole = meter(sensor, series, window);
    EXPECT_TRUE(whole.energy.available);
    for (const std::size_t rows : {1, 7, 1000, 20'000}) {
      Paged paged(series, rows);
      const Metering m = meter(sensor, SeriesCursor(paged, 0), window);
      EXPECT_EQ(m.energy.joules, whole.energy.joules) << rows;
      EXPECT_EQ(m.energy.uncertainty_J, whole.energy.uncertainty_J) << rows;
      EXPECT_EQ(m.energy.upper_J, whole.energy.upper_J) << rows;
      EXPECT_EQ(m.energy.max_W, whole.energy.max_W) << rows;
      EXPECT_EQ(m.energy.missing, 40U);
      EXPECT_EQ(m.energy.rejected + m.energy.invalid, 1U);
      EXPECT_EQ(m.tally.count, series.size());
      EXPECT_EQ(m.tally.good, series.size() - 40);
      // A counter once, but for the look behind the one bad reading; a gauge with gaps twice.
      EXPECT_LE(paged.fetched, 2 * (series.size() / rows + 1) + 2) << rows;
    }
  }
}

/// A sensor that is stuck for longer than anybody can remember does not take more memory, and is told.
TEST(TrackReader, LongStandstillsAreStuck) {
  const Sensor sensor = ideal_counter();
  Series series;
  for (std::int64_t k = 0; k < 300'000; ++k) series.push({k * 10'000'000, std::min<std::int64_t>(k, 1000) * 1'000'000, 0});
  const Energy e = energy_between(sensor, series, {0, series.t_ns.back()});
  EXPECT_NEAR(e.joules, 1000, 1e-9);
  EXPECT_NEAR(e.stuck_s, 2989.99, 1e-6);
}

TEST(Stretches, NeedAHundredStepsAndTenRefreshes) {
  Sensor s = test::rapl();
  EXPECT_DOUBLE_EQ(shortest_stretch_s(s, 100), 0.01);
  s.resolution = 1'000'000;
  EXPECT_DOUBLE_EQ(shortest_stretch_s(s, 100), 1);
  s.refresh_ns = 500'000'000;
  EXPECT_DOUBLE_EQ(shortest_stretch_s(s, 100), 5);
  EXPECT_DOUBLE_EQ(shortest_stretch_s(s, 0), 5);
  EXPECT_DOUBLE_EQ(shortest_stretch_s(test::power_gauge(), 100), 0.01);
}

}  // namespace
}  // namespace perun
