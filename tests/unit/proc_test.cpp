// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "backends/backend.hpp"
#include "backends/cpu_ticks.hpp"
#include "support/clock.hpp"
#include "support/machines.hpp"

namespace perun {

extern const BackendInfo proc_backend;

namespace {

using namespace test;  // NOLINT: the fixtures

std::unique_ptr<Backend> open_proc(const Tree& tree) {
  Probe found = proc_backend.probe({tree.host(), ""});
  auto* backend = std::get_if<std::unique_ptr<Backend>>(&found);
  if (backend == nullptr) return nullptr;
  return std::move(*backend);
}

/// Raw numbers by id.
std::map<std::string, std::int64_t> read(Backend& backend) {
  std::vector<Reading> readings(backend.sensors().size());
  backend.read(readings);
  std::map<std::string, std::int64_t> raw;
  for (std::size_t i = 0; i < readings.size(); ++i) raw[backend.sensors()[i].id] = readings[i].raw;
  return raw;
}

TEST(CpuTicks, GuestTimeIsPartOfUserTime) {
  const auto ticks = parse_cpu_ticks("cpu  1000 50 300 8000 200 20 30 400 77 5");
  ASSERT_TRUE(ticks);
  EXPECT_EQ(ticks->busy, 1000 + 50 + 300 + 20 + 30 + 400);
  EXPECT_EQ(ticks->total, 1800 + 8000 + 200);
}

TEST(CpuTicks, OldKernelsHaveFewerFields) {
  const auto ticks = parse_cpu_ticks("cpu 1 2 3 4");
  ASSERT_TRUE(ticks);
  EXPECT_EQ(ticks->busy, 6);
  EXPECT_EQ(ticks->total, 10);
}

TEST(CpuTicks, AnythingElseIsRefused) {
  for (const char* line :
       {"", "cpu", "cpu 1 2 3", "cpu0 1 2 3 4", "cpu 1 2 x 4 5", "cpu 1 2 3 4 abc", "cpu 1 -2 3 4", "cpu 1 2 3 4.5",
        "cpu 99999999999999999999 1 1 1", "cpu 9000000000000000000 9000000000000000000 1 1", "CPU 1 2 3 4"})
    EXPECT_FALSE(parse_cpu_ticks(line)) << line;
}

TEST(Proc, ShowsItsSensorsWithUnits) {
  Tree tree;
  const auto proc = open_proc(proc_files(tree));
  ASSERT_TRUE(proc);
  struct Expected {
    std::string id, label, source;
    Quantity quantity;
    Behavior behavior;
    Domain domain;
    std::int64_t resolution;
  };
  const std::vector<Expected> expected{
      {"proc:cpu_busy", "CPU time busy", "/proc/stat", Quantity::utilization, Behavior::counter, Domain::cpu, 1},
      {"proc:cpu_total", "CPU time passed", "/proc/stat", Quantity::utilization, Behavior::counter, Domain::cpu, 1},
      {"proc:memory_used", "memory used", "/proc/meminfo", Quantity::bytes, Behavior::gauge, Domain::memory, 1024},
      {"proc:disk_read", "disk read", "/proc/diskstats", Quantity::bytes, Behavior::counter, Domain::disk, 512},
      {"proc:disk_written", "disk written", "/proc/diskstats", Quantity::bytes, Behavior::counter, Domain::disk, 512},
      {"proc:net_received", "network received", "/proc/net/dev", Quantity::bytes, Behavior::counter, Domain::network, 1},
      {"proc:net_sent", "network sent", "/proc/net/dev", Quantity::bytes, Behavior::counter, Domain::network, 1}};
  const auto sensors = proc->sensors();
  ASSERT_EQ(sensors.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(sensors[i].id, expected[i].id);
    EXPECT_EQ(sensors[i].label, expected[i].label);
    EXPECT_EQ(sensors[i].source, expected[i].source);
    EXPECT_EQ(sensors[i].quantity, expected[i].quantity);
    EXPECT_EQ(sensors[i].behavior, expected[i].behavior);
    EXPECT_EQ(sensors[i].domain, expected[i].domain);
    EXPECT_EQ(sensors[i].resolution, expected[i].resolution);
    EXPECT_EQ(sensors[i].kind, Kind::measured);
    EXPECT_FALSE(sensors[i].counted);
  }
  EXPECT_DOUBLE_EQ(sensors[0].scale, 1.0 / static_cast<double>(::sysconf(_SC_CLK_TCK)));
  EXPECT_EQ(sensors[0].refresh_ns, 1'000'000'000 / ::sysconf(_SC_CLK_TCK));
}

TEST(Proc, CountsWholeDisksAndPhysicalInterfacesOnce) {
  Tree tree;
  const auto proc = open_proc(proc_files(tree));
  ASSERT_TRUE(proc);
  const auto raw = read(*proc);
  EXPECT_EQ(raw.at("proc:cpu_busy"), 1800);
  EXPECT_EQ(raw.at("proc:cpu_total"), 10'000);
  EXPECT_EQ(raw.at("proc:memory_used"), (16'777'216 - 12'582'912) * 1024LL);
  EXPECT_EQ(raw.at("proc:disk_read"), (1000 + 30) * 512) << "sda and nvme0n1, not loop0, sda1 or dm-0";
  EXPECT_EQ(raw.at("proc:disk_written"), (2000 + 40) * 512);
  EXPECT_EQ(raw.at("proc:net_received"), 874'354'587) << "eth0, not lo or docker0";
  EXPECT_EQ(raw.at("proc:net_sent"), 563'352'563);
}

TEST(Proc, AHiddenPathOfAMultipathDiskIsNotCounted) {
  Tree tree;
  proc_files(tree).file("sys/block/nvme0n1/hidden", "1\n");
  EXPECT_EQ(read(*open_proc(tree)).at("proc:disk_read"), 1000 * 512);
}

TEST(Proc, InAContainerAllButTheLoopbackCount) {
  Tree tree;
  proc_files(tree);
  std::filesystem::remove_all(tree.at("sys/class/net"));
  EXPECT_EQ(read(*open_proc(tree)).at("proc:net_received"), 874'354'587 + 2568);
  EXPECT_EQ(read(*open_proc(tree)).at("proc:net_sent"), 563'352'563 + 438);
}

TEST(Proc, WhatIsNotThereHasNoSensor) {
  Tree tree;
  proc_files(tree);
  std::filesystem::remove_all(tree.at("sys"));
  std::filesystem::remove(tree.at("proc/meminfo"));
  std::filesystem::remove(tree.at("proc/net/dev"));
  const auto proc = open_proc(tree);
  ASSERT_TRUE(proc);
  ASSERT_EQ(proc->sensors().size(), 2u);
  EXPECT_EQ(proc->sensors()[1].id, "proc:cpu_total");
}

TEST(Proc, GarbageIsMissingAndHealsItself) {
  Tree tree;
  const auto proc = open_proc(proc_files(tree));
  ASSERT_TRUE(proc);
  const auto good = read(*proc);
  for (const std::string text : {"", "garbage\n", "cpu\n", "\n\n\n", "cpu 1 2\nMemTotal: x kB\n"}) {
    for (const char* file : {"proc/stat", "proc/meminfo", "proc/diskstats", "proc/net/dev"}) tree.file(file, text);
    for (const auto& [id, raw] : read(*proc)) EXPECT_EQ(raw, missing) << id << " after " << text;
  }
  proc_files(tree);
  EXPECT_EQ(read(*proc), good);
}

TEST(Proc, AbsurdNumbersAreMissing) {
  Tree tree;
  const auto proc = open_proc(proc_files(tree));
  ASSERT_TRUE(proc);
  tree.file("proc/meminfo", "MemTotal: 100 kB\nMemAvailable: 200 kB\n");
  tree.file("proc/diskstats", " 8 0 sda 1 1 9223372036854775807 1 1 1 1 1\n");
  tree.file("proc/net/dev", "eth0: 99999999999999999999 0 0 0 0 0 0 0 1 0\n");
  const auto raw = read(*proc);
  EXPECT_EQ(raw.at("proc:memory_used"), missing);
  EXPECT_EQ(raw.at("proc:disk_read"), missing);
  EXPECT_EQ(raw.at("proc:net_received"), missing);
}

TEST(Proc, ADeviceThatGoesAndComesBackAtZeroLetsNothingFall) {
  Tree tree;
  const auto proc = open_proc(proc_files(tree));
  ASSERT_TRUE(proc);
  EXPECT_EQ(read(*proc).at("proc:disk_read"), 1030 * 512);
  tree.file("proc/diskstats", " 8 0 sda 1 1 1010 1 1 1 2000 1\n");
  EXPECT_EQ(read(*proc).at("proc:disk_read"), 1040 * 512) << "nvme0n1 is gone, its 30 sectors stay";
  tree.file("proc/diskstats", " 8 0 sda 1 1 1010 1 1 1 2000 1\n 259 0 nvme0n1 1 1 5 1 1 1 1 1\n");
  EXPECT_EQ(read(*proc).at("proc:disk_read"), 1045 * 512) << "back with 5 sectors";
}

TEST(Proc, CpuTimeNeverFallsWhenTheKernelsIdleTimeDoes) {
  Tree tree;
  const auto proc = open_proc(proc_files(tree));
  ASSERT_TRUE(proc);
  EXPECT_EQ(read(*proc).at("proc:cpu_total"), 10'000);
  tree.file("proc/stat", "cpu  1000 50 300 7998 200 20 30 400 0 0\n");
  EXPECT_EQ(read(*proc).at("proc:cpu_total"), 10'000);
  tree.file("proc/stat", "cpu  1001 50 300 8001 200 20 30 400 0 0\n");
  EXPECT_EQ(read(*proc).at("proc:cpu_total"), 10'002);
}

TEST(Proc, FilesLongerThanTheBufferAreReadWhole) {
  Tree tree;
  std::string disks;
  for (int i = 0; i < 3000; ++i) {
    const std::string name = "sd" + std::to_string(i);
    disks += "   8  " + std::to_string(i) + " " + name + " 1 1 10 1 1 1 20 1 0 1 1\n";
    if (i % 100 == 0) tree.file("sys/block/" + name + "/size", "1\n");
  }
  tree.file("proc/diskstats", disks);
  const auto proc = open_proc(tree);
  ASSERT_TRUE(proc);
  EXPECT_EQ(read(*proc).at("proc:disk_read"), 30 * 10 * 512);
  EXPECT_EQ(read(*proc).at("proc:disk_written"), 30 * 20 * 512);
  // The last line may lack its end; a line without end is no text of the kernel's.
  disks.pop_back();
  tree.file("proc/diskstats", disks);
  EXPECT_EQ(read(*proc).at("proc:disk_read"), 30 * 10 * 512);
  tree.file("proc/diskstats", disks + std::string(20'000, 'x'));
  EXPECT_EQ(read(*proc).at("proc:disk_read"), missing);
  tree.file("proc/diskstats", std::string(5 << 20, '\n'));
  EXPECT_EQ(read(*proc).at("proc:disk_read"), missing);
}

TEST(Proc, EachFileHasItsOwnBracket) {
  Tree tree;
  Host host = proc_files(tree).host();
  host.now_ns = &Clock::read;
  Clock::set(0, 200);
  Probe found = proc_backend.probe({host, ""});
  auto& proc = std::get<std::unique_ptr<Backend>>(found);
  Clock::set(1000, 200);
  std::vector<Reading> out(7);
  proc->read(out);
  const std::vector<std::int64_t> times{1100, 1100, 1300, 1500, 1500, 1700, 1700};
  for (std::size_t i = 0; i < 7; ++i) {
    EXPECT_EQ(out[i].t_ns, times[i]);
    EXPECT_EQ(out[i].halfwidth_ns, 100);
  }
}

TEST(Proc, TakesNoArgument) {
  Tree tree;
  Probe found = proc_backend.probe({tree.host(), "x"});
  ASSERT_TRUE(std::holds_alternative<Invalid>(found));
  EXPECT_EQ(std::get<Invalid>(found).reason, "the backend proc takes no argument");
}

}  // namespace
}  // namespace perun
