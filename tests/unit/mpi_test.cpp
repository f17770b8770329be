// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/mpi.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "analysis/summarize.hpp"
#include "support/runs.hpp"

namespace perun {
namespace {

std::size_t at(MpiKind kind) {
  return static_cast<std::size_t>(kind);
}

TEST(Mpi, TellsWhoWaitsAndWhatItTakes) {
  const RunSummary run = summarize(test::mpi_run());
  const auto mpi = mpi_of(run.regions);
  ASSERT_TRUE(mpi);
  ASSERT_EQ(mpi->ranks.size(), 3U);
  // Of 2.4 s rank 0 waits 0.1 + 0.2 s, the others 1.1 + 0.2 s; 0.6 s are start and end.
  EXPECT_NEAR(mpi->ranks[0].waiting.seconds, 0.3, 1e-9);
  EXPECT_NEAR(mpi->ranks[1].waiting.seconds, 1.3, 1e-9);
  EXPECT_NEAR(mpi->ranks[0].outside_s, 1.5, 1e-9);
  EXPECT_NEAR(mpi->ranks[2].outside_s, 0.5, 1e-9);
  EXPECT_NEAR(mpi->load_balance, (1.5 + 0.5 + 0.5) / 3 / 1.5, 1e-9);
  EXPECT_NEAR(mpi->waiting_s, 0.3 + 1.3 + 1.3, 1e-9);
  EXPECT_EQ(mpi->in[at(MpiKind::collective)].calls, 3U);
  EXPECT_NEAR(mpi->in[at(MpiKind::collective)].seconds, 0.1 + 1.1 + 1.1, 1e-9);
  EXPECT_NEAR(mpi->in[at(MpiKind::point_to_point)].seconds, 0.6, 1e-9);
  EXPECT_EQ(mpi->in[at(MpiKind::processes)].calls, 6U);
  // All three have a third of the node's energy from begin to end.
  double whole = 0, parts = 0;
  for (const MpiRank& r : mpi->ranks) {
    whole += r.whole.joules;
    parts += r.waiting.joules;
    EXPECT_NEAR(r.whole.joules, mpi->ranks[0].whole.joules, 1e-6);
  }
  EXPECT_GT(whole, 0);
  EXPECT_NEAR(parts, mpi->waiting.joules(), 1e-6);
  // Beyond the 0.3 s that rank 0 waits.
  EXPECT_NEAR(mpi->imbalance_J, (mpi->ranks[1].waiting.joules + mpi->ranks[2].waiting.joules) * (1 - 0.3 / 1.3), 1e-6);
}

TEST(Mpi, SpawnedProcessesAreToldAndAreNoWork) {
  const RunSummary run = summarize(test::mpi_run());
  EXPECT_EQ(run.regions.spawned, 2U);
  EXPECT_TRUE(run.regions.work.empty());
  const auto told = std::ranges::count_if(run.notes, [](const Note& n) {
    return n.caveat == Caveat::mpi && n.text.find("2 more processes by MPI_Comm_spawn") != std::string::npos;
  });
  EXPECT_EQ(told, 1);
}

TEST(Mpi, RegionsOfThatNameAloneAreNoHooks) {
  perun::Run run = test::mpi_run();
  run.nodes.front().marks.names[1] = "whole";
  const RunSummary summary = summarize(run);
  EXPECT_FALSE(mpi_of(summary.regions));
  // Then --mpi-hooks was asked for in vain.
  EXPECT_TRUE(std::ranges::any_of(summary.notes, [](const Note& n) { return n.text.starts_with("--mpi-hooks saw no call"); }));
  EXPECT_FALSE(mpi_of(summarize(test::measured_run()).regions));
}

TEST(Mpi, OneRankHasNoBalance) {
  perun::Run run = test::mpi_run();
  std::erase_if(run.nodes.front().marks.timeline, [](const Mark& m) { return m.thread != 1; });
  const auto mpi = mpi_of(summarize(run).regions);
  ASSERT_TRUE(mpi);
  EXPECT_EQ(mpi->ranks.size(), 1U);
  EXPECT_EQ(mpi->load_balance, 0);
  EXPECT_EQ(mpi->imbalance_J, 0);
}

}  // namespace
}  // namespace perun
