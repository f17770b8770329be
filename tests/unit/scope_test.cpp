// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include "host/cpu_scope.hpp"
#include "support/tree.hpp"

namespace perun {
namespace {

constexpr auto v2_mount = "31 24 0:27 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";

/// A node of 64 processors whose process may run on `allowed`.
void node(test::Tree& tree, const std::string& allowed) {
  tree.file("sys/devices/system/cpu/online", "0-63\n");
  tree.file("proc/self/status",
            "Name:\tperun\nCpus_allowed:\tff\nCpus_allowed_list:\t" + allowed + "\nMems_allowed_list:\t0\n");
}

TEST(CpuLists, AreCounted) {
  EXPECT_EQ(count_cpus("0"), 1);
  EXPECT_EQ(count_cpus("0-3,8,10-11"), 7);
  EXPECT_EQ(count_cpus("0-3,2-5"), 6) << "each processor once";
  for (const char* bad : {"", "x", "3-1", "-1", "0-99999999", "1,,2"}) EXPECT_EQ(count_cpus(bad), 0) << bad;
}

TEST(Scope, IsTheWholeNodeWhereNothingLimits) {
  test::Tree tree;
  node(tree, "0-63");
  tree.file("proc/self/cgroup", "0::/\n").file("proc/self/mountinfo", v2_mount);
  EXPECT_EQ(cpu_scope(tree.host()), (CpuScope{64, 64, 0, ""}));
  EXPECT_FALSE(cpu_scope(tree.host()).partial());
}

TEST(Scope, SeesTheAffinityMask) {
  test::Tree tree;
  node(tree, "4-7");
  EXPECT_EQ(cpu_scope(tree.host()), (CpuScope{64, 4, 0, ""}));
  EXPECT_TRUE(cpu_scope(tree.host()).partial());
}

TEST(Scope, SeesTheCpusetAndTheStrictestQuotaAbove) {
  test::Tree tree;
  node(tree, "0-63");
  tree.file("proc/self/cgroup", "0::/system.slice/job_7/step_0\n").file("proc/self/mountinfo", v2_mount);
  tree.file("sys/fs/cgroup/system.slice/job_7/step_0/cpuset.cpus.effective", "0-15\n");
  tree.file("sys/fs/cgroup/system.slice/job_7/step_0/cpu.max", "max 100000\n");
  tree.file("sys/fs/cgroup/system.slice/job_7/cpu.max", "250000 100000\n");
  tree.file("sys/fs/cgroup/system.slice/cpu.max", "800000 100000\n");
  EXPECT_EQ(cpu_scope(tree.host()), (CpuScope{64, 16, 2.5, "/system.slice/job_7/step_0"}));
}

TEST(Scope, SeesAQuotaAlone) {
  test::Tree tree;
  node(tree, "0-63");
  tree.file("proc/self/cgroup", "0::/a\n")
      .file("proc/self/mountinfo", v2_mount)
      .file("sys/fs/cgroup/a/cpu.max", "50000 100000\n");
  const auto scope = cpu_scope(tree.host());
  EXPECT_EQ(scope.usable_cpus, 64);
  EXPECT_DOUBLE_EQ(scope.quota_cpus, 0.5);
  EXPECT_TRUE(scope.partial());
}

TEST(Scope, ReadsTheFirstVersionOfCgroups) {
  test::Tree tree;
  node(tree, "0-63");
  tree.file("proc/self/cgroup", "5:cpu,cpuacct:/slurm/job_1\n4:cpuset:/slurm/job_1\n1:name=systemd:/x\n");
  tree.file("proc/self/mountinfo",
            "40 24 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
            "41 24 0:31 / /sys/fs/cgroup/cpuset rw shared:3 - cgroup cgroup rw,cpuset\n");
  tree.file("sys/fs/cgroup/cpuset/slurm/job_1/cpuset.effective_cpus", "0-7,32-39\n");
  tree.file("sys/fs/cgroup/cpu,cpuacct/slurm/job_1/cpu.cfs_quota_us", "400000\n");
  tree.file("sys/fs/cgroup/cpu,cpuacct/slurm/job_1/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cpu_scope(tree.host()), (CpuScope{64, 16, 4, "/slurm/job_1"}));
}

TEST(Scope, FindsItsWayInAContainer) {
  test::Tree tree;
  node(tree, "0-63");
  tree.file("proc/self/cgroup", "0::/docker/abc\n");
  tree.file("proc/self/mountinfo", "31 24 0:27 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n");
  tree.file("sys/fs/cgroup/cpu.max", "200000 100000\n").file("sys/fs/cgroup/cpuset.cpus.effective", "0-1\n");
  EXPECT_EQ(cpu_scope(tree.host()), (CpuScope{64, 2, 2, "/docker/abc"}));
}

TEST(Scope, StaysUnknownOnGarbage) {
  test::Tree tree;
  EXPECT_EQ(cpu_scope(tree.host()), CpuScope{});
  tree.file("sys/devices/system/cpu/online", "what\n").file("proc/self/status", "Cpus_allowed_list:\t5-1\n");
  tree.file("proc/self/cgroup", "::\n0\n0::/../..\n\n").file("proc/self/mountinfo", "- cgroup2\n1 2 3 - cgroup2 a\n");
  const auto scope = cpu_scope(tree.host());
  EXPECT_EQ(scope.node_cpus, 0);
  EXPECT_EQ(scope.usable_cpus, 0);
  EXPECT_FALSE(scope.partial());
}

}  // namespace
}  // namespace perun
