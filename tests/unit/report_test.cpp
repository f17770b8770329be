// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <regex>
#include <set>
#include <string>

#include "base/json.hpp"
#include "base/text.hpp"
#include "report/hints.hpp"
#include "report/layout.hpp"
#include "report/wording.hpp"
#include "report/writer.hpp"
#include "support/runs.hpp"

namespace perun {
namespace {

std::string written(const Summary& summary, std::string_view format, const Style& style = {}) {
  return find_report_writer(format)->write(summary, style);
}

perun::Run (*const all_runs[])() = {&test::measured_run,    &test::mixed_run, &test::estimated_run, &test::unavailable_run,
                                    &test::interrupted_run, &test::nodes_run, &test::awkward_run};

TEST(Writers, AreFoundByNameAndDescribeThemselves) {
  std::set<std::string_view> names;
  for (const ReportWriter* writer : report_writers()) {
    EXPECT_EQ(find_report_writer(writer->name), writer);
    EXPECT_FALSE(writer->summary.empty());
    names.insert(writer->name);
  }
  names.erase("html");  // where it was built
  EXPECT_EQ(names, (std::set<std::string_view>{"txt", "yaml", "yml", "json", "md", "csv", "bench", "prometheus"}));
  EXPECT_EQ(find_report_writer("postscript"), nullptr);
  EXPECT_EQ(find_report_writer(""), nullptr);
}

TEST(Writers, EveryDocumentEndsInOneNewlineAndIsUtf8) {
  for (const auto run : all_runs)
    for (const ReportWriter* writer : report_writers()) {
      const std::string text = writer->write(test::summary_of(run(), 3), {});
      EXPECT_TRUE(text.ends_with("\n") && !text.ends_with("\n\n")) << writer->name;
      EXPECT_TRUE(text::is_utf8(text)) << writer->name;
    }
}

TEST(OneLine, IsTheQuietForm) {
  Summary s = test::summary_of(test::measured_run(), 8);
  s.runs[0].number = 7;
  s.runs[0].usage.duration_s = 1250;
  s.runs[0].usage.energy.measured_J = 2'146'700;
  s.runs[0].usage.power_mean_W = 2'146'700 / 1250.0;
  s.runs[0].footprint = footprint(s.runs[0].usage.energy.joules(), s.runs[0].factors);
  EXPECT_EQ(one_line(s, s.runs[0]), "perun: 2.147 MJ 1250.0 s 1717 W 334.5 gCO2e results/train.hdf5#7\n");
  const Summary e = test::summary_of(test::estimated_run(), 1);
  EXPECT_EQ(one_line(e, e.runs[0]),
            "perun: 2.712 kJ (estimated) 60.0 s 45.20 W (estimated) 422.5 mgCO2e (estimated) results/train.hdf5#6\n");
  Summary none = test::summary_of(test::unavailable_run(), 1);
  none.file.clear();
  EXPECT_EQ(one_line(none, none.runs[0]), "perun: energy n/a 60.0 s\n");
}

TEST(Wording, ScalesFromMicrojoulesToGigajoules) {
  EXPECT_EQ(wording::watts(1717.4), "1717 W");
  EXPECT_EQ(wording::watts(12'346), "12.35 kW");
  EXPECT_EQ(wording::watts(0.5), "500.0 mW");
  EXPECT_EQ(wording::watts(0), "0 W");
  EXPECT_EQ(wording::co2e(0.3345), "334.5 g");
  EXPECT_EQ(wording::co2e(1.5e-9), "1.500 ug");
  EXPECT_EQ(wording::co2e(12.34), "12.34 kg");
  EXPECT_EQ(wording::co2e(1560), "1.560 t");
  EXPECT_EQ(wording::cost(39.184), "39.18 ct");
  EXPECT_EQ(wording::cost(391.84), "3.92 EUR");
  EXPECT_EQ(wording::cost(99.999), "1.00 EUR");
  EXPECT_EQ(wording::cost(1.8254e-10), "1.825e-10 ct");
  EXPECT_EQ(wording::cost(0), "0 ct");
  EXPECT_EQ(wording::cost(1'234'567), "12350 EUR");
  EXPECT_EQ(wording::ending({.finished = true, .exit_code = 3}), "exit 3");
  EXPECT_EQ(wording::ending({.finished = true, .exit_code = 137, .signal = 9}), "exit 137 (signal 9)");
}

TEST(Text, NumbersAreReadableFromTenMicrojoulesToTenGigajoules) {
  for (const auto& [joules, expected] :
       {std::pair{10e-6, "10.00 uJ"}, {0.4, "400.0 mJ"}, {3200.0, "3.200 kJ"}, {1.9e6, "1.900 MJ"}, {10e9, "10.00 GJ"}}) {
    Summary s = test::summary_of(test::measured_run(), 1);
    RunSummary& run = s.runs[0];
    run.usage.energy.measured_J = joules;
    run.footprint = footprint(run.usage.energy.joules(), run.factors);
    const std::string text = written(s, "txt");
    EXPECT_NE(text.find(std::string("  Energy    ") + expected + " "), std::string::npos) << text;
    EXPECT_EQ(text.find("0.000"), std::string::npos) << text;
  }
}

TEST(Text, HintsComeWithTheirNumbers) {
  RunSummary run = summarize(test::regions_run());
  EXPECT_TRUE(hints(run).empty()) << hints(run).front();
  run.regions.unmarked.measured_J = 300;
  run.usage.energy.uncertainty_J = 92;
  run.net = Net{.baseline_J = 800, .net_J = 119};
  const auto said = hints(run);
  ASSERT_EQ(said.size(), 3U);
  EXPECT_TRUE(said[0].starts_with("919.0 J are known to +- 10.0 % only, from 3.000 s: a longer run")) << said[0];
  EXPECT_TRUE(said[1].starts_with("the idle machine alone would have used 87.1 % of this (800.0 J)")) << said[1];
  EXPECT_EQ(said[2], "32.6 % of the energy (300.0 J, 300 ms) is in no region");
  RunSummary gpus = summarize(test::measured_run());
  gpus.nodes[0].devices[0].domain = Domain::gpu;
  gpus.nodes[0].activity.gpu_utilization = 0.38;
  ASSERT_EQ(hints(gpus).size(), 1U);
  EXPECT_EQ(hints(gpus)[0], "the GPUs were busy 38.0 % of the time and used 76.2 % of the energy (700.0 J)");
  gpus.nodes[0].activity.gpu_utilization = 0.8;
  EXPECT_TRUE(hints(gpus).empty());
}

TEST(Text, NoLineIsWiderThanEightyColumns) {
  std::mt19937_64 random(7);
  const std::string letters = "aZ_/ .\xC3\xA9\xE6\x97\xA5\xF0\x9F\x94\x8B\n\x1B";
  const auto noise = [&](std::size_t length) {
    std::string s;
    while (s.size() < length) s += letters[random() % letters.size()];
    return s;
  };
  for (int trial = 0; trial < 140; ++trial) {
    perun::Run run = all_runs[static_cast<std::size_t>(trial) % std::size(all_runs)]();
    if (trial >= 14) {
      run.command.assign(1 + random() % 40, noise(random() % 60));
      run.app = noise(random() % 100);
      run.outcome.interrupted_by = noise(random() % 300);
      for (NodeRecord& node : run.nodes) {
        node.host = noise(random() % 120);
        node.attributes.emplace_back("sockets", noise(random() % 30));
        node.blocked.push_back({noise(10), noise(random() % 200), noise(random() % 200)});
        for (Sensor& s : node.sensors) {
          s.label = noise(random() % 50);
          s.source = noise(random() % 90);
        }
      }
    }
    Summary s = test::summary_of(run, 1 + trial % 3);
    if (trial >= 14) s.file = noise(random() % 200);
    for (const int width : {80, 64, 200, 10}) {
      const std::string text = written(s, "txt", {.color = false, .utf8 = trial % 2 == 0, .width = width});
      for (const auto line : text::split(text, '\n')) {
        ASSERT_LE(layout::columns(line), 80U) << line;
        ASSERT_TRUE(line.empty() || line.back() != ' ') << "'" << line << "'";
        ASSERT_EQ(line.find('\x1B'), std::string::npos) << "control characters of others are not passed on";
      }
    }
  }
}

TEST(Text, EveryFigureThatWasNotMeasuredIsTagged) {
  const std::regex figure(R"((\d[\d.]*(?:e-\d+)? (?:[pnumkMG]?(?:J|Wh|W|g)|kg|t|ct|EUR)))");
  for (const auto run : {&test::estimated_run, &test::mixed_run}) {
    const Summary s = test::summary_of(run(), 2);
    std::string text = written(s, "txt");
    text = std::regex_replace(text, std::regex("\n {12}"), " ");  // unwrap
    for (const auto line : text::split(text, '\n')) {
      const std::string l(line);
      const bool shows = l.starts_with("  Energy ") || l.starts_with("  Power ") || l.starts_with("  with PUE ") ||
                         l.starts_with("  CO2e ") || l.starts_with("  Cost ") || l.starts_with("  All runs ");
      if (!shows) continue;
      std::string rest = std::regex_replace(l, std::regex(R"( at [\d.]+(?: (?:g|ct)/kWh)?| = [\d.]+ [mk]?Wh)"), "");
      for (auto it = std::sregex_iterator(rest.begin(), rest.end(), figure); it != std::sregex_iterator(); ++it) {
        const std::string behind = it->suffix().str().substr(0, 20);
        EXPECT_TRUE(behind.starts_with(" (estimated)") || behind.starts_with(" (partly estimated)") ||
                    behind.starts_with(" measured") || behind.starts_with(" CO2e"))
            << it->str() << " in: " << l;
      }
    }
    for (const auto line : text::split(text, '\n'))
      EXPECT_EQ(line.find("W  model") != std::string_view::npos, line.find("W  model (estimated)") != std::string_view::npos)
          << line;
  }
  EXPECT_EQ(written(test::summary_of(test::measured_run(), 2), "txt").find("estimated"), std::string::npos);
}

TEST(Text, UnavailableIsNeverAZero) {
  const std::string text = written(test::summary_of(test::unavailable_run(), 2), "txt");
  EXPECT_NE(text.find("  Energy    n/a\n"), std::string::npos);
  EXPECT_NE(text.find("energy n/a"), std::string::npos);
  for (const auto* word : {"CO2e  ", "Cost", " J", "0 W"}) EXPECT_EQ(text.find(word), std::string::npos) << word;
  EXPECT_NE(text.find("exit 139 (signal 11)"), std::string::npos);
}

TEST(Text, TotalsAppearOnlyWithSeveralRuns) {
  EXPECT_EQ(written(test::summary_of(test::measured_run(), 1), "txt").find("All runs"), std::string::npos);
  const std::string text = written(test::summary_of(test::measured_run(), 2), "txt");
  EXPECT_NE(text.find("  All runs  2 runs, 6.000 s; 1.838 kJ; mean 306.3 W; "), std::string::npos) << text;
}

TEST(Text, ManyDevicesAreShownByType) {
  perun::Run run = test::make_run(3);
  NodeRecord node = test::make_node("big", 3);
  for (int i = 0; i < 12; ++i) add_sensor(node, test::package(i), test::Power({{3, 100.0 + i}}), 0.1, 3);
  run.nodes = {node};
  const std::string text = written(test::summary_of(run, 1), "txt");
  EXPECT_NE(text.find("  CPU x 12  3.798 kJ  100.0 %  100 W  106 W  111 W  rapl powercap\n"), std::string::npos) << text;
}

TEST(Text, ColourIsOnlyAddedWhenAskedFor) {
  const Summary s = test::summary_of(test::estimated_run(), 1);
  const std::string plain = written(s, "txt"), coloured = written(s, "txt", {.color = true});
  EXPECT_EQ(std::regex_replace(coloured, std::regex("\x1b\\[[0-9;]*m"), ""), plain);
  EXPECT_TRUE(coloured.starts_with("\x1b[1mperun: train"));
  EXPECT_NE(coloured.find("\x1b[2m(estimated)\x1b[0m"), std::string::npos);
}

TEST(Text, AsciiTerminalsGetAscii) {
  const std::string text = written(test::summary_of(test::awkward_run(), 1), "txt", {.utf8 = false});
  EXPECT_TRUE(std::all_of(text.begin(), text.end(), [](char c) { return c == '\n' || (c >= ' ' && c < 0x7F); }));
}

TEST(JsonReport, HasTheKeysThatProgramsRelyOn) {
  const Json d = Json::parse(written(test::summary_of(test::mixed_run(), 2), "json"));
  EXPECT_EQ(d["schema"], "perun-report/1");
  const Json& run = d["runs"][0];
  EXPECT_EQ(run["kind"], "mixed");
  EXPECT_NEAR(run["energy_J"].get<double>(), run["measured_J"].get<double>() + run["estimated_J"].get<double>(), 1e-9);
  EXPECT_NEAR(run["power_mean_W"].get<double>(), run["energy_J"].get<double>() / run["duration_s"].get<double>(), 1e-9);
  EXPECT_GT(run["uncertainty_J"].get<double>(), 0);
  EXPECT_NEAR(run["systematic_J"].get<double>(), 180 * 0.05 + 75.3 * 0.3, 0.01);
  EXPECT_EQ(run["begin"], "2026-11-22T18:04:11.000Z");
  EXPECT_EQ(run["nodes"][0]["devices"][1]["kind"], "estimated");
  const Json none = Json::parse(written(test::summary_of(test::unavailable_run(), 1), "json"));
  EXPECT_TRUE(none["runs"][0]["energy_J"].is_null());
  EXPECT_TRUE(none["runs"][0]["footprint"].is_null());
  EXPECT_EQ(none["runs"][0]["kind"], "unavailable");
  EXPECT_EQ(none["runs"][0]["duration_s"], 60.0);
}

TEST(JsonReport, HasNoNumberThatJsonDoesNotKnow) {
  Summary s = test::summary_of(test::measured_run(), 1);
  s.runs[0].usage.power_max_W = std::numeric_limits<double>::infinity();
  s.runs[0].nodes[0].longest_gap_s = std::numeric_limits<double>::quiet_NaN();
  const Json d = Json::parse(written(s, "json"));
  EXPECT_TRUE(d["runs"][0]["power_max_W"].is_null());
  EXPECT_TRUE(d["runs"][0]["nodes"][0]["quality"]["longest_gap_s"].is_null());
}

TEST(YamlReport, NumbersKeepTheirPoint) {
  Summary s = test::summary_of(test::measured_run(), 1);
  s.total.energy.measured_J = 1e22;
  s.total.energy.uncertainty_J = 1e-7;
  const std::string text = written(s, "yaml");
  EXPECT_NE(text.find("energy_J: 1.0e+22\n"), std::string::npos);
  EXPECT_NE(text.find("uncertainty_J: 1.0e-07\n"), std::string::npos);
  EXPECT_NE(text.find("frequency_Hz: 10.0\n"), std::string::npos);
  EXPECT_EQ(text, written(s, "yml"));
}

TEST(Layout, ColumnsAreThoseOfATerminal) {
  EXPECT_EQ(layout::columns("caf\xC3\xA9"), 4U);
  EXPECT_EQ(layout::columns("e\xCC\x81"), 1U);
  EXPECT_EQ(layout::columns("\xE6\x97\xA5\xE6\x9C\xAC"), 4U);
  EXPECT_EQ(layout::columns("\xF0\x9F\x94\x8B"), 2U);
}

TEST(Layout, WrapsAtSpacesAndCutsWhatIsTooLong) {
  EXPECT_EQ(layout::wrapped("one two three", 7), (std::vector<std::string>{"one two", "three"}));
  EXPECT_EQ(layout::wrapped("abcdefgh ij", 3), (std::vector<std::string>{"abc", "def", "gh", "ij"}));
  EXPECT_EQ(layout::wrapped("", 10), std::vector<std::string>{""});
  EXPECT_EQ(layout::wrapped("abc", 3), std::vector<std::string>{"abc"});
  EXPECT_EQ(layout::clipped("a long label", 8), "a long..");
}

TEST(Layout, PrintableShowsControlCharactersAndNeverPassesThem) {
  EXPECT_EQ(layout::printable("a\nb\t\x1B[31m\x7F"), "a\\nb\\t\\x1b[31m\\x7f");
  EXPECT_EQ(layout::printable("\xE2\x80\xAE"
                              "exe"),
            "\\u202eexe");
  EXPECT_EQ(layout::printable("\xC2\x9B"), "\\x9b");
  EXPECT_EQ(layout::ascii("caf\xC3\xA9 \xE6\x97\xA5"), "caf? ??");
}

}  // namespace
}  // namespace perun
