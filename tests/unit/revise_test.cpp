// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>
#include <hdf5.h>
#include <sys/stat.h>

#include <map>
#include <vector>

#include "analysis/summarize.hpp"
#include "store/store.hpp"
#include "support/equal_runs.hpp"
#include "support/sample_run.hpp"
#include "support/tree.hpp"

namespace perun {
namespace {

using test::sample_run;

/// The bytes of every dataset of a file, by path, but for the list of names, which are pointers in memory.
std::map<std::string, std::vector<char>> datasets(const std::filesystem::path& file) {
  std::map<std::string, std::vector<char>> out;
  const hid_t opened = H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  EXPECT_GE(opened, 0);
  const auto visit = [](hid_t root, const char* name, const H5O_info_t* info, void* to) -> herr_t {
    if (info->type != H5O_TYPE_DATASET) return 0;
    const hid_t dataset = H5Dopen2(root, name, H5P_DEFAULT), type = H5Dget_type(dataset), space = H5Dget_space(dataset);
    if (H5Tget_class(type) == H5T_STRING) return H5Sclose(space), H5Tclose(type), H5Dclose(dataset);
    std::vector<char> bytes(static_cast<std::size_t>(H5Sget_simple_extent_npoints(space)) * H5Tget_size(type));
    const herr_t read = H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data());
    (*static_cast<std::map<std::string, std::vector<char>>*>(to))[name] = std::move(bytes);
    H5Sclose(space);
    H5Tclose(type);
    H5Dclose(dataset);
    return read;
  };
  EXPECT_GE(H5Ovisit2(opened, H5_INDEX_NAME, H5_ITER_NATIVE, visit, &out, H5O_INFO_BASIC), 0);
  H5Fclose(opened);
  return out;
}

struct ReviseTest : testing::Test {
  using Run = perun::Run;  // not testing::Test::Run
  test::Tree tree;
  std::filesystem::path file = tree.at("out/app.hdf5");

  void SetUp() override {
    for (int i = 0; i < 3; ++i) {
      Run run = sample_run(2, 5 + static_cast<std::size_t>(i) * 2000);
      run.id = "run-" + std::to_string(i);
      ASSERT_TRUE(append_run(file, run, summarize(run)));
    }
  }
  static Result<RunSummary> cheaper(const RunInFile& stored) {
    Run run = *stored.load();
    run.factors.pue = 1.1;
    run.factors.pue_source = "a much longer explanation of where this value was taken from than the one before";
    run.factors.price_cent_per_kWh = 10;
    run.factors.overhead_power_W = 40;
    return summarize(run);
  }
  Run load(int number) { return *Store::open(file)->load(number); }
};

TEST_F(ReviseTest, FactorsAndFiguresChangeAndSamplesDoNot) {
  const auto samples = datasets(file);
  ASSERT_GT(samples.size(), 20U);
  std::vector<Run> runs;
  for (int i = 0; i < 3; ++i) runs.push_back(load(i));
  const auto totals = revise_runs(file, cheaper, "2026-11-23 by perun x");
  ASSERT_TRUE(totals) << totals.error().what;
  EXPECT_TRUE(datasets(file) == samples) << "a sample has changed";
  double co2e_kg = 0, cost_cent = 0, joules = 0;
  for (int i = 0; i < 3; ++i) {
    Run run = load(i);
    EXPECT_EQ(run.factors.pue, 1.1);
    EXPECT_EQ(run.factors.price_cent_per_kWh, 10);
    const auto expected = summarize(run);
    joules += expected.usage.energy.joules();
    co2e_kg += expected.footprint->co2e_kg;
    cost_cent += expected.footprint->cost_cent;
    EXPECT_EQ(run.postprocessed, "2026-11-23 by perun x");
    run.postprocessed.clear();
    run.factors = runs[static_cast<std::size_t>(i)].factors;
    test::expect_equal(run, runs[static_cast<std::size_t>(i)]);
  }
  const auto stored = Store::open(file)->totals();
  EXPECT_EQ(stored.runs, 3);
  EXPECT_NEAR(stored.usage.energy.joules(), joules, 1e-9 * joules);
  EXPECT_NEAR(stored.footprint->co2e_kg, co2e_kg, 1e-9 * co2e_kg);
  EXPECT_NEAR(stored.footprint->cost_cent, cost_cent, 1e-9 * cost_cent);
  EXPECT_NEAR(stored.footprint->cost_cent, (joules + 3 * 40) / 3.6e6 * 1.1 * 10, 1e-9 * cost_cent);
}

TEST_F(ReviseTest, DoingItTwiceIsDoingItOnce) {
  ASSERT_TRUE(revise_runs(file, cheaper, "first"));
  const auto once = Store::open(file)->totals();
  ASSERT_TRUE(revise_runs(file, cheaper, "second"));
  const auto twice = Store::open(file)->totals();
  EXPECT_EQ(once.usage.energy.joules(), twice.usage.energy.joules());
  EXPECT_EQ(once.footprint->cost_cent, twice.footprint->cost_cent);
  const hid_t opened = H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  const hid_t note = H5Aopen_by_name(opened, "app/exp_0", "postprocessed", H5P_DEFAULT, H5P_DEFAULT);
  const hid_t type = H5Aget_type(note);
  char* text = nullptr;
  ASSERT_GE(H5Aread(note, type, &text), 0);
  EXPECT_STREQ(text, "first") << "only what changes the factors is noted";
  H5free_memory(text);
  H5Tclose(type);
  H5Aclose(note);
  H5Fclose(opened);
}

TEST_F(ReviseTest, RunsCanBeAddedAfterwardsAndAnotherTime) {
  ASSERT_TRUE(revise_runs(file, cheaper, "x"));
  Run run = sample_run(2, 5);
  run.id = "later";
  const auto number = append_run(file, run, summarize(run));
  ASSERT_TRUE(number) << number.error().what;
  EXPECT_EQ(*number, 3);
  ASSERT_TRUE(revise_runs(file, cheaper, "x"));
  EXPECT_EQ(load(3).factors.pue, 1.1);
  EXPECT_EQ(Store::open(file)->totals().runs, 4);
}

TEST_F(ReviseTest, KeepsTheModeAndLeavesNothingBeside) {
  ASSERT_EQ(::chmod(file.c_str(), 0640), 0);
  ASSERT_TRUE(revise_runs(file, cheaper, "x"));
  struct stat facts {};
  ASSERT_EQ(::stat(file.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777U, 0640U);
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(file.parent_path())) {
    EXPECT_EQ(entry.path(), file);
    ++files;
  }
  EXPECT_EQ(files, 1U);
}

TEST_F(ReviseTest, WhatIsNotPeruns) {
  tree.file("out/text.hdf5", "no HDF5");
  const auto foreign = revise_runs(tree.at("out/text.hdf5"), cheaper, "x");
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().code, Errc::format);
  EXPECT_NE(foreign.error().what.find("out/text.hdf5"), std::string::npos) << foreign.error().what;
  EXPECT_EQ(std::filesystem::file_size(tree.at("out/text.hdf5")), 7U);
  EXPECT_EQ(revise_runs(tree.at("out/none.hdf5"), cheaper, "x").error().code, Errc::not_found);
  EXPECT_FALSE(std::filesystem::exists(tree.at("out/none.hdf5")));
  EXPECT_FALSE(std::filesystem::exists(tree.at("out/.text.hdf5.revised")));
}

}  // namespace
}  // namespace perun
