// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <sstream>
#include <string>

#include "model/summary_text.hpp"
#include "report/writer.hpp"
#include "store/store.hpp"
#include "support/runs.hpp"
#include "support/tree.hpp"

namespace perun {
namespace {

struct Case {
  const char* name;
  Run (*run)();
  int runs_in_file;
  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }
};

const Case cases[] = {{"measured", &test::measured_run, 1},       {"mixed", &test::mixed_run, 2},
                      {"estimated", &test::estimated_run, 1},     {"unavailable", &test::unavailable_run, 2},
                      {"interrupted", &test::interrupted_run, 1}, {"nodes", &test::nodes_run, 1},
                      {"awkward", &test::awkward_run, 1},         {"baseline", &test::baseline_run, 1},
                      {"assumed", &test::assumed_run, 1},         {"job", &test::job_run, 1},
                      {"regions", &test::regions_run, 1},         {"mpi", &test::mpi_run, 1}};

std::filesystem::path golden(const std::string& name) {
  return std::filesystem::path(PERUN_SOURCE_DIR) / "tests/golden" / name;
}

struct Golden : testing::TestWithParam<Case> {
  using Run = perun::Run;  // not testing::Test::Run
};

/// Every format in the registry against its file; PERUN_UPDATE_GOLDEN=1 writes the files anew.
TEST_P(Golden, EveryFormatIsAsKept) {
  const Summary summary = test::summary_of(GetParam().run(), GetParam().runs_in_file);
  ASSERT_GE(report_writers().size(), 4U);
  for (const ReportWriter* writer : report_writers()) {
    if (writer->draws) continue;  // a page for a browser: tests/web
    const std::string text = writer->write(summary, Style{});
    const auto file = golden(GetParam().name + ("." + std::string(writer->name)));
    if (std::getenv("PERUN_UPDATE_GOLDEN") != nullptr) std::ofstream(file, std::ios::binary) << text;
    std::stringstream kept;
    kept << std::ifstream(file, std::ios::binary).rdbuf();
    EXPECT_EQ(text, kept.str()) << file << "; PERUN_UPDATE_GOLDEN=1 rewrites it";
  }
}

/// What is stored with a run says the same as its readings do, in every format.
TEST_P(Golden, StoredAndRecomputedFiguresAreTheSame) {
  const test::Tree tree;
  const auto file = tree.at("app.hdf5");
  Run run = GetParam().run();
  for (NodeRecord& node : run.nodes)  // a fact without a name has no place in a file
    std::erase_if(node.attributes, [](const auto& fact) { return fact.first.empty(); });
  Summary summary = test::summary_of(run, GetParam().runs_in_file);
  ASSERT_TRUE(append_run(file, run, summary.runs.front()));
  const auto store = Store::open(file);
  ASSERT_TRUE(store);
  const auto stored = store->at(0).summary();
  const auto loaded = store->at(0).load();
  ASSERT_TRUE(stored && loaded);
  for (const ReportWriter* writer : report_writers()) {
    summary.runs = {*stored};
    const std::string from_summary = writer->write(summary, Style{});
    summary.runs = {summarize(*loaded)};
    EXPECT_EQ(from_summary, writer->write(summary, Style{})) << writer->name;
  }
}

/// Looking through other factors is summarizing with them.
TEST_P(Golden, OtherFactorsNeedNoReadings) {
  Run run = GetParam().run();
  RunSummary looked = summarize(run);
  run.factors.pue = 1.1;
  run.factors.pue_source = "command line";
  look_through(looked, run.factors);
  EXPECT_EQ(encode(looked), encode(summarize(run)));
  run.factors = Factors{};
  look_through(looked, run.factors);
  EXPECT_EQ(encode(looked), encode(summarize(run)));
}

INSTANTIATE_TEST_SUITE_P(Runs, Golden, testing::ValuesIn(cases), [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace perun
