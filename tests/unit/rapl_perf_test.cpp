// SPDX-License-Identifier: BSD-3-Clause
// RAPL through performance events.
#include <gtest/gtest.h>
#include <linux/perf_event.h>

#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "backends/backend.hpp"
#include "support/fake_rapl.hpp"

namespace perun {

extern const BackendInfo rapl_backend;

namespace {

using namespace test;  // NOLINT: the fixtures
using Words = std::vector<std::string>;

std::unique_ptr<Backend> open_perf(const Host& host) {
  Probe found = rapl_backend.probe({host, "perf"});
  auto* backend = std::get_if<std::unique_ptr<Backend>>(&found);
  return backend != nullptr ? std::move(*backend) : nullptr;
}

Blocked blocked_perf(const Host& host) {
  Probe found = rapl_backend.probe({host, "perf"});
  const auto* blocked = std::get_if<Blocked>(&found);
  return blocked != nullptr ? *blocked : Blocked{"NOT BLOCKED", ""};
}

Words ids(const Backend& backend) {
  Words out;
  for (const Sensor& s : backend.sensors()) out.push_back(s.id);
  return out;
}

std::vector<Reading> read(Backend& backend) {
  std::vector<Reading> readings(backend.sensors().size());
  backend.read(readings);
  return readings;
}

/// 40 W on even and 90 W on odd CPUs, a fifth of it for memory.
double steady(const PerfEvent& e, double t) {
  return (e.cpu % 2 == 0 ? 40 : 90) * t * (e.config == pkg_event ? 1 : 0.2);
}

/// One-socket client.
Tree& client(Tree& tree) {
  return power_pmu(topology(cpuinfo(tree, "GenuineIntel", "Core"), 0, 0), "0", {"pkg", "cores", "gpu", "psys"});
}

/// Two sockets with DRAM; odd CPUs are in the first package, to tell order of CPUs and of packages apart.
Tree& two_sockets(Tree& tree) {
  cpuinfo(tree, "GenuineIntel", "Xeon", 2);
  return power_pmu(topology(topology(tree, 0, 1), 57, 0), "0,57", {"pkg", "ram"});
}

TEST(RaplPerf, TheEnergyOfACurveIsItsIntegral) {
  // P = 50 W + 30 W sin(2 pi t), and E its integral.
  const auto joules = [](const PerfEvent&, double t) {
    return 50 * t + 30 * (1 - std::cos(2 * std::numbers::pi * t)) / (2 * std::numbers::pi);
  };
  Tree tree;
  FakePmu pmu(joules);
  const auto rapl = open_perf(pmu.host(client(tree)));
  ASSERT_TRUE(rapl);
  const auto begin = read(*rapl);
  std::int64_t sum = 0, last = begin[0].raw;
  for (int i = 0; i < 1000; ++i) {
    pmu.now_ns += 3'700'000;
    const auto now = read(*rapl);
    ASSERT_GE(now[0].raw, last);
    sum += now[0].raw - last;
    last = now[0].raw;
  }
  const auto end = read(*rapl);
  sum += end[0].raw - last;
  const double t0 = static_cast<double>(begin[0].t_ns) * 1e-9, t1 = static_cast<double>(end[0].t_ns) * 1e-9;
  const double truth = joules({}, t1) - joules({}, t0);
  EXPECT_GT(truth, 180);
  // At each end a refresh of 1 ms at no more than 80 W, and a step.
  EXPECT_NEAR(static_cast<double>(sum) * rapl->sensors()[0].scale, truth, 2 * (80e-3 + 0x1p-14));
}

TEST(RaplPerf, NamesAreThoseOfPowercap) {
  Tree tree;
  FakePmu pmu(&steady);
  const auto rapl = open_perf(pmu.host(client(tree)));
  ASSERT_TRUE(rapl);
  EXPECT_EQ(ids(*rapl), (Words{"rapl:package-0", "rapl:package-0:core", "rapl:package-0:uncore", "rapl:psys"}));
  EXPECT_EQ(rapl->choice(), "perf, as asked for");
  EXPECT_TRUE(rapl->blocked().empty());
  const auto sensors = rapl->sensors();
  EXPECT_EQ(sensors[1].label, "cpu:0 cores");
  EXPECT_EQ(sensors[1].part_of, "rapl:package-0");
  EXPECT_EQ(sensors[2].part_of, "rapl:package-0");
  EXPECT_EQ(sensors[3].domain, Domain::platform);
  EXPECT_EQ(sensors[3].label, "psys");
  EXPECT_EQ(sensors[3].max_power_W, 15'000);
  for (const Sensor& s : sensors) {
    EXPECT_EQ(s.source, "rapl perf");
    EXPECT_EQ(s.scale, 0x1p-32) << "raw counts, as the kernel gives them";
    EXPECT_EQ(s.resolution, 1 << 18) << "of which the hardware makes 2^18 at once";
    EXPECT_EQ(s.wraps_at, 0);
    EXPECT_EQ(s.refresh_ns, 1'000'000);
    EXPECT_EQ(s.note, "");
  }
}

TEST(RaplPerf, EachSocketIsReadWithOneCallAndKeepsItsPlace) {
  Tree tree;
  FakePmu pmu(&steady);
  const auto rapl = open_perf(pmu.host(two_sockets(tree)));
  ASSERT_TRUE(rapl);
  EXPECT_EQ(ids(*rapl), (Words{"rapl:package-0", "rapl:package-0:dram", "rapl:package-1", "rapl:package-1:dram"}));
  EXPECT_EQ(rapl->sensors()[2].index, 1);
  const auto before = read(*rapl);
  pmu.now_ns += 10'000'000'000;
  pmu.reads = 0;
  const auto after = read(*rapl);
  read(*rapl);
  EXPECT_EQ(pmu.reads, 4) << "2 sockets, twice";
  const double watts[] = {90, 18, 40, 8};
  for (std::size_t i = 0; i < 4; ++i)
    EXPECT_NEAR(static_cast<double>(after[i].raw - before[i].raw) * 0x1p-32, watts[i] * 10, 0.1) << i;
  EXPECT_EQ(after[0].t_ns, after[1].t_ns) << "one call, one time";
  EXPECT_EQ(after[2].t_ns - after[0].t_ns, pmu.step_ns);
  EXPECT_EQ(after[0].halfwidth_ns, pmu.step_ns / 2);
}

TEST(RaplPerf, DiesAreNamedWhereAPackageHasSeveral) {
  Tree tree;
  cpuinfo(tree, "GenuineIntel", "Xeon 9242", 2);
  const int cpus[] = {0, 24, 48, 72};
  for (int i = 0; i < 4; ++i) topology(tree, cpus[i], i / 2, i % 2);
  power_pmu(tree, "0,24,48,72", {"pkg", "ram"});
  FakePmu pmu(&steady);
  const auto rapl = open_perf(pmu.host(tree));
  ASSERT_TRUE(rapl);
  Tree same;
  Probe powercap = rapl_backend.probe({multi_die(same).host(), "powercap"});
  EXPECT_EQ(ids(*rapl), ids(**std::get_if<std::unique_ptr<Backend>>(&powercap)));
  EXPECT_EQ(rapl->sensors()[6].label, "cpu:1.1 package");
  EXPECT_EQ(rapl->sensors()[7].id, "rapl:package-1-die-1:dram");
}

TEST(RaplPerf, AmdCountsPackagesOnlyWhateverIsListed) {
  Tree tree;
  cpuinfo(tree, "AuthenticAMD", "EPYC", 2);
  topology(topology(tree, 0, 0, 3), 64, 1, 7);  // its dies are no domains of their own
  power_pmu(tree, "0,64", {"pkg", "cores", "gpu", "ram", "psys"});
  FakePmu pmu(&steady);
  const auto rapl = open_perf(pmu.host(tree));
  ASSERT_TRUE(rapl);
  EXPECT_EQ(ids(*rapl), (Words{"rapl:package-0", "rapl:package-1"}));
  EXPECT_EQ(pmu.opened, 2);
  EXPECT_EQ(rapl->choice(),
            "perf, as asked for; energy-cores, energy-gpu, energy-ram, energy-psys left out: AMD counts packages only");
  EXPECT_EQ(rapl->sensors()[0].note, "modelled inside the processor");
  EXPECT_EQ(rapl->sensors()[0].systematic_percent, 10);
  EXPECT_EQ(rapl->sensors()[0].resolution, 1 << 16);
}

TEST(RaplPerf, PsysOfSeveralPackagesIsNotGuessed) {
  Tree tree;
  power_pmu(two_sockets(tree), "0,57", {"pkg", "psys"});
  FakePmu pmu(&steady);
  const auto rapl = open_perf(pmu.host(tree));
  ASSERT_TRUE(rapl);
  for (const Sensor& s : rapl->sensors()) EXPECT_NE(s.domain, Domain::platform);
  EXPECT_TRUE(rapl->choice().ends_with("; energy-psys left out: it does not say which package counts it"));
}

TEST(RaplPerf, TheStepIsTheZonesWherePowercapTellsIt) {
  Tree tree;
  client(tree);
  power_pmu(tree, "0", {"pkg", "ram"});
  zone(tree, "intel-rapl:0", "package-0", range_esu16);
  zone(tree, "intel-rapl:0:0", "dram", range_fixed_dram);
  tree.file("sys/class/powercap/intel-rapl:0/constraint_0_max_power_uw", "95000000\n");
  FakePmu pmu(&steady);
  const auto rapl = open_perf(pmu.host(tree));
  ASSERT_TRUE(rapl);
  EXPECT_EQ(rapl->sensors()[0].resolution, 1 << 16);
  EXPECT_EQ(rapl->sensors()[0].max_power_W, 190);
  EXPECT_EQ(rapl->sensors()[3].id, "rapl:package-0:dram");
  EXPECT_EQ(rapl->sensors()[3].resolution, 1 << 16);
  EXPECT_EQ(rapl->sensors()[3].scale, 0x1p-32) << "perf needs no correction of 15.3 uJ";
}

TEST(RaplPerf, WhatTheGroupRefusesIsReadAlone) {
  Tree tree;
  FakePmu pmu(&steady);
  pmu.refuse = [](const PerfEvent& e) { return e.config == ram_event && e.group >= 0 ? EINVAL : 0; };
  const auto rapl = open_perf(pmu.host(two_sockets(tree)));
  ASSERT_TRUE(rapl);
  EXPECT_EQ(rapl->sensors().size(), 4u);
  EXPECT_TRUE(rapl->blocked().empty());
  const auto before = read(*rapl);
  pmu.now_ns += 1'000'000'000;
  pmu.reads = 0;
  const auto after = read(*rapl);
  read(*rapl);
  EXPECT_EQ(pmu.reads, 8);
  const double watts[] = {90, 18, 40, 8};
  for (std::size_t i = 0; i < 4; ++i)
    EXPECT_NEAR(static_cast<double>(after[i].raw - before[i].raw) * 0x1p-32, watts[i], 0.2) << i;
}

TEST(RaplPerf, AGroupThatReadsWronglyIsTakenApart) {
  Tree tree;
  FakePmu pmu(&steady);
  pmu.shown_too_many = 1;
  const auto rapl = open_perf(pmu.host(two_sockets(tree)));
  ASSERT_TRUE(rapl);
  EXPECT_EQ(ids(*rapl), (Words{"rapl:package-0", "rapl:package-0:dram", "rapl:package-1", "rapl:package-1:dram"}));
  for (const Reading& r : read(*rapl)) EXPECT_NE(r.raw, missing);
}

TEST(RaplPerf, AnEventThatIsRefusedIsToldAndTheOthersServe) {
  Tree tree;
  FakePmu pmu(&steady);
  pmu.refuse = [](const PerfEvent& e) { return e.config == gpu_event ? ENOENT : 0; };
  const auto rapl = open_perf(pmu.host(client(tree)));
  ASSERT_TRUE(rapl);
  EXPECT_EQ(ids(*rapl), (Words{"rapl:package-0", "rapl:package-0:core", "rapl:psys"}));
  ASSERT_EQ(rapl->blocked().size(), 1u);
  EXPECT_EQ(rapl->blocked()[0].reason, "perf_event_open for energy-gpu on cpu0: no such file or directory");
}

TEST(RaplPerf, ARefusalOfOnePackageIsARefusalOfAll) {
  Tree tree;
  FakePmu pmu(&steady);
  pmu.refuse = [](const PerfEvent& e) { return e.cpu == 0 ? ENODEV : 0; };
  const Blocked blocked = blocked_perf(pmu.host(two_sockets(tree)));
  EXPECT_EQ(blocked.reason, "perf_event_open for energy-pkg on cpu0: no such device");
  EXPECT_EQ(blocked.hint, "");
}

TEST(RaplPerf, RefusalsSayWhatHelps) {
  Tree tree;
  client(tree);
  FakePmu pmu(&steady);
  int error = EACCES;
  pmu.refuse = [&](const PerfEvent&) { return error; };
  const std::string what = "perf_event_open for energy-pkg on cpu0: ";
  EXPECT_EQ(blocked_perf(pmu.host(tree)).reason, what + "permission denied");

  tree.file("proc/sys/kernel/perf_event_paranoid", "2\n");
  Blocked blocked = blocked_perf(pmu.host(tree));
  EXPECT_EQ(blocked.reason, what + "permission denied (kernel.perf_event_paranoid is 2)");
  EXPECT_EQ(blocked.hint,
            "sudo sysctl kernel.perf_event_paranoid=0 (until reboot; lets every user read them, see CVE-2020-8694), or sudo "
            "setcap cap_perfmon+ep on perun");
  for (const char* level : {"3\n", "4\n"}) {
    tree.file("proc/sys/kernel/perf_event_paranoid", level);
    EXPECT_TRUE(blocked_perf(pmu.host(tree)).hint.ends_with("; at this level CAP_PERFMON alone does not help")) << level;
  }
  error = EPERM;
  blocked = blocked_perf(pmu.host(tree));
  EXPECT_EQ(blocked.reason, what + "operation not permitted");
  EXPECT_EQ(blocked.hint,
            "in a container: run it with --cap-add PERFMON, or with a seccomp profile that allows perf_event_open");
  error = EMFILE;
  EXPECT_EQ(blocked_perf(pmu.host(tree)).hint, "raise the number of open files: ulimit -n");
  error = ENOSYS;
  EXPECT_EQ(blocked_perf(pmu.host(tree)).reason, what + "function not implemented");
}

TEST(RaplPerf, ACounterThatStandsStillIsFoundWithinTwoMilliseconds) {
  Tree tree;
  FakePmu pmu([](const PerfEvent& e, double t) { return e.cpu == 0 ? 5.0 : 40 * t; });
  const std::int64_t begin = pmu.now_ns;
  EXPECT_EQ(blocked_perf(pmu.host(two_sockets(tree))).reason, "perf: the counter of cpu:1 package stands still");
  EXPECT_GE(pmu.now_ns - begin, 2'000'000);
  EXPECT_LE(pmu.now_ns - begin, 2'100'000);
}

TEST(RaplPerf, ACounterThatCountsIsWaitedForOneRefresh) {
  Tree tree;
  FakePmu pmu(&steady);
  const std::int64_t begin = pmu.now_ns;
  ASSERT_TRUE(open_perf(pmu.host(two_sockets(tree))));
  EXPECT_LE(pmu.now_ns - begin, 1'100'000);
}

TEST(RaplPerf, AClockThatStandsStillDoesNotHangIt) {
  Tree tree;
  FakePmu pmu(&steady);
  pmu.step_ns = 0;
  EXPECT_TRUE(blocked_perf(pmu.host(client(tree))).reason.ends_with("stands still"));
}

TEST(RaplPerf, ReadingsThatFailAreMissing) {
  Tree tree;
  FakePmu pmu(&steady);
  const auto rapl = open_perf(pmu.host(two_sockets(tree)));
  ASSERT_TRUE(rapl);
  pmu.shown_too_many = 1;
  for (const Reading& r : read(*rapl)) EXPECT_EQ(r.raw, missing);
  pmu.shown_too_many = 0;
  for (const Reading& r : read(*rapl)) EXPECT_NE(r.raw, missing);
}

TEST(RaplPerf, FilesOfThePmuThatLieAreToldNotGuessed) {
  struct Case {
    const char *file, *text, *reason;
  };
  const std::string at = "sys/bus/event_source/devices/power/";
  for (const auto& [file, text, reason] : std::vector<Case>{
           {"type", "", "/type says ''"},
           {"type", "-1\n", "/type says '-1'"},
           {"type", "4294967296\n", "/type says '4294967296'"},
           {"type", "29 30\n", "/type says '29 30'"},
           {"cpumask", "\n", "/cpumask says ''"},
           {"cpumask", "0,\n", "/cpumask says '0,'"},
           {"cpumask", "0-8191\n", "/cpumask says '0-8191'"},
           {"cpumask", "a\tb\n", "/cpumask says 'a b'"},
           {"cpumask", "7\n", "perf: /sys does not say which package cpu7 is in"},
           {"cpumask", "0,2\n", "perf: cpumask names package 1 twice, with cpu0 and cpu2"},
           {"cpumask", "0\n", "perf: cpumask covers 1 of 2 packages"},
           {"format/event", "config1:0-7\n", "/format/event says 'config1:0-7'"},
           {"format/event", "config:7-0\n", "/format/event says 'config:7-0'"},
           {"format/event", "config:0-64\n", "/format/event says 'config:0-64'"},
           {"format/event", "config:\n", "/format/event says 'config:'"},
           {"events/energy-pkg", "event=\n", "/events/energy-pkg says 'event='"},
           {"events/energy-pkg", "event=0x100\n", "/events/energy-pkg says 'event=0x100'"},
           {"events/energy-pkg", "event=0x02,umask=1\n", "/events/energy-pkg says 'event=0x02,umask=1'"},
           {"events/energy-pkg", "\xff\xfe\n", "/events/energy-pkg says '\xEF\xBF\xBD\xEF\xBF\xBD'"},
           {"events/energy-pkg.unit", "Watts\n", "/events/energy-pkg.unit says 'Watts'"},
           {"events/energy-pkg.scale", "nan\n", "/events/energy-pkg.scale says 'nan'"},
           {"events/energy-pkg.scale", "0\n", "/events/energy-pkg.scale says '0'"},
           {"events/energy-pkg.scale", "-1e-10\n", "/events/energy-pkg.scale says '-1e-10'"},
           {"events/energy-pkg.scale", "1e300\n", "/events/energy-pkg.scale says '1e300'"},
       }) {
    Tree tree;
    topology(two_sockets(tree), 2, 1).file(at + file, text);
    FakePmu pmu(&steady);
    const Blocked blocked = blocked_perf(pmu.host(tree));
    EXPECT_TRUE(blocked.reason.ends_with(reason)) << blocked.reason << " instead of " << reason;
    EXPECT_EQ(pmu.opened, 0) << reason;
  }
}

TEST(RaplPerf, FilesOfThePmuThatAreNotThereAreTold) {
  const std::string at = "sys/bus/event_source/devices/power/";
  for (const std::string file : {"cpumask", "format/event", "events/energy-pkg.unit", "events/energy-pkg.scale"}) {
    Tree tree;
    two_sockets(tree);
    std::filesystem::remove(tree.at(at + file));
    FakePmu pmu(&steady);
    EXPECT_EQ(blocked_perf(pmu.host(tree)).reason, tree.at(at + file).string() + ": no such file or directory");
    std::filesystem::create_directories(tree.at(at + file));
    EXPECT_EQ(blocked_perf(pmu.host(tree)).reason, tree.at(at + file).string() + ": is a directory");
  }
  Tree tree;
  two_sockets(tree);
  std::filesystem::remove(tree.at(at + "events/energy-pkg"));
  FakePmu pmu(&steady);
  EXPECT_EQ(blocked_perf(pmu.host(tree)).reason, tree.at(at + "events/energy-pkg").string() + " is not there");
  std::filesystem::remove(tree.at(at + "type"));
  Probe found = rapl_backend.probe({pmu.host(tree), "perf"});
  EXPECT_TRUE(std::holds_alternative<Absent>(found));
}

TEST(RaplPerf, AnEventThatLiesIsLeftOutAndTold) {
  Tree tree;
  client(tree).file("sys/bus/event_source/devices/power/events/energy-gpu.scale", "much\n");
  FakePmu pmu(&steady);
  const auto rapl = open_perf(pmu.host(tree));
  ASSERT_TRUE(rapl);
  EXPECT_EQ(ids(*rapl), (Words{"rapl:package-0", "rapl:package-0:core", "rapl:psys"}));
  ASSERT_EQ(rapl->blocked().size(), 1u);
  EXPECT_TRUE(rapl->blocked()[0].reason.ends_with("/events/energy-gpu.scale says 'much'"));
}

TEST(RaplPerf, TheBitsOfAnEventAreWhereTheFormatPutsThem) {
  Tree tree;
  client(tree).file("sys/bus/event_source/devices/power/format/event", "config:8-15\n");
  std::vector<std::uint64_t> configs;
  FakePmu pmu(&steady);
  pmu.refuse = [&](const PerfEvent& e) {
    configs.push_back(e.config);
    EXPECT_EQ(e.type, 29u);
    return 0;
  };
  open_perf(pmu.host(tree));
  EXPECT_EQ(configs, (std::vector<std::uint64_t>{0x200, 0x100, 0x400, 0x500}));
}

/// The kernel's software clock in place of the hardware: 1 ns of a CPU's time for 1 nJ is a package of 1 W, read through the
/// real system call.
TEST(RaplPerf, OneWattByTheRealSystemCall) {
  Tree tree;
  client(tree);
  const std::string at = "sys/bus/event_source/devices/power/";
  tree.file(at + "type", std::to_string(PERF_TYPE_SOFTWARE) + "\n");
  for (const std::string e : {"pkg", "cores", "gpu", "psys"})
    tree.file(at + "events/energy-" + e, "event=0x00\n").file(at + "events/energy-" + e + ".scale", "1e-9\n");
  Host host = tree.host();
  host.open_perf = &open_perf_event;
  if (!open_perf_event({.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_CPU_CLOCK, .cpu = 0})) {
    // Then the backend must say so.
    EXPECT_TRUE(blocked_perf(host).reason.starts_with("perf_event_open for energy-pkg on cpu0: "));
    return;
  }
  const auto rapl = open_perf(host);
  ASSERT_TRUE(rapl) << blocked_perf(host).reason;
  ASSERT_EQ(rapl->sensors().size(), 4u);
  const auto before = read(*rapl);
  for (const std::int64_t end = monotonic_ns() + 20'000'000; monotonic_ns() < end;) {
  }
  const auto after = read(*rapl);
  for (std::size_t i = 0; i < 4; ++i) {
    const double joules = static_cast<double>(after[i].raw - before[i].raw) * rapl->sensors()[i].scale;
    const double seconds = static_cast<double>(after[i].t_ns - before[i].t_ns) * 1e-9;
    const double edges = static_cast<double>(after[i].halfwidth_ns + before[i].halfwidth_ns) * 1e-9;
    EXPECT_NEAR(joules, seconds, edges + 1e-3 * seconds) << i;
  }
}

}  // namespace
}  // namespace perun
