// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <sstream>
#include <string>

#include "report/writer.hpp"
#include "support/runs.hpp"

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
                      {"awkward", &test::awkward_run, 1},         {"job", &test::job_run, 1},
                      {"baseline", &test::baseline_run, 1}};

std::filesystem::path golden(const std::string& name) {
  return std::filesystem::path(PERUN_SOURCE_DIR) / "tests/golden" / name;
}

class Golden : public testing::TestWithParam<Case> {};

/// Every format in the registry against its file; PERUN_UPDATE_GOLDEN=1 writes the files anew.
TEST_P(Golden, EveryFormatIsAsKept) {
  const Summary summary = test::summary_of(GetParam().run(), GetParam().runs_in_file);
  ASSERT_GE(report_writers().size(), 4U);
  for (const ReportWriter* writer : report_writers()) {
    const std::string text = writer->write(summary, Style{});
    const auto file = golden(GetParam().name + ("." + std::string(writer->name)));
    if (std::getenv("PERUN_UPDATE_GOLDEN") != nullptr) std::ofstream(file, std::ios::binary) << text;
    std::stringstream kept;
    kept << std::ifstream(file, std::ios::binary).rdbuf();
    EXPECT_EQ(text, kept.str()) << file << "; PERUN_UPDATE_GOLDEN=1 rewrites it";
  }
}

INSTANTIATE_TEST_SUITE_P(Runs, Golden, testing::ValuesIn(cases), [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace perun
