// SPDX-License-Identifier: BSD-3-Clause
#include "store/store.hpp"

#include <gtest/gtest.h>
#include <hdf5.h>
#include <hdf5_hl.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "store/lanes.hpp"
#include "support/equal_runs.hpp"
#include "support/filled_run.hpp"
#include "support/sample_run.hpp"
#include "support/tree.hpp"

namespace perun {
namespace {

using test::add_sensor;
using test::expect_equal;
using test::sample_run;
using test::sample_summary;

struct StoreTest : testing::Test {
  using Run = perun::Run;  // not testing::Test::Run
  test::Tree tree;
  std::filesystem::path file = tree.at("out/app.hdf5");

  Result<int> append(const Run& run, RunSummary summary = sample_summary()) {
    summary.factors = run.factors;
    return append_run(file, run, summary);
  }
  Run load(int number) {
    auto store = Store::open(file);
    EXPECT_TRUE(store) << store.error().what;
    auto run = store->load(number);
    EXPECT_TRUE(run) << run.error().what;
    return *run;
  }
};

/// A run that uses every field, with all that is awkward to store.
Run awkward_run() {
  Run run = sample_run(2, 3);
  run.id = "2026-11-22T18:04:11 \xC3\xA4\xE2\x82\xAC";
  run.command = {
      "python3", "-c", "print('a\nb')", "", "[1,2]", "\"quoted\"", "--", "\xE6\x97\xA5\xE6\x9C\xAC", std::string(70'000, 'x')};
  run.cwd = "/home/j\xC3\xBCrgen/\tdir";
  run.frequency_hz = 0.1;
  run.round_id = "round-7";
  run.round = 3;
  run.factors = {1.2, 0.05, 30.25, "--pue", "PERUN_EMISSIONS_FACTOR", ".perun.ini"};
  run.factors.emissions_over_time = {
      {run.begin.real_ns, 0.1}, {run.begin.real_ns + 7, std::nullopt}, {run.begin.real_ns + 9, 1e-9}};
  run.factors.price_over_time = {{run.begin.real_ns, -1.5}, {run.begin.real_ns + 1, 20}};
  run.end = {run.begin.mono_ns + 1'234'567'891, run.begin.real_ns + 1'234'567'000};
  run.outcome = {false, 137, 9, "the launcher was killed", 0.125, 1e-9, 123'456'789'012};
  run.config_ini = "";

  NodeRecord& node = run.nodes[0];
  node.host = "gpu07.cluster-1";
  node.attributes = {{"kernel", "6.1.0"}, {"cpu_model", ""}, {"Unit \xC2\xB5", "\xC2\xB5J"}, {"a", "1"}};
  node.blocked = {{"rapl", "denied: /sys/class/powercap\nline two", "perun doctor"}, {"nvml", "", ""}};
  Sensor gauge;
  gauge.id = "nvml:gpu/0 power";
  gauge.label = "gpu:0 \xE2\x84\xA2";
  gauge.source = "nvml";
  gauge.quantity = Quantity::power;
  gauge.behavior = Behavior::gauge;
  gauge.domain = Domain::gpu;
  gauge.kind = Kind::estimated;
  gauge.index = 65535;
  gauge.scale = 1e-3;
  gauge.resolution = 5;
  gauge.refresh_ns = 25'000'000;
  gauge.part_of = "rapl:package-0";
  gauge.counted = true;
  gauge.max_power_W = 420.5;
  gauge.systematic_percent = 2.5;
  gauge.note = "assumes 8 W TDP";
  add_sensor(node, gauge, 3, 50'000, -60'000, 12'345);  // goes below 0
  Sensor same_link = gauge;
  same_link.id = "nvml_gpu:0_power";
  same_link.scale = 15.2587890625e-6;
  same_link.wraps_at = 262'143'328'850;
  same_link.behavior = Behavior::counter;
  same_link.quantity = Quantity::energy;
  add_sensor(node, same_link, 3, 262'143'328'000, 400, -1);
  node.series.back().raw = {262'143'328'850, 0, 17};
  for (const auto* id : {"t_ns", "clock", "", "/", "."}) {
    Sensor s;
    s.id = id;
    s.quantity = Quantity::bytes;
    add_sensor(node, s, 3, 1, 1, 0);
  }
  node.series[0].raw[1] = missing;
  node.series[1].raw = {missing, missing, missing};
  node.series[2].raw[0] = std::numeric_limits<std::int64_t>::max() - 1;
  Sensor late = gauge;
  late.id = "ipmi:node";
  add_sensor(node, late, 2, 7, 1, 0);  // fewer readings
  Sensor far = gauge;
  far.id = "redfish:node";
  add_sensor(node, far, 3, 7, 1, 3'000'000'000);  // same number, but too far behind for 32 bits
  Sensor never = gauge;
  never.id = "never:read";
  add_sensor(node, never, 0, 0, 0, 0);

  run.work = {{"epochs", 4}, {"W\xC3\xB6rter", 1.5}};
  run.nodes.push_back(test::sample_node("gpu07.cluster-1", 1, 0));
  run.nodes.back().marks = test::filled_run().nodes[0].marks;
  run.nodes.push_back(NodeRecord{"bare/node", {}, {}, {}, {{1, 2}}, {}, {}});
  return run;
}

TEST_F(StoreTest, EveryFieldOfARunComesBack) {
  Run run = awkward_run();
  const auto number = append(run);
  ASSERT_TRUE(number) << number.error().what;
  EXPECT_EQ(*number, 0);
  run.number = 0;
  expect_equal(load(0), run);
}

TEST_F(StoreTest, AJobComesBackWithItsRanks) {
  Run run = sample_run();
  run.nodes.push_back(test::sample_node("ranks", 1, 2));  // a host that is called as the group is
  run.nodes[0].begin = {test::sample_mono_ns, test::sample_real_ns};
  run.nodes[0].end = {test::sample_mono_ns + 5, test::sample_real_ns + 5};
  run.nodes[0].clock_error_s = 0.001;
  run.job = JobRecord{
      .launcher = "slurm", .key = "slurm-17.3", .size = 3, .scheduler = {{"job_id", "17"}, {"job_name", "W\xC3\xBC"}}};
  for (int i = 0; i < 2; ++i) {
    RankRecord r;
    r.rank = 2 * i;
    r.node = i;
    r.status = i == 0 ? RankStatus::ok : RankStatus::failed;
    r.exit_code = i == 0 ? 0 : 139;
    r.signal = i == 0 ? 0 : 11;
    r.pid = 4711 + i;
    r.begin = {test::sample_mono_ns + i, test::sample_real_ns + i};
    r.end = {test::sample_mono_ns + 9, test::sample_real_ns + 9};
    r.user_s = 1.5;
    r.system_s = 0.25;
    r.max_rss_bytes = 1 << 20;
    run.job->ranks.push_back(r);
  }
  run.job->ranks[1].app = "other";
  run.job->ranks[1].command = {"./other", ""};
  ASSERT_TRUE(append(run));
  run.number = 0;
  expect_equal(load(0), run);
  ASSERT_TRUE(append(sample_run()));
  EXPECT_FALSE(load(1).job) << "a program by itself";
}

TEST_F(StoreTest, LongSeriesAreCompressedAndComeBack) {
  Run run = sample_run(3, 20'000);
  run.nodes[0].series[1].raw[9'999] = missing;
  ASSERT_TRUE(append(run));
  run.number = 0;
  expect_equal(load(0), run);
  EXPECT_LT(std::filesystem::file_size(file), 3U * 20'000 * 16 / 2);
}

TEST_F(StoreTest, RunsAccumulateWithNumbersOfTheirOwn) {
  for (int i = 0; i < 50; ++i) {
    Run run = sample_run(2, 2);
    run.id = "run-" + std::to_string(i);
    run.nodes[0].series[0].raw[0] = i;
    const auto number = append(run);
    ASSERT_TRUE(number) << number.error().what;
    EXPECT_EQ(*number, i);
  }
  const auto store = Store::open(file);
  ASSERT_TRUE(store);
  EXPECT_EQ(store->app(), "app");
  const auto list = store->list();
  ASSERT_TRUE(list);
  ASSERT_EQ(list->size(), 50U);
  for (int i = 0; i < 50; ++i) {
    const auto& stored = (*list)[static_cast<std::size_t>(i)];
    EXPECT_EQ(stored.number, i);
    EXPECT_EQ(stored.id, "run-" + std::to_string(i));
    EXPECT_EQ(stored.begin_real_ns, test::sample_real_ns);
    EXPECT_EQ(stored.usage.energy.measured_J, 3.6e6);
    EXPECT_EQ(stored.usage.energy.uncertainty_J, 12.5);
    EXPECT_EQ(stored.usage.energy.lower_J, 3.5e6);
    EXPECT_EQ(stored.usage.energy.upper_J, 3.7e6);
    EXPECT_EQ(stored.usage.energy.kind, Kind::measured);
    EXPECT_EQ(stored.usage.duration_s, 2);
    EXPECT_EQ(stored.usage.power_mean_W, 1.8e6);
    EXPECT_EQ(stored.usage.power_max_W, 2e6);
    const auto run = store->load(i);
    ASSERT_TRUE(run) << run.error().what;
    EXPECT_EQ(run->nodes[0].series[0].raw[0], i);
  }
  const auto none = store->load(50);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Errc::not_found);
  EXPECT_EQ(none.error().what, "'" + file.string() + "': there is no run 50");
}

TEST_F(StoreTest, TheFileGrowsByTheNewRunOnly) {
  const Run run = sample_run(2, 2);
  std::vector<std::uintmax_t> sizes;
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(append(run));
    sizes.push_back(std::filesystem::file_size(file));
  }
  const auto early = sizes[10] - sizes[0], late = sizes[39] - sizes[29];
  EXPECT_LT(late, early + early / 5);
}

TEST_F(StoreTest, TotalsAddUpAndKeepMeasuredApart) {
  ASSERT_TRUE(append(sample_run()));
  RunSummary estimated = sample_summary();
  estimated.usage.energy = {0, 1000, 5, 900, 1100, Kind::estimated};
  estimated.usage.power_max_W = 10;
  ASSERT_TRUE(append(sample_run(), estimated));
  RunSummary unavailable = sample_summary();
  unavailable.usage.energy = {};
  unavailable.footprint.reset();
  ASSERT_TRUE(append(sample_run(), unavailable));
  const auto store = Store::open(file);
  ASSERT_TRUE(store);
  const auto totals = store->totals();
  EXPECT_EQ(totals.runs, 3);
  EXPECT_EQ(totals.usage.duration_s, 6);
  EXPECT_EQ(totals.usage.energy.measured_J, 3.6e6);
  EXPECT_EQ(totals.usage.energy.estimated_J, 1000);
  EXPECT_DOUBLE_EQ(totals.usage.energy.uncertainty_J, std::hypot(12.5, 5));
  EXPECT_EQ(totals.usage.energy.lower_J, 3.5e6 + 900);
  EXPECT_EQ(totals.usage.energy.upper_J, 3.7e6 + 1100);
  EXPECT_EQ(totals.usage.energy.kind, Kind::mixed);
  EXPECT_EQ(totals.usage.power_max_W, 2e6);
  EXPECT_DOUBLE_EQ(totals.usage.power_mean_W, 3'601'000.0 / 6);
  ASSERT_TRUE(totals.footprint);
  EXPECT_DOUBLE_EQ(totals.footprint->co2e_kg, 2 * 0.5609);
  EXPECT_DOUBLE_EQ(totals.footprint->cost_cent, 2 * 65.7122);
  EXPECT_DOUBLE_EQ(totals.footprint->facility_kWh, 2 * 1.58);
}

TEST_F(StoreTest, TotalsOfUnmeasuredRunsAreUnavailableNotZero) {
  RunSummary unavailable = sample_summary();
  unavailable.usage.energy = {};
  unavailable.footprint.reset();
  ASSERT_TRUE(append(sample_run(), unavailable));
  const auto store = Store::open(file);
  ASSERT_TRUE(store);
  EXPECT_EQ(store->totals().usage.energy.kind, Kind::unavailable);
  EXPECT_FALSE(store->totals().footprint);
  const auto list = store->list();
  ASSERT_TRUE(list);
  EXPECT_EQ((*list)[0].usage.energy.kind, Kind::unavailable);
  EXPECT_EQ((*list)[0].usage.duration_s, 2);
}

TEST_F(StoreTest, ARunThatIsThereIsNotAddedAgain) {
  for (int i = 0; i < 3; ++i) {
    Run run = sample_run();
    run.id = "run-" + std::to_string(i);
    ASSERT_TRUE(append_run(file, run, sample_summary(), true));
  }
  Run again = sample_run();
  again.id = "run-1";
  const auto number = append_run(file, again, sample_summary(), true);
  ASSERT_TRUE(number) << number.error().what;
  EXPECT_EQ(*number, 1);
  EXPECT_EQ(Store::open(file)->list()->size(), 3U);
}

TEST_F(StoreTest, InvalidRunsAreRefused) {
  Run run = sample_run();
  run.nodes[0].series.pop_back();
  EXPECT_EQ(append(run).error().what, "node 'node' has 2 sensors but 1 series");
  run = sample_run();
  run.nodes[0].series[1].raw.pop_back();
  EXPECT_EQ(append(run).error().what, "node 'node' has a series with columns of different length");
  run = sample_run();
  run.app = "";
  EXPECT_EQ(append(run).error().code, Errc::invalid);
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST_F(StoreTest, AFileHoldsOneApplication) {
  ASSERT_TRUE(append(sample_run()));
  const auto other = append_run(file, sample_run(2, 2, "other"), sample_summary());
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Errc::invalid);
  EXPECT_EQ(other.error().what, "'" + file.string() + "' holds runs of 'app', not of 'other'");
  EXPECT_TRUE(check_appendable(file, "app"));
  const auto checked = check_appendable(file, "other");
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().what, other.error().what);
  EXPECT_EQ(Store::open(file)->list()->size(), 1U);
}

TEST_F(StoreTest, StrangeApplicationNamesWork) {
  for (const std::string app : {"a b", "na/me", "..", "\xC3\xBC", "exp_0"}) {
    const auto path = tree.at("out") / (std::to_string(app.size()) + ".hdf5");
    std::filesystem::remove(path);
    ASSERT_TRUE(append_run(path, sample_run(1, 1, app), sample_summary())) << app;
    ASSERT_TRUE(append_run(path, sample_run(1, 1, app), sample_summary())) << app;
    const auto store = Store::open(path);
    ASSERT_TRUE(store) << store.error().what;
    EXPECT_EQ(store->app(), app);
    EXPECT_EQ(store->list()->size(), 2U);
  }
}

// What readers of other programs need.

struct PlainFile {
  explicit PlainFile(const std::filesystem::path& path) : id(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT)) {}
  ~PlainFile() { H5Fclose(id); }
  hid_t id;
};

TEST_F(StoreTest, TheTreeIsTheDocumentedOne) {
  Run run = sample_run(2, 2);
  run.nodes[0].sensors[1].id = "rapl/package:1";
  ASSERT_TRUE(append(run));
  const PlainFile plain(file);
  ASSERT_GE(plain.id, 0);
  for (const auto* path :
       {"app", "app/exp_0", "app/exp_0/node", "app/exp_0/node/t_ns", "app/exp_0/node/rapl_package_0",
        "app/exp_0/node/rapl_package_1", "app/exp_0/node/total_W", "app/exp_0/node/t_offset_ns",
        "app/exp_0/node/t_halfwidth_ns", "app/exp_0/node/sensor", "app/exp_0/node/clock", "app/exp_0/node/clock_mono_ns"})
    EXPECT_GT(H5Lexists(plain.id, path, H5P_DEFAULT), 0) << path;
  const hid_t device = H5Dopen2(plain.id, "app/exp_0/node/rapl_package_1", H5P_DEFAULT);
  const hid_t time = H5Dopen2(plain.id, "app/exp_0/node/t_ns", H5P_DEFAULT);
  EXPECT_GT(H5DSis_scale(time), 0);
  EXPECT_GT(H5DSis_attached(device, time, 0), 0);
  std::int64_t t[2] = {};
  EXPECT_GE(H5Dread(time, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, t), 0);
  EXPECT_EQ(t[0], test::sample_real_ns);
  EXPECT_EQ(t[1], test::sample_real_ns + 1'000'000'000);
  H5Dclose(device);
  H5Dclose(time);
}

/// In two pieces.
std::vector<double> total_power(const NodeRecord& node, const std::vector<Lane>& all) {
  SeriesInMemory series(node.series);
  TotalPower power(node, series, all);
  std::vector<double> watts(all.front().rows);
  power.next(std::span(watts).first(watts.size() / 2));
  power.next(std::span(watts).subspan(watts.size() / 2));
  return watts;
}

TEST(Lanes, SensorsOfOneTickShareAnAxis) {
  const perun::Run run = awkward_run();
  const auto all = lanes(run.nodes[0]);
  ASSERT_EQ(all.size(), 4U);
  EXPECT_EQ(all[0].members, (std::vector<std::size_t>{0, 1, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT_EQ(all[1].members, (std::vector<std::size_t>{9}));
  EXPECT_EQ(all[2].members, (std::vector<std::size_t>{10}));
  EXPECT_EQ(all[3].members, (std::vector<std::size_t>{11}));
  EXPECT_EQ(all[0].rows, run.nodes[0].series[0].size());
}

TEST(Lanes, WhoFallsBehindOrRunsAheadLeaves) {
  const std::size_t sensors = 5;
  LaneFinder finder(sensors);
  const auto add = [&](std::uint32_t sensor, std::int64_t t_ns) { finder.add(std::array{Sample{sensor, {t_ns, 0, 0}}}); };
  for (std::int64_t k = 0; k < 5000; ++k) {
    const std::int64_t t = k * 100'000'000;
    add(1, t + 5), add(4, t + 9);                     // a pair at 10 Hz
    if (k % 25 == 24) add(0, t), add(2, t + 7);       // a pair that is slower
    if (k >= 4000) add(3, (k - 4000) * 100'000'000);  // the same times as the first pair, but much later
  }
  add(9, 1);  // no sensor of this node
  const auto all = finder.lanes();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].members, (std::vector<std::size_t>{0, 2}));
  EXPECT_EQ(all[0].rows, 200U);
  EXPECT_EQ(all[1].members, (std::vector<std::size_t>{1, 4}));
  EXPECT_EQ(all[1].rows, 5000U);
  EXPECT_EQ(all[2].members, (std::vector<std::size_t>{3}));
  EXPECT_EQ(all[2].rows, 1000U);
}

TEST(TotalPower, IsTheMeanSinceTheReadingBefore) {
  NodeRecord node = test::sample_node("n", 2, 4);  // 10 W and 11 W
  const auto watts = total_power(node, lanes(node));
  ASSERT_EQ(watts.size(), 4U);
  EXPECT_TRUE(std::isnan(watts[0]));
  for (std::size_t k = 1; k < 4; ++k) EXPECT_DOUBLE_EQ(watts[k], 21);
}

TEST(TotalPower, UnwrapsAddsGaugesAndLeavesGaps) {
  NodeRecord node;
  Sensor counter;
  counter.id = "c";
  counter.scale = 1;
  counter.counted = true;
  counter.wraps_at = 99;
  add_sensor(node, counter, 5, 0, 0, 0);
  node.series[0].raw = {90, 95, 5, missing, 25};  // 5 J, 10 J, unknown, 20 J in 2 s
  Sensor gauge = counter;
  gauge.id = "g";
  gauge.quantity = Quantity::power;
  gauge.behavior = Behavior::gauge;
  gauge.scale = 0.5;
  add_sensor(node, gauge, 5, 100, 2, 0);  // 50 W, 51 W ...
  Sensor uncounted = gauge;
  uncounted.counted = false;
  add_sensor(node, uncounted, 5, 1'000'000, 0, 0);
  const auto watts = total_power(node, lanes(node));
  ASSERT_EQ(watts.size(), 5U);
  EXPECT_TRUE(std::isnan(watts[0]));
  EXPECT_DOUBLE_EQ(watts[1], 5 + 51);
  EXPECT_DOUBLE_EQ(watts[2], 10 + 52);
  EXPECT_TRUE(std::isnan(watts[3]));
  EXPECT_DOUBLE_EQ(watts[4], 10 + 54);
  EXPECT_EQ(counted_kind(node), Kind::measured);
}

TEST(TotalPower, LooksUpSensorsOfOtherLanesByTime) {
  NodeRecord node = test::sample_node("n", 1, 4);  // 10 W
  Sensor slow;
  slow.id = "slow";
  slow.quantity = Quantity::power;
  slow.behavior = Behavior::gauge;
  slow.counted = true;
  slow.kind = Kind::estimated;
  add_sensor(node, slow, 2, 7, 100, 0);
  node.series[1].t_ns[1] = test::sample_mono_ns + 3'000'000'000;
  const auto watts = total_power(node, lanes(node));
  ASSERT_EQ(watts.size(), 4U);
  EXPECT_DOUBLE_EQ(watts[1], 117);
  EXPECT_DOUBLE_EQ(watts[3], 117);
  EXPECT_EQ(counted_kind(node), Kind::mixed);
}

TEST(TotalPower, IsOfNoKindWithoutCountedSensors) {
  NodeRecord node = test::sample_node("n", 1, 4);
  node.sensors[0].counted = false;
  EXPECT_EQ(counted_kind(node), Kind::unavailable);
}

}  // namespace
}  // namespace perun
