// SPDX-License-Identifier: BSD-3-Clause
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "analysis/summarize.hpp"
#include "base/fd.hpp"
#include "base/text.hpp"
#include "exchange/json.hpp"
#include "exchange/python.hpp"
#include "exchange/table.hpp"
#include "store/new_file.hpp"
#include "support/equal_runs.hpp"
#include "support/random_run.hpp"
#include "support/sample_run.hpp"
#include "support/tree.hpp"

namespace perun {
namespace {

using Write = Status (*)(const Source&, std::span<const int>, Sink&);

struct ExchangeTest : testing::Test {
  using Run = perun::Run;  // not testing::Test::Run
  test::Tree tree;

  std::filesystem::path stored(const std::vector<Run>& runs, const char* name = "in.hdf5") {
    auto file = tree.at(name);
    for (const auto& run : runs) EXPECT_TRUE(append_run(file, run, summarize(run)));
    return file;
  }
  /// What a format makes of all runs of a file.
  std::string written(const std::filesystem::path& file, Write write) {
    const auto source = Source::open(file);
    EXPECT_TRUE(source) << source.error().what;
    const Fd out(::open(tree.at("out").c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600));
    Sink sink(out.get(), "out");
    EXPECT_TRUE(write(*source, *source->numbers(), sink));
    EXPECT_TRUE(sink.finish());
    std::stringstream text;
    text << std::ifstream(tree.at("out"), std::ios::binary).rdbuf();
    return text.str();
  }
  /// The data file that a source becomes.
  std::filesystem::path remade(const std::filesystem::path& from, const char* name) {
    const auto source = Source::open(from);
    EXPECT_TRUE(source) << source.error().what;
    const auto numbers = *source->numbers();
    std::size_t at = 0;
    const auto made = make_file(tree.at(name), source->app(), [&](Run& run, RunSummary& summary) -> Result<bool> {
      if (at == numbers.size()) return false;
      auto loaded = source->load(numbers[at++]);
      if (!loaded) return loaded.error();
      run = *std::move(loaded);
      summary = summarize(run);
      return true;
    });
    EXPECT_TRUE(made) << made.error().what;
    return tree.at(name);
  }
};

/// R46: integers and doubles to the bit, through data file, JSON and data file.
TEST_F(ExchangeTest, RandomRunsSurviveTheWayThroughJsonToTheBit) {
  for (unsigned seed = 0; seed < 40; ++seed) {
    test::RandomRun random(seed);
    const std::string name = "in" + std::to_string(seed) + ".hdf5", back = "back" + std::to_string(seed) + ".hdf5";
    const auto file = stored({random(), random(), random()}, name.c_str());
    const std::string json = written(file, write_json);
    std::ofstream(tree.at("x.json"), std::ios::binary) << json;
    const auto again = remade(tree.at("x.json"), back.c_str());
    const auto a = Store::open(file), b = Store::open(again);
    ASSERT_TRUE(a && b);
    const std::vector<int> numbers = *a->numbers();
    for (const int number : numbers) {
      const auto before = a->load(number), after = b->load(number);
      ASSERT_TRUE(before) << before.error().what;
      ASSERT_TRUE(after) << after.error().what;
      test::expect_equal(*before, *after);
    }
    EXPECT_EQ(written(again, write_json), json) << seed;
    if (HasFailure()) return;
  }
}

TEST_F(ExchangeTest, DoublesAreEqualBitForBitAndNotJustByValue) {
  Run run = test::sample_run();
  run.factors.pue = -0.0;
  run.outcome.user_s = std::numeric_limits<double>::quiet_NaN();
  run.outcome.system_s = -std::numeric_limits<double>::infinity();
  run.frequency_hz = 0.1 + 0.2;
  std::ofstream(tree.at("x.json")) << written(stored({run}), write_json);
  const auto back = Source::open(tree.at("x.json"))->load(0);
  EXPECT_TRUE(std::signbit(back->factors.pue));
  EXPECT_TRUE(std::isnan(back->outcome.user_s));
  EXPECT_EQ(back->outcome.system_s, run.outcome.system_s);
  EXPECT_EQ(back->frequency_hz, 0.30000000000000004);
}

TEST_F(ExchangeTest, JsonIsRefusedWithThePlaceOfWhatIsWrong) {
  const auto good = Json::parse(written(stored({test::sample_run(), test::sample_run()}), write_json));
  const auto wrong = [&](const char* pointer, const Json& value) {
    Json bad = good;
    bad[Json::json_pointer(pointer)] = value;
    const auto read = read_json(bad);
    return read ? std::string("accepted") : read.error().what;
  };
  EXPECT_EQ(wrong("/runs/1/nodes/0/sensors/1/raw/2", 1),
            "runs[1].nodes[0].sensors[1]: 't_ns', 'raw' and 'halfwidth_ns' differ in length");
  EXPECT_EQ(wrong("/runs/1/nodes/0/sensors/1/raw/0", 1.5), "runs[1].nodes[0].sensors[1]: 'raw' is no integer");
  EXPECT_EQ(wrong("/runs/0/nodes/0/sensors/0/index", 65'536), "runs[0].nodes[0].sensors[0]: 'index' is too large");
  EXPECT_EQ(wrong("/runs/0/nodes/0/sensors/0/halfwidth_ns/0", 2'147'483'648),
            "runs[0].nodes[0].sensors[0]: 'halfwidth_ns' is too large");
  EXPECT_TRUE(
      wrong("/runs/0/nodes/0/sensors/0/domain", "moon").starts_with("runs[0].nodes[0].sensors[0]: 'domain' is none of node"));
  EXPECT_EQ(wrong("/runs/0/begin", Json::array({1})), "runs[0]: 'begin' is no pair of times");
  EXPECT_EQ(wrong("/runs/0/factors/pue", "1.2"), "runs[0]: 'pue' is no number");
  EXPECT_EQ(wrong("/runs/0/id", {{"hex", "0g"}}), "runs[0]: 'id': 'hex' holds what is no digit");
  EXPECT_EQ(wrong("/runs", 1), "'runs' is no array");
  const Json marks{{"names", {"a"}},         {"threads", Json::array()}, {"timeline", {{1, 7, 0, 1, 0.0}}},
                   {"holes", Json::array()}, {"sums", Json::array()},    {"losses", {0, 0, 0, 0, 0, 0}}};
  EXPECT_EQ(wrong("/runs/0/nodes/0/marks", marks), "runs[0].nodes[0]: 'marks' speak of a name or thread that is not listed");
  Json without = good;
  without["runs"][0].erase("outcome");
  EXPECT_EQ(read_json(without).error().what, "runs[0]: 'outcome' is missing");
  // Every value in turn replaced by something of another type: refused, or harmless, and never a crash.
  const Json flat = good["runs"][0].flatten();
  for (const auto& [key, value] : flat.items())
    for (const Json& other : {Json(nullptr), Json("x"), Json(-1), Json::array(), Json::object(), Json(1e300)}) {
      Json bad = good;
      bad[Json::json_pointer("/runs/0" + key)] = other;
      if (const auto read = read_json(bad); !read) {
        EXPECT_EQ(read.error().code, Errc::format);
      }
    }
}

TEST_F(ExchangeTest, LongCsvHasEveryReading) {
  Run run = test::sample_run(2, 3);
  run.nodes[0].sensors[1].id = "odd \"id\", 1";
  run.nodes[0].series[0].raw[1] = missing;
  const auto lines = text::split(written(stored({run}), write_csv_long), '\n');
  const std::string text = written(stored({}), write_csv_long);
  const auto rows = text::split(text, '\n');
  ASSERT_EQ(rows.size(), 8U);
  EXPECT_EQ(rows[0], "run,node,sensor,time_ns,mono_ns,halfwidth_ns,raw,value,unit,quantity,behavior,kind");
  EXPECT_EQ(rows[1], "0,node,rapl:package-0,1795370651123456789,5000000000,1000,1000000,1,J,energy,counter,measured");
  EXPECT_EQ(rows[2], "0,node,rapl:package-0,1795370652123456789,6000000000,1000,,,J,energy,counter,measured");
  EXPECT_EQ(rows[5], "0,node,\"odd \"\"id\"\", 1\",1795370652123457489,6000000700,1021,12000000,12,J,energy,counter,measured");
  EXPECT_EQ(rows[7], "");
}

TEST_F(ExchangeTest, WideCsvHasAColumnForEachSensorOfAllRuns) {
  Run one = test::sample_run(2, 2), two = test::sample_run(1, 2);
  two.id = "run-2";
  Sensor slow = two.nodes[0].sensors[0];
  slow.id = "ipmi:node";
  slow.quantity = Quantity::power;
  test::add_sensor(two.nodes[0], slow, 1, 250'000, 1, 500'000'000);  // half a second after the first tick
  two.nodes[0].series[0].raw[1] = missing;
  const std::string text = written(stored({one, two}), write_csv_wide);
  const auto rows = text::split(text, '\n');
  ASSERT_EQ(rows.size(), 7U);
  EXPECT_EQ(
      rows[0],
      "run,node,time_ns,mono_ns,rapl:package-0 raw,rapl:package-0 [J],rapl:package-1 raw,rapl:package-1 [J],ipmi:node raw,"
      "ipmi:node [W]");
  EXPECT_EQ(rows[1], "0,node,1795370651123456789,5000000000,1000000,1,1000000,1,,");
  EXPECT_EQ(rows[2], "0,node,1795370652123456789,6000000000,11000000,11,12000000,12,,");
  EXPECT_EQ(rows[3], "1,node,1795370651123456789,5000000000,1000000,1,,,,");
  EXPECT_EQ(rows[4], "1,node,1795370651623456789,5500000000,,,,,250000,0.25");
  EXPECT_EQ(rows[5], "1,node,1795370652123456789,6000000000,,,,,,");
}

TEST_F(ExchangeTest, EveryLineOfJsonLinesStandsAlone) {
  Run run = test::sample_run(2, 3);
  run.nodes[0].series[1].raw[2] = missing;
  const std::string text = written(stored({run}), write_jsonl);
  std::map<std::string, int> types;
  Json last;
  for (const auto line : text::split(text, '\n')) {
    if (line.empty()) continue;
    last = Json::parse(line);
    ++types[last.at("type").get<std::string>()];
  }
  EXPECT_EQ(types, (std::map<std::string, int>{{"file", 1}, {"run", 1}, {"node", 1}, {"sensor", 2}, {"reading", 6}}));
  EXPECT_EQ(last.at("sensor"), "rapl:package-1");
  EXPECT_TRUE(last.at("raw").is_null() && last.at("value").is_null());
  EXPECT_EQ(last.at("time_ns"), 1'795'370'653'123'457'489);
}

TEST_F(ExchangeTest, AReaderThatWentAwayIsNoErrorAFullDiskIsOne) {
  const auto file = stored({test::sample_run(2, 50'000)});
  const auto source = Source::open(file);
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ::close(ends[0]);
  ::signal(SIGPIPE, SIG_IGN);
  Sink closed(ends[1], "pipe");
  ASSERT_TRUE(write_csv_long(*source, *source->numbers(), closed));
  EXPECT_TRUE(closed.failed());
  EXPECT_TRUE(closed.finish());
  ::close(ends[1]);
  const Fd full(::open("/dev/full", O_WRONLY));
  Sink disk(full.get(), "x.csv");
  ASSERT_TRUE(write_csv_long(*source, *source->numbers(), disk));
  const auto told = disk.finish();
  ASSERT_FALSE(told);
  EXPECT_EQ(told.error().what, "cannot write x.csv: No space left on device");
}

TEST_F(ExchangeTest, WhatIsNoFileOfRuns) {
  const auto told = [&](const char* name, const std::string& text) {
    tree.file(name, text);
    const auto opened = Source::open(tree.at(name));
    return opened ? std::string("accepted") : opened.error().what.substr(opened.error().what.find(name));
  };
  const std::string deep =
      R"({"id":"a","type":1,"nodes":[],"metadata":{"x":)" + std::string(200'000, '[') + std::string(200'000, ']');
  EXPECT_EQ(told("deep.json", deep + "}}"), "deep.json' is nested more than 64 deep");
  EXPECT_EQ(told("a.json", "{}"), "a.json' is neither JSON of perun nor of the Python perun");
  EXPECT_EQ(told("b.json", R"({"schema":"perun-report/1","runs":[]})"),
            "b.json' is of schema 'perun-report/1', not 'perun-data/1'");
  EXPECT_TRUE(told("c.json", "{\"schema\":").starts_with("c.json' is not JSON: "));
  EXPECT_EQ(told("d.hdf5", "text"), "d.hdf5' is not an HDF5 file");
  EXPECT_EQ(told("e.json", ""), "e.json' is not an HDF5 file");
  EXPECT_EQ(Source::open(tree.at("none")).error().code, Errc::not_found);
  EXPECT_FALSE(Source::open(tree.at("")));
  Json twice = Json::parse(written(stored({test::sample_run()}), write_json));
  twice["runs"].push_back(twice["runs"][0]);
  EXPECT_EQ(told("f.json", twice.dump()), "f.json' holds run 0 twice");
}

/// The tree of the Python perun in JSON, as its writer leaves it: `nodes` in an array of one, NaN where it had none.
TEST_F(ExchangeTest, JsonOfThePythonPerun) {
  const auto meta = [](const char* unit, double mag, const char* dtype, const Json& max) {
    return Json{{"unit", unit}, {"mag", mag}, {"dtype", dtype}, {"min", 0}, {"max", max}, {"fill", 0}};
  };
  const auto node = [](const char* id, int type, const Json& nodes) {
    return Json{{"id", id},           {"type", type},          {"metadata", Json::object()}, {"metrics", Json::object()},
                {"regions", nullptr}, {"deviceType", nullptr}, {"processed", true},          {"nodes", Json::array({nodes})}};
  };
  Json sensor = node("cpu_0_package-0", 6, Json::object());
  sensor["deviceType"] = "cpu";
  const Json wrap = 262'143'328'850;
  sensor["raw_data"] = {{"timesteps", {0.0, 1.0, 2.0}},
                        {"values", {50.0, 50.0, 50.0}},
                        {"t_md", meta("s", 1, "float32", 1e9)},
                        {"v_md", meta("W", 1, "float32", 1e9)},
                        {"alt_values", {262'143'328'850 - 20'000'000, 30'000'000, 80'000'000}},
                        {"alt_v_md", meta("J", 1e-6, "uint64", wrap)}};
  Json gpu = node("CUDA:3_POWER", 6, Json::object());
  gpu["deviceType"] = "gpu";
  gpu["raw_data"] = {{"timesteps", {0.0, 1.0, 2.0}},
                     {"values", {70'000, 70'000, 70'000}},
                     {"t_md", meta("s", 1, "float32", 1e9)},
                     {"v_md", meta("W", 1e-3, "uint32", 400'000)}};
  Json usage = node("CPU_USAGE_0", 6, Json::object());
  usage["deviceType"] = "cpu";
  usage["raw_data"] = {{"timesteps", {0.0, 1.0, 2.0}},
                       {"values", {0.0, 12.5, 100.0}},
                       {"t_md", meta("s", 1, "float32", 1e9)},
                       {"v_md", meta("%", 1, "float32", 100)}};
  const Json group = node("cpu", 5, {{"cpu_0_package-0", sensor}, {"CPU_USAGE_0", usage}});
  const Json gpus = node("gpu", 5, {{"CUDA:3_POWER", gpu}});
  const Json host = node("hk01", 4, {{"cpu", group}, {"gpu", gpus}});
  Json second = node("1", 3, {{"hk01", host}});
  second["regions"] = {
      {"train", {{"id", "train"}, {"raw_data", {{"0", {0.25, 1.25}}, {"1", {0.5, nullptr, 1.0}}, {"x", {1}}}}}}};
  Json rounds = node("20240506", 2, {{"0", node("0", 3, {{"hk01", host}})}, {"1", second}});
  rounds["metadata"] = {{"app_name", "train"},
                        {"perun_version", "0.9.1"},
                        {"execution_dt", "2024-05-06T07:08:09.250000"},
                        {"monitor.sampling_period", "0.5"},
                        {"post-processing.pue", "1.2"},
                        {"post-processing.emissions_factor", "230.0"},
                        {"post-processing.price_factor", "0.2678"},
                        {"post-processing.power_overhead", "30"}};
  const auto read = read_python_json(node("train", 1, {{"20240506", rounds}}));
  ASSERT_TRUE(read) << read.error().what;
  EXPECT_EQ(read->app, "train");
  ASSERT_EQ(read->runs.size(), 2U);
  const Run& run = read->runs[1];
  EXPECT_EQ(run.number, 1);
  EXPECT_EQ(run.id, "train/20240506/1");
  EXPECT_EQ(run.round, 1);
  EXPECT_EQ(run.frequency_hz, 2);
  EXPECT_EQ(run.begin.real_ns, 1'714'979'289'250'000'000);
  EXPECT_EQ(run.factors.pue, 1.2);
  EXPECT_DOUBLE_EQ(run.factors.emissions_kg_per_kWh, 0.23);
  EXPECT_DOUBLE_EQ(run.factors.price_cent_per_kWh, 26.78);
  EXPECT_EQ(run.factors.overhead_power_W, 30);
  EXPECT_NE(run.origin.find("Python perun 0.9.1"), std::string::npos);
  ASSERT_EQ(run.nodes.size(), 1U);
  ASSERT_EQ(run.nodes[0].sensors.size(), 3U);
  EXPECT_TRUE(read->runs[0].nodes[0].marks.empty());
  const Marks& marks = run.nodes[0].marks;
  ASSERT_EQ(marks.names, (std::vector<std::string>{std::string(other_names), "train"}));
  ASSERT_EQ(marks.threads.size(), 2U);
  EXPECT_EQ(marks.threads[1].rank, 1);
  const std::int64_t t = run.begin.mono_ns;
  using enum MarkKind;
  EXPECT_EQ(marks.timeline, (std::vector<Mark>{{t + 250'000'000, 1, 0, begin},
                                               {t + 500'000'000, 1, 1, begin},
                                               {t + 1'000'000'000, 1, 1, begin},
                                               {t + 1'250'000'000, 1, 0, end}}))
      << "what is no time is left out";
  const auto summary = summarize(run);
  EXPECT_NEAR(summary.usage.energy.joules(), 100 + 140, 1e-6) << "the counter wraps, the gauge is 70 W for 2 s";
  EXPECT_EQ(summary.usage.energy.kind, Kind::measured);
  EXPECT_EQ(summary.usage.duration_s, 2);
  EXPECT_NEAR(summary.footprint->facility_kWh, (240 + 60) * 1.2 / 3.6e6, 1e-12);
  bool noted = false;
  for (const auto& note : summary.notes) noted = noted || note.caveat == Caveat::foreign_data;
  EXPECT_TRUE(noted);
}

}  // namespace
}  // namespace perun
