// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>
#include <linux/perf_event.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ostream>
#include <string>
#include <vector>

#include "host/cpus.hpp"
#include "host/host.hpp"
#include "host/machine.hpp"
#include "support/plain_user.hpp"
#include "support/tree.hpp"

namespace perun {
namespace {

using test::Tree;
using Cpus = std::vector<int>;

TEST(CpuList, IsReadAsTheKernelWritesIt) {
  EXPECT_EQ(parse_cpu_list("0\n"), Cpus{0});
  EXPECT_EQ(parse_cpu_list("0,56\n"), (Cpus{0, 56}));
  EXPECT_EQ(parse_cpu_list("0-2,8,6-7"), (Cpus{0, 1, 2, 6, 7, 8}));
  EXPECT_EQ(parse_cpu_list("4,0-1,4,1"), (Cpus{0, 1, 4}));
  EXPECT_EQ(parse_cpu_list("65535"), Cpus{65535});
}

TEST(CpuList, GarbageIsNone) {
  for (const char* list : {"", "\n", ",", "0,", "-1", "2-1", "0-", "-", "1-2-3", "x", "0,x", "0 1", "65536", "0x1", "1.5",
                           "99999999999999999999", "0-99999999999"})
    EXPECT_EQ(parse_cpu_list(list), std::nullopt) << list;
  std::string all = "0-65535";
  for (int i = 0; i < 1000; ++i) all += ",0-65535";
  EXPECT_EQ(parse_cpu_list(all), std::nullopt) << "no more than a machine has";
}

TEST(CpuPlace, IsWhatTheTopologySays) {
  Tree tree;
  const std::string at = "sys/devices/system/cpu/cpu56/topology/";
  EXPECT_EQ(cpu_place(tree.host(), 56), std::nullopt);
  tree.file(at + "physical_package_id", "1\n");
  EXPECT_EQ(cpu_place(tree.host(), 56), (CpuPlace{56, 1, 0})) << "a kernel before 5.2 tells no die";
  tree.file(at + "die_id", "3\n");
  EXPECT_EQ(cpu_place(tree.host(), 56), (CpuPlace{56, 1, 3}));
  for (const char* package : {"-1\n", "", "x\n", "65536\n"}) {
    tree.file(at + "physical_package_id", package);
    EXPECT_EQ(cpu_place(tree.host(), 56), std::nullopt) << package;
  }
}

TEST(Host, AMadeUpSysHasItsOwnDevicesAndNoEvents) {
  Tree tree;
  tree.file("sys/x", "");
  for (const auto& sysfs : {tree.at("sys"), tree.at("sys/")}) {
    const Host host = host_at(sysfs, tree.at("proc"));
    EXPECT_EQ(host.at_dev("cpu/0/msr"), tree.at("dev/cpu/0/msr"));
    EXPECT_EQ(host.open_perf, nullptr);
  }
  const Host real = host_at("/sys", "/proc");
  EXPECT_EQ(real.at_dev("cpu/0/msr"), "/dev/cpu/0/msr");
  EXPECT_EQ(real.open_perf, &open_perf_event);
}

TEST(Host, NamesTheProcessorsModel) {
  Tree tree;
  tree.file("proc/cpuinfo", "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 143\nmodel name\t: X\n");
  const Processors intel = processors(tree.host());
  EXPECT_TRUE(intel.intel && !intel.amd);
  EXPECT_EQ(intel.family, 6);
  EXPECT_EQ(intel.number, 143);
  tree.file("proc/cpuinfo", "processor\t: 0\nvendor_id\t: HygonGenuine\ncpu family\t: -6\nmodel\t\t: many\n");
  const Processors other = processors(tree.host());
  EXPECT_TRUE(other.amd && !other.intel);
  EXPECT_EQ(other.family, 0);
  EXPECT_EQ(other.number, 0);
}

/// Software events need no hardware: the call, the size of its structure and the layout of a group are the real ones.
/// Where the kernel lets nobody count, the refusal must be one of those that the backends explain.
TEST(PerfEvent, AGroupIsReadWithOneCall) {
  const PerfEvent clock{.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_CPU_CLOCK, .cpu = 0};
  const Fd leader = open_perf_event(clock);
  if (!leader) {
    EXPECT_TRUE(errno == EACCES || errno == EPERM || errno == ENOSYS || errno == ENODEV) << std::strerror(errno);
    return;
  }
  PerfEvent second = clock;
  second.group = leader.get();
  const Fd member = open_perf_event(second);
  ASSERT_TRUE(member) << std::strerror(errno);

  const std::int64_t begin = monotonic_ns();
  std::array<std::uint64_t, 2> before{}, after{};
  ASSERT_TRUE(read_perf_group(leader, before));
  const std::int64_t inner_begin = monotonic_ns();
  while (monotonic_ns() < inner_begin + 10'000'000) {
  }
  const std::int64_t inner_end = monotonic_ns();
  ASSERT_TRUE(read_perf_group(leader, after));
  const std::int64_t end = monotonic_ns();
  for (int i = 0; i < 2; ++i) {
    // Nanoseconds of the CPU's own clock, which may run 0.1 % off the one that NTP steers.
    const auto counted = static_cast<double>(after[i] - before[i]);
    EXPECT_GE(counted, 0.999 * static_cast<double>(inner_end - inner_begin)) << i;
    EXPECT_LE(counted, 1.001 * static_cast<double>(end - begin) + 1e4) << i;
  }
  std::array<std::uint64_t, 1> one{7};
  EXPECT_FALSE(read_perf_group(leader, one)) << "a group of two is not one event";
  EXPECT_EQ(one[0], 7u);
  std::array<std::uint64_t, 3> three{};
  EXPECT_FALSE(read_perf_group(leader, three));
}

TEST(PerfEvent, RefusalsComeAsErrno) {
  const Fd unknown = open_perf_event({.type = 0x7fffffff, .config = 2, .cpu = 0});
  const int reason = errno;
  EXPECT_FALSE(unknown);
  EXPECT_TRUE(reason == ENOENT || reason == EACCES || reason == EPERM || reason == ENOSYS) << std::strerror(reason);
  std::array<std::uint64_t, 1> value{};
  EXPECT_FALSE(read_perf_group(unknown, value));
}

TEST(PerfEvent, APlainUserIsRefusedUnlessTheKernelIsOpen) {
  const auto level = []() -> int {
    std::ifstream file("/proc/sys/kernel/perf_event_paranoid");
    int n = 99;
    file >> n;
    return n;
  }();
  const test::PlainUser user;
  const Fd event = open_perf_event({.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_CPU_CLOCK, .cpu = 0});
  const int reason = errno;
  if (level > 0) {
    EXPECT_FALSE(event);
    EXPECT_TRUE(reason == EACCES || reason == EPERM || reason == ENOSYS) << std::strerror(reason);
  } else {
    EXPECT_TRUE(event || reason == EPERM || reason == ENOSYS) << std::strerror(reason);
  }
}

}  // namespace
}  // namespace perun
