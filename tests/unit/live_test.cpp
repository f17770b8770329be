// SPDX-License-Identifier: BSD-3-Clause
// What `perun live` and `perun serve` know of a run in progress, read beside its writer.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "base/json.hpp"
#include "base/text.hpp"
#include "journal/journal.hpp"
#include "live/frame.hpp"
#include "live/graph.hpp"
#include "live/keys.hpp"
#include "live/watch.hpp"
#include "report/layout.hpp"
#include "support/runs.hpp"
#include "support/tree.hpp"

namespace perun {
namespace {

using live::Choice;
using live::Watch;
constexpr std::int64_t second = 1'000'000'000;

/// A journal of a node with sensors of its own, written step by step.
class Written {
 public:
  explicit Written(std::vector<Sensor> sensors, std::string host = "gpu07") {
    perun::Run run = test::make_run(100);
    run.id = journal::new_run_key();
    run.app = "train";
    run.outcome = {};
    NodeRecord node = test::make_node(host, 100);
    node.sensors = std::move(sensors);
    node.series.resize(node.sensors.size());
    run.nodes.push_back(std::move(node));
    auto made = journal::Writer::create(folder_.root(), run);
    if (!made) throw std::runtime_error(made.error().what);
    writer_.emplace(*std::move(made));
    writer_->begin({test::run_begin_mono, test::run_begin_real});
  }
  journal::Writer& writer() { return *writer_; }
  /// What sensor `i` shows `t_s` after the begin.
  void reading(std::uint32_t i, double t_s, std::int64_t raw) {
    const Sample sample{
        i, {.t_ns = test::run_begin_mono + static_cast<std::int64_t>(t_s * 1e9), .raw = raw, .halfwidth_ns = 1000}};
    writer_->samples({&sample, 1});
  }
  void flush() { ASSERT_TRUE(writer_->flush()); }
  Watch watch() {
    return Watch([path = writer_->path()] { return std::vector{path}; });
  }

 private:
  test::Tree folder_;
  std::optional<journal::Writer> writer_;
};

Sensor microjoules(const char* id, std::int64_t wraps_at = 0) {
  Sensor s;
  s.id = s.label = id;
  s.source = "rapl";
  s.domain = Domain::package;
  s.scale = 1e-6;
  s.wraps_at = wraps_at;
  s.refresh_ns = 1'000'000;
  s.max_power_W = 1500;
  s.counted = true;
  return s;
}

Marks marks(std::vector<std::string> names, std::vector<Mark> timeline) {
  Marks out;
  out.names = std::move(names);
  out.threads = {{.number = 0, .pid = 7, .tid = 7}, {.number = 1, .pid = 7, .tid = 8}};
  out.timeline = std::move(timeline);
  return out;
}

Mark mark(double t_s, std::uint32_t name, MarkKind kind, std::uint16_t thread = 0) {
  return {.t_ns = test::run_begin_mono + static_cast<std::int64_t>(t_s * 1e9), .name = name, .thread = thread, .kind = kind};
}

TEST(Live, ACountersEnergyAndPowerGrowWithItsReadings) {
  Written w({microjoules("cpu:0", 1'000'000'000)});
  Watch watch = w.watch();
  ASSERT_TRUE(watch.poll());
  for (int i = 0; i <= 40; ++i) w.reading(0, i * 0.1, (900'000'000 + i * 10'000'000) % 1'000'000'000);  // 100 W, wraps
  w.flush();
  ASSERT_TRUE(watch.poll());
  auto view = watch.view(4, 8);
  EXPECT_NEAR(view.joules, 400, 1e-6);
  EXPECT_NEAR(view.watts.value(), 100, 1e-6);
  EXPECT_NEAR(view.elapsed_s, 4, 1e-9);
  EXPECT_EQ(view.kind, Kind::measured);
  ASSERT_EQ(view.history.size(), 8U);
  for (const auto& watts : view.history) EXPECT_NEAR(watts.value(), 100, 1e-6);
  for (int i = 41; i <= 60; ++i) w.reading(0, i * 0.1, (900'000'000 + 400'000'000 + (i - 40) * 30'000'000) % 1'000'000'000);
  w.flush();
  ASSERT_TRUE(watch.poll());
  view = watch.view();
  EXPECT_NEAR(view.joules, 400 + 600, 1e-6);
  EXPECT_NEAR(view.watts.value(), 300, 1e-6);
  EXPECT_NEAR(view.co2e_kg, 1000 / 3.6e6 * 1.58 * 0.355, 1e-9);
}

TEST(Live, FailedReadingsAndResetsAddNothing) {
  Written w({microjoules("cpu:0")});
  w.reading(0, 0, 5'000'000);
  w.reading(0, 1, missing);
  w.reading(0, 2, 205'000'000);
  w.reading(0, 3, 1'000'000);  // set back
  w.reading(0, 4, 101'000'000);
  w.flush();
  Watch watch = w.watch();
  ASSERT_TRUE(watch.poll());
  EXPECT_NEAR(watch.view().joules, 200 + 100, 1e-6);
  EXPECT_EQ(watch.view().nodes[0].missed, 1U);
}

TEST(Live, AMeterThatFallsSilentHasNoPower) {
  Written w({microjoules("cpu:0"), microjoules("cpu:1")});
  for (int i = 0; i < 30; ++i) {
    if (i < 3) w.reading(0, i, i * 10'000'000);
    w.reading(1, i, i * 20'000'000);
  }
  w.flush();
  Watch watch = w.watch();
  ASSERT_TRUE(watch.poll());
  EXPECT_FALSE(watch.view().devices[0].watts.has_value());
  EXPECT_NEAR(watch.view().devices[1].watts.value(), 20, 1e-6);
}

TEST(Live, NothingMeasuredIsNotZero) {
  Sensor busy;
  busy.id = busy.label = "proc:cpu_busy";
  busy.quantity = Quantity::utilization;
  Written w({busy});
  w.reading(0, 1, 10);
  w.flush();
  Watch watch = w.watch();
  ASSERT_TRUE(watch.poll());
  const auto view = watch.view();
  EXPECT_EQ(view.kind, Kind::unavailable);
  EXPECT_TRUE(Json::parse(live::json_line(view))["energy_J"].is_null());
  EXPECT_NE(live::frame(view, {})[1].text.find("n/a"), std::string::npos);
}

TEST(Live, RegionsHaveCallsTimeAndTheNodesEnergyMeanwhile) {
  Written w({microjoules("cpu:0")});
  for (int i = 0; i <= 20; ++i) w.reading(0, i * 0.5, i * 50'000'000);  // 100 W
  w.writer().marks(
      marks({"", "train", "inner"}, {mark(1, 1, MarkKind::begin), mark(2, 2, MarkKind::begin), mark(3, 2, MarkKind::end),
                                     mark(4, 1, MarkKind::end), mark(5, 1, MarkKind::begin), mark(6, 1, MarkKind::begin, 1),
                                     mark(7, 1, MarkKind::end), mark(8, 1, MarkKind::end, 1), mark(9, 2, MarkKind::begin)}));
  w.reading(0, 10.5, 1'050'000'000);
  w.flush();
  Watch watch = w.watch();
  ASSERT_TRUE(watch.poll());
  const auto view = watch.view();
  ASSERT_EQ(view.regions.size(), 2U);
  const auto& train = view.regions[0];
  EXPECT_EQ(train.name, "train");
  EXPECT_EQ(train.calls, 3U);
  EXPECT_NEAR(train.wall_s, 3 + 3, 1e-6);  // two threads at once are one stretch
  EXPECT_NEAR(train.joules, 600, 1);
  EXPECT_FALSE(train.open);
  EXPECT_TRUE(view.regions[1].open);
  EXPECT_NEAR(view.regions[1].wall_s, 1 + 1.5, 1e-6);
  EXPECT_EQ(view.region, "inner");
}

TEST(Live, SeesTheEndOfTheRun) {
  Written w({microjoules("cpu:0")});
  w.reading(0, 1, 1);
  w.flush();
  Watch watch = w.watch();
  ASSERT_TRUE(watch.poll());
  EXPECT_FALSE(watch.over());
  w.writer().outcome({.finished = true, .exit_code = 3},
                     {test::run_begin_mono + 2 * second, test::run_begin_real + 2 * second});
  w.writer().end();
  w.flush();
  ASSERT_TRUE(watch.poll());
  EXPECT_TRUE(watch.over());
  EXPECT_EQ(watch.view().ending, "exit 3");
  EXPECT_NEAR(watch.view().elapsed_s, 2, 1e-9);
}

TEST(Live, AJournalThatIsTakenAwayIsTheEnd) {
  Written w({microjoules("cpu:0")});
  w.flush();
  Watch watch = w.watch();
  ASSERT_TRUE(watch.poll());
  EXPECT_FALSE(watch.over());
  w.writer().marks(
      marks({"(other names)", "step"}, {{.t_ns = test::run_begin_mono, .name = 1, .kind = MarkKind::begin},
                                        {.t_ns = test::run_begin_mono + second, .name = 1, .kind = MarkKind::end}}));
  w.flush();
  std::filesystem::remove(w.writer().path());
  EXPECT_FALSE(watch.over()) << "its last words were not read yet";
  ASSERT_TRUE(watch.poll());
  EXPECT_TRUE(watch.over());
  ASSERT_EQ(watch.view().regions.size(), 1U);
  EXPECT_EQ(watch.view().regions[0].calls, 1U);
}

TEST(Live, NodesOfAJobAddUp) {
  Written a({microjoules("cpu:0")}, "n1"), b({microjoules("cpu:0")}, "n2");
  for (int i = 0; i <= 4; ++i) {
    a.reading(0, i, i * 100'000'000);
    b.reading(0, i, i * 200'000'000);
  }
  a.flush();
  b.flush();
  Watch watch([&] { return std::vector{a.writer().path(), b.writer().path()}; });
  ASSERT_TRUE(watch.poll());
  const auto view = watch.view();
  EXPECT_NEAR(view.joules, 1200, 1e-6);
  EXPECT_NEAR(view.watts.value(), 300, 1e-6);
  ASSERT_EQ(view.nodes.size(), 2U);
  EXPECT_EQ(view.devices[1].node, 1U);
  const auto lines = live::frame(view, {});
  EXPECT_TRUE(std::ranges::any_of(lines, [](const auto& line) { return line.text.starts_with("n2 "); }));
}

/// Much of everything, with names that must stay names.
live::RunView full_view() {
  live::RunView view;
  view.id = "20261125T000000Z-1";
  view.app = "train\x1B[31m\n";
  view.kind = Kind::mixed;
  view.joules = 1'262'000;
  view.watts = 1893;
  view.elapsed_s = 751;
  view.highest_W = 1934;
  view.region =
      "\xE2\x80\xAE"
      "evil";
  for (int i = 0; i < 112; ++i) view.history.emplace_back(i < 20 ? std::optional<double>() : 17.0 * i);
  for (int n = 0; n < 3; ++n) {
    live::NodeView node;
    node.host = "node" + std::to_string(n);
    node.kind = Kind::measured;
    node.cpu_utilization = 0.97;
    view.nodes.push_back(node);
    for (int d = 0; d < 6; ++d) {
      live::DeviceView device;
      device.node = static_cast<std::size_t>(n);
      device.label = (d < 4 ? "gpu:" : "\xE5\xA4\xA7:") + std::to_string(d);
      device.id = device.label;
      device.domain = d < 4 ? Domain::gpu : Domain::package;
      device.counted = d != 5;
      device.kind = d == 4 ? Kind::estimated : Kind::measured;
      device.watts = 391.0 - d;
      device.limit_W = 400;
      device.utilization = 0.96;
      device.temperature_C = 64;
      device.clock_Hz = 1.41e9;
      device.joules = 252'000.0 + d;
      view.devices.push_back(device);
    }
  }
  for (int r = 0; r < 30; ++r) {
    live::RegionView region;
    region.name = "phase\t" + std::to_string(r);
    region.calls = 3;
    region.wall_s = 675;
    region.joules = 1000.0 * r;
    view.regions.push_back(region);
  }
  return view;
}

TEST(LiveFrame, FitsEveryScreen) {
  const auto view = full_view();
  for (const std::size_t width : {60U, 80U, 100U, 200U, 20U, 1U})
    for (const std::size_t height : {12U, 24U, 50U, 3U, 1U})
      for (const bool utf8 : {true, false}) {
        Choice choice{.width = width, .height = height, .utf8 = utf8};
        choice.log = {"a\x1B[2J", "b"};
        const auto lines = live::frame(view, choice);
        EXPECT_LE(lines.size(), height);
        for (const auto& line : lines) {
          EXPECT_LE(layout::columns(line.text), width) << line.text;
          EXPECT_TRUE(text::is_utf8(line.text));
          EXPECT_TRUE(std::ranges::none_of(line.text, [](unsigned char c) { return c < 0x20 || c == 0x7F; })) << line.text;
          if (!utf8) {
            EXPECT_TRUE(std::ranges::all_of(line.text, [](unsigned char c) { return c < 0x80; })) << line.text;
          }
        }
      }
}

bool shows(const std::vector<live::Line>& lines, std::string_view text) {
  return std::ranges::any_of(lines, [&](const auto& line) { return line.text.find(text) != std::string::npos; });
}

TEST(LiveFrame, SixtyByTwelveHasWhatMatters) {
  const auto lines = live::frame(full_view(), {.width = 60, .height = 12});
  for (const auto* text :
       {"00:12:31", "Power 1893 W", "Energy 1.262 MJ", "(partly estimated)", "DEVICE", "more", "REGION", "[q]uit"})
    EXPECT_TRUE(shows(lines, text)) << text;
}

TEST(LiveFrame, ShowsLimitsAndWhatIsEstimatedOrNotCounted) {
  const auto lines = live::frame(full_view(), {.width = 120, .height = 60});
  for (const auto* text : {"400 ", "96 %", "64 C", "1.41", "(estimated)", "not in total", "CPU 97 %"})
    EXPECT_TRUE(shows(lines, text)) << text;
}

TEST(LiveFrame, KeysChangeWhatIsShown) {
  Choice choice{.width = 100, .height = 60};
  const auto key = [&](char c) { return live::press(choice, {.character = c}); };
  EXPECT_TRUE(key('u'));
  EXPECT_TRUE(shows(live::frame(full_view(), choice), "Wh"));
  EXPECT_TRUE(key('g'));
  EXPECT_TRUE(shows(live::frame(full_view(), choice), "12 x GPU"));
  EXPECT_TRUE(key('g'));
  EXPECT_TRUE(key('/'));
  for (const char c : std::string("gpu:1")) EXPECT_TRUE(key(c));
  EXPECT_TRUE(live::press(choice, {.special = live::SpecialKey::enter}));
  EXPECT_FALSE(shows(live::frame(full_view(), choice), "gpu:2"));
  EXPECT_TRUE(live::press(choice, {.special = live::SpecialKey::escape}));
  EXPECT_TRUE(shows(live::frame(full_view(), choice), "gpu:2"));
  EXPECT_TRUE(key('h'));
  EXPECT_TRUE(shows(live::frame(full_view(), choice), "Keys"));
  EXPECT_TRUE(key('m'));
  EXPECT_EQ(choice.wish, live::Wish::mark);
  EXPECT_TRUE(key('e'));
  EXPECT_EQ(choice.wish, live::Wish::save);
  EXPECT_TRUE(key('t'));
  EXPECT_EQ(choice.window_s, 300);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(live::press(choice, {.special = live::SpecialKey::down}));
  EXPECT_TRUE(key('h'));
  EXPECT_FALSE(live::frame(full_view(), choice).empty());
  EXPECT_FALSE(key('q'));
}

TEST(LiveFrame, ProcessesAndForecast) {
  auto view = full_view();
  view.history = {1000.0, std::nullopt, 2000.0};
  view.co2e_kg = 0.1966;
  view.cost_cent = 23;
  EXPECT_FALSE(shows(live::frame(view, {}), "PROCESS"));
  for (int i = 0; i < 40; ++i) view.processes.push_back({100 + i, "work\x1B", 8.12, 1000.0});
  view.processes_kind = Kind::estimated;
  const auto lines = live::frame(view, {.width = 80, .height = 40});
  for (const auto* text : {"PROCESS", "work\\x1b", "812 %", "1.000 kJ  (estimated)", "forecast: 5.400 MJ  841.2 g CO2e",
                           " an hour (partly estimated)"})
    EXPECT_TRUE(shows(lines, text)) << text;
  view.devices.resize(1);
  view.nodes.resize(1);
  view.regions.clear();
  const auto low = live::frame(view, {.width = 60, .height = 12});
  EXPECT_EQ(low.size(), 12U);
  EXPECT_TRUE(shows(low, "PROCESS"));
  EXPECT_TRUE(shows(low, "more"));
  view.processes[0].joules.reset();
  view.processes.resize(1);
  EXPECT_TRUE(shows(live::frame(view, {.width = 60, .height = 12}), "forecast: 5.400 MJ"));
  EXPECT_FALSE(shows(live::frame(view, {.width = 60, .height = 12}), "share) "));
  view.over = true;
  EXPECT_FALSE(shows(live::frame(view, {.width = 60, .height = 12}), "forecast"));
}

TEST(LiveFrame, GraphsShowGapsLowsAndHighs) {
  const std::vector<std::optional<double>> values{std::nullopt, std::nullopt, 0, 50, 100, 100};
  EXPECT_EQ(live::graph::curve(values, 100, true), "\u2800\u28E0\u28FF");
  EXPECT_EQ(live::graph::curve(values, 100, false), "  _-##");
  EXPECT_EQ(live::graph::bar(0.5, 10, false), "[#####     ]");
  EXPECT_EQ(layout::columns(live::graph::bar(0.77, 10, true)), 12U);
  EXPECT_EQ(layout::columns(live::graph::bar(7, 10, true)), 12U);
}

}  // namespace
}  // namespace perun
