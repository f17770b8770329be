// SPDX-License-Identifier: BSD-3-Clause
// Which processes are a run's, and what they do, from a /proc of our own.
#include <gtest/gtest.h>
#include <unistd.h>

#include "live/processes.hpp"
#include "support/tree.hpp"

namespace perun {
namespace {

constexpr std::int64_t second = 1'000'000'000;

class ProcessesTest : public testing::Test {
 protected:
  void process(int pid, const std::string& name, const std::string& environment, double cpu_s) {
    const std::string folder = "proc/" + std::to_string(pid) + "/";
    const auto ticks = static_cast<std::int64_t>(cpu_s * static_cast<double>(::sysconf(_SC_CLK_TCK)));
    tree.file(folder + "environ", environment);
    tree.file(folder + "stat", std::to_string(pid) + " (" + name + ") R 1 2 3 4 5 6 7 8 9 10 " + std::to_string(ticks) +
                                   " 0 900 900 20 0 1 0 5 6 7");
  }
  test::Tree tree;
};

TEST_F(ProcessesTest, ThoseWhoseEnvironmentNamesTheRun) {
  const std::string zero(1, '\0');
  process(10, "app) R (x", "A=1" + zero + "PERUN_RUN=key" + zero, 5);
  process(11, "other", "PERUN_RUN=key2" + zero, 1);
  process(12, "quotes", "X_PERUN_RUN=key" + zero, 1);
  live::Processes processes(4, tree.root() / "proc");
  processes.look("key", 1000, 10 * second);
  ASSERT_EQ(processes.busiest().size(), 1U);
  EXPECT_EQ(processes.busiest()[0].name, "app) R (x");
  EXPECT_FALSE(processes.busiest()[0].joules.has_value());  // from one look nothing follows
  process(10, "app) R (x", "PERUN_RUN=key" + zero, 7);
  process(13, "child", "PERUN_RUN=key" + zero, 4);  // since the first look
  processes.look("key", 1400, 12 * second);
  const auto seen = processes.busiest();
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[0].name, "child");
  EXPECT_NEAR(seen[0].cores, 2, 1e-9);
  EXPECT_NEAR(seen[0].joules.value(), 400 * 2.0 / 4, 1e-9);  // half of the processor time that there was
  EXPECT_NEAR(seen[1].cores, 1, 1e-9);
  EXPECT_NEAR(seen[1].joules.value(), 400 * 1.0 / 4, 1e-9);
}

TEST_F(ProcessesTest, WhatIsGoneOrMakesNoSenseIsNotShown) {
  const std::string ours = std::string("PERUN_RUN=key") + '\0';
  process(10, "app", ours, 5);
  process(11, "ends", ours, 5);
  live::Processes processes(2, tree.root() / "proc");
  processes.look("key", std::nullopt, second);
  EXPECT_EQ(processes.busiest().size(), 2U);
  tree.file("proc/11/stat", "11 (ends) R 1 2");
  tree.file("proc/x12/environ", ours);
  processes.look("key", std::nullopt, 2 * second);
  ASSERT_EQ(processes.busiest().size(), 1U);
  EXPECT_FALSE(processes.busiest()[0].joules.has_value());  // nothing measures the processors
}

}  // namespace
}  // namespace perun
