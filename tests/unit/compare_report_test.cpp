// SPDX-License-Identifier: BSD-3-Clause
#include "report/compare_report.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "report/layout.hpp"
#include "report/markdown.hpp"
#include "support/runs.hpp"

namespace perun {
namespace {

/// Rounds of a run, their energies and times in per mille of the first one's.
Side rounds(std::string name, int first, const RunSummary& run, const std::vector<std::pair<int, int>>& per_mille) {
  Side side{name, "results/" + name + ".hdf5", {}};
  for (const auto& [energy, time] : per_mille) {
    RunSummary& one = side.runs.emplace_back(run);
    one.number = first++;
    one.id = name + std::to_string(one.number);
    one.usage.energy.measured_J *= energy / 1000.0;
    one.usage.duration_s *= time / 1000.0;
    for (RegionSummary& r : one.regions.regions) r.energy.measured_J *= energy / 1000.0;
  }
  return side;
}

CompareReport report_of(std::vector<Side> sides, const char* condition) {
  CompareReport report;
  report.sides = std::move(sides);
  for (std::size_t i = 1; i < report.sides.size(); ++i) {
    Comparison& c = report.comparisons.emplace_back(compare(report.sides.front(), report.sides[i], report.confidence));
    c.other = i;
    const Condition gate = *parse_condition(condition);
    report.gates.push_back({gate, i, judge(gate, c)});
  }
  return report;
}

CompareReport several() {
  const RunSummary run = summarize(test::regions_run());
  return report_of({rounds("base", 3, run, {{1000, 1000}, {1004, 1002}, {997, 999}, {1001, 1003}, {999, 998}}),
                    rounds("O3", 0, run, {{900, 1001}, {903, 1000}, {898, 999}, {901, 1002}, {897, 1001}, {902, 999}})},
                   "energy>+5%");
}

CompareReport awkward() {
  Side base = rounds("base|*\x1b[31m", 7, summarize(test::awkward_run()), {{1000, 1000}});
  base.runs.front().regions = summarize(test::regions_run()).regions;
  base.runs.front().regions.regions.front().name = "</script> | `x`\n";
  Side other = base;
  other.name = "b";
  other.runs.front().id = "other";
  Side estimated = rounds("est", 1, summarize(test::estimated_run()), {{1000, 1000}});
  Side none = rounds("none", 1, summarize(test::unavailable_run()), {{1000, 800}});
  return report_of({base, other, estimated, none}, "energy>+5%");
}

void expect_golden(const std::string& name, const std::string& text) {
  const auto file = std::filesystem::path(PERUN_SOURCE_DIR) / "tests/golden/compare" / name;
  if (std::getenv("PERUN_UPDATE_GOLDEN") != nullptr) std::ofstream(file, std::ios::binary) << text;
  std::stringstream kept;
  kept << std::ifstream(file, std::ios::binary).rdbuf();
  EXPECT_EQ(text, kept.str()) << file << "; PERUN_UPDATE_GOLDEN=1 rewrites it";
}

TEST(CompareReport, EveryFormatIsAsKept) {
  for (const auto& [name, report] :
       {std::pair{std::string("several"), several()}, std::pair{std::string("awkward"), awkward()}}) {
    expect_golden(name + ".txt", compare_text(report, Style{}));
    expect_golden(name + ".md", compare_markdown(report));
    expect_golden(name + ".json", compare_document(report).dump(2) + "\n");
    expect_golden(name + ".line", compare_lines(report));
  }
}

TEST(CompareReport, TextFitsIntoEightyColumnsAndObeysNoName) {
  for (const auto& report : {several(), awkward()}) {
    std::istringstream lines(compare_text(report, Style{}));
    for (std::string line; std::getline(lines, line);) {
      EXPECT_LE(layout::columns(line), 80U) << line;
      EXPECT_EQ(line.find('\x1b'), std::string::npos);
    }
  }
  const std::string ascii = compare_text(awkward(), Style{.utf8 = false});
  EXPECT_TRUE(std::all_of(ascii.begin(), ascii.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; }));
}

TEST(Markdown, NamesAreNothingButText) {
  EXPECT_EQ(markdown::inline_text("a|b*c</x>\n`d`_e_"), "a\\|b\\*c\\</x\\>\\\\n\\`d\\`\\_e\\_");
  EXPECT_EQ(markdown::code("a`b"), "``a`b``");
  EXPECT_EQ(markdown::code("`b"), "`` `b ``");
  EXPECT_EQ(markdown::code(""), "");
}

TEST(Table, PointsAndUnitsStandBelowEachOther) {
  layout::Table table({{"what", layout::Align::left}, {"Energy", layout::Align::point}, {"x"}});
  table.add({"a", "36.00 J", "1"});
  table.add({"b", "2.147 MJ", "1"});
  table.add({"c", "n/a", "1"});
  table.add({"d", "700 J", "1"});
  EXPECT_EQ(table.text(0, 80),
            "what      Energy  x\n"
            "a      36.00  J   1\n"
            "b       2.147 MJ  1\n"
            "c            n/a  1\n"
            "d     700     J   1\n");
}

}  // namespace
}  // namespace perun
