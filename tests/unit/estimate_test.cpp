// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "backends/backend.hpp"
#include "backends/cpu_tdp.hpp"
#include "backends/load_model.hpp"
#include "support/clock.hpp"
#include "support/machines.hpp"

namespace perun {

extern const BackendInfo estimate_backend;

namespace {

using namespace test;  // NOLINT: the fixtures

constexpr std::int64_t second = 1'000'000'000;

struct Opened {
  std::unique_ptr<Backend> backend;
  std::vector<std::int64_t> read() const {
    std::vector<Reading> readings(backend->sensors().size());
    backend->read(readings);
    std::vector<std::int64_t> raw;
    for (const Reading& r : readings) raw.push_back(r.raw);
    return raw;
  }
};

Opened open_estimate(const Tree& tree, double tdp_W = 0) {
  Host host = tree.host();
  host.now_ns = &Clock::read;
  Probe found = estimate_backend.probe({host, "", tdp_W});
  auto* backend = std::get_if<std::unique_ptr<Backend>>(&found);
  if (backend == nullptr) return {};
  return {std::move(*backend)};
}

Tree& stat(Tree& tree, int busy, int idle) {
  return tree.file("proc/stat", "cpu " + std::to_string(busy) + " 0 0 " + std::to_string(idle) + " 0 0 0 0 0 0\n");
}
Tree& memory(Tree& tree, std::int64_t kib) {
  return tree.file("proc/meminfo", "MemTotal: " + std::to_string(kib) + " kB\n");
}

TEST(LoadModel, GoesThroughItsKnotsInStraightLines) {
  EXPECT_DOUBLE_EQ(load_power(0), 0.12);
  EXPECT_DOUBLE_EQ(load_power(0.05), 0.22);
  EXPECT_DOUBLE_EQ(load_power(0.1), 0.32);
  EXPECT_DOUBLE_EQ(load_power(0.3), 0.535);
  EXPECT_DOUBLE_EQ(load_power(0.5), 0.75);
  EXPECT_DOUBLE_EQ(load_power(0.75), 0.885);
  EXPECT_DOUBLE_EQ(load_power(1), 1.02);
  EXPECT_DOUBLE_EQ(load_power(-1), 0.12);
  EXPECT_DOUBLE_EQ(load_power(7), 1.02);
}

TEST(LoadIntegral, UsesTheLoadOfEachInterval) {
  LoadIntegral integral(0, {100, 1000}, 1);
  EXPECT_NEAR(integral.advance(second, {150, 1100}), 0.75, 1e-12);
  EXPECT_NEAR(integral.advance(3 * second, {150, 1300}), 0.75 + 2 * 0.12, 1e-12);
  EXPECT_NEAR(integral.advance(4 * second, {250, 1400}), 0.75 + 0.24 + 1.02, 1e-12);
}

TEST(LoadIntegral, BeforeTheFirstTickTheStatedLoadHolds) {
  LoadIntegral integral(0, {0, 0}, 0.5);
  EXPECT_NEAR(integral.advance(second / 1000, {0, 0}), 0.75e-3, 1e-15);
  EXPECT_NEAR(integral.advance(second / 100, {1, 1}), 1.02e-2, 1e-12);
}

TEST(LoadIntegral, SingleTicksDoNotBendTheMean) {
  // One of two CPUs busy, seen every 5 ms: a tick is now busy, now idle. The load is 0.5, its power 0.75.
  LoadIntegral integral(0, {0, 0}, 0);
  double last = 0;
  for (int i = 1; i <= 2000; ++i) {
    const double now = integral.advance(i * second / 200, {(i + 1) / 2, i});
    EXPECT_GE(now, last);
    last = now;
  }
  EXPECT_NEAR(last, 10 * 0.75, 0.02);
}

TEST(LoadIntegral, NeverFallsWhateverTheKernelSays) {
  LoadIntegral integral(0, {0, 0}, 1);
  double last = 0;
  const CpuTicks odd[] = {{5, 5}, {4, 3}, {0, 0}, {10, 100}, {90, 100}, {200, 120}, {1, 1000}};
  for (int i = 1; i <= 700; ++i) {
    const double now = integral.advance(i * second / 50, odd[i % 7]);
    EXPECT_GE(now, last);
    EXPECT_LE(now, 1.02 * i / 50 + 1e-9);
    last = now;
  }
}

TEST(CpuTdp, NamesAreStrippedToWhatIdentifiesTheModel) {
  const std::pair<const char*, const char*> cases[] = {
      {"Intel(R) Xeon(R) CPU E5-2679 v4 @ 2.50GHz", "xeon e5-2679 v4"},
      {"AMD Ryzen 9 5950X 16-Core Processor", "ryzen 9 5950x"},
      {"11th Gen Intel(R) Core(TM) i7-1185G7 @ 3.00GHz", "core i7-1185g7"},
      {"AMD Ryzen 7 PRO 5850U with Radeon Graphics", "ryzen 7 pro 5850u"},
      {"AMD Ryzen AI 9 HX 370 w/ Radeon 890M", "ryzen ai 9 hx 370"},
      {"Intel(R) Core(TM)2 Duo CPU     E8400  @ 3.00GHz", "core 2 duo e8400"},
      {"AMD FX(tm)-8350 Eight-Core Processor", "fx-8350"},
      {"AMD Ryzen Threadripper PRO 3995WX 64-Cores", "ryzen threadripper pro 3995wx"},
      {"INTEL(R) XEON(R) PLATINUM 8592+", "xeon platinum 8592+"},
      {"  ", ""},
      {"@", ""}};
  for (const auto& [given, plain] : cases) EXPECT_EQ(plain_cpu_name(given), plain) << given;
}

TEST(CpuTdp, FindsWholeNamesOnly) {
  const std::pair<const char*, double> known[] = {
      {"Intel(R) Xeon(R) Gold 6248 CPU @ 2.50GHz", 150}, {"AMD EPYC 7763 64-Core Processor", 280},
      {"13th Gen Intel(R) Core(TM) i9-13900K", 125},     {"Intel(R) Core(TM) i5-8250U CPU @ 1.60GHz", 15},
      {"AMD FX(tm)-8350 Eight-Core Processor", 125},     {"Apple M1", 10}};
  for (const auto& [name, watts] : known) {
    const auto model = find_cpu_model(name);
    ASSERT_TRUE(model) << name;
    EXPECT_EQ(model->tdp_W, watts) << name;
  }
  EXPECT_EQ(find_cpu_model("AMD EPYC 7763 64-Core Processor")->name, "AMD EPYC 7763");
  for (const char* name :
       {"AMD EPYC", "", "Intel(R) Xeon(R) Processor @ 2.20GHz", "EPYC 776", "EPYC 77634", "model", "@ 3 GHz"})
    EXPECT_FALSE(find_cpu_model(name)) << name;
}

TEST(Estimate, TdpComesFromTheBestSourceAndTheNoteSaysWhich) {
  struct Case {
    const char *vendor, *model, *flags;
    int sockets;
    double given_W;
    const char *powercap, *note;
  };
  const Case cases[] = {
      {"GenuineIntel", "Intel(R) Xeon(R) Gold 6248 CPU @ 2.50GHz", "", 2, 33, "95000000", "assumes 33 W TDP, as given"},
      {"GenuineIntel", "Intel(R) Xeon(R) Gold 6248 CPU @ 2.50GHz", "", 1, 0, "95000000",
       "assumes 95 W TDP: power limit of 1 package (powercap)"},
      {"GenuineIntel", "Intel(R) Xeon(R) Gold 6248 CPU @ 2.50GHz", "", 2, 0, "4090000000",
       "assumes 300 W TDP: 2 sockets of Intel Xeon Gold 6248"},
      {"AuthenticAMD", "AMD EPYC 7763 64-Core Processor", "", 1, 0, nullptr, "assumes 280 W TDP: 1 socket of AMD EPYC 7763"},
      {"AuthenticAMD", "AMD Strange 9", "", 2, 0, nullptr,
       "assumes 170 W TDP: 85 W per socket, 2 sockets (unknown model); set --cpu-tdp"},
      {"AuthenticAMD", "AMD EPYC 7763 64-Core Processor", "hypervisor", 1, 0, nullptr,
       "assumes 16 W TDP: 4 W per core, 4 cores (virtual machine); set --cpu-tdp"},
      {"", "", "", 1, 0, nullptr, "assumes 16 W TDP: 4 W per core, 4 cores (unknown processor); set --cpu-tdp"}};
  for (const Case& c : cases) {
    Tree tree;
    cpuinfo(stat(tree, 0, 0), c.vendor, c.model, c.sockets, 4, c.flags);
    if (c.powercap != nullptr) {
      zone(tree, "intel-rapl:0", "package-0", range_esu14);
      tree.file("sys/class/powercap/intel-rapl:0/constraint_0_max_power_uw", c.powercap);
    }
    const auto estimate = open_estimate(tree, c.given_W);
    ASSERT_TRUE(estimate.backend) << c.note;
    EXPECT_EQ(estimate.backend->sensors()[0].note, c.note);
  }
}

TEST(Estimate, PackagesWithoutALimitAreTakenForTheMeanOfTheOthers) {
  Tree tree;
  multi_die(stat(tree, 0, 0));
  tree.file("sys/class/powercap/intel-rapl:0/constraint_0_max_power_uw", "175000000\n");
  tree.file("sys/class/powercap/intel-rapl:3/constraint_0_max_power_uw", "185000000\n");
  EXPECT_EQ(open_estimate(tree).backend->sensors()[0].note, "assumes 720 W TDP: power limit of 4 packages (powercap)");
}

TEST(Estimate, SensorsSayThatTheyAreModels) {
  Tree tree;
  memory(cpuinfo(stat(tree, 0, 0), "GenuineIntel", "x"), 16 << 20);
  const auto estimate = open_estimate(tree, 100);
  ASSERT_TRUE(estimate.backend);
  const auto sensors = estimate.backend->sensors();
  ASSERT_EQ(sensors.size(), 2u);
  EXPECT_EQ(sensors[0].id, "estimate:cpu");
  EXPECT_EQ(sensors[0].label, "cpu");
  EXPECT_EQ(sensors[0].source, "model: TDP x load");
  EXPECT_EQ(sensors[0].domain, Domain::package);
  EXPECT_EQ(sensors[1].id, "estimate:dram");
  EXPECT_EQ(sensors[1].label, "dram");
  EXPECT_EQ(sensors[1].source, "model: 0.392 W/GB");
  EXPECT_EQ(sensors[1].domain, Domain::dram);
  EXPECT_EQ(sensors[1].note, "assumes 6.27 W for 16.0 GB");
  for (const Sensor& s : sensors) {
    EXPECT_EQ(s.kind, Kind::estimated);
    EXPECT_EQ(s.quantity, Quantity::energy);
    EXPECT_EQ(s.behavior, Behavior::counter);
    EXPECT_DOUBLE_EQ(s.scale, 1e-6);
    EXPECT_EQ(s.wraps_at, 0);
    EXPECT_EQ(s.systematic_percent, 30);
  }
}

TEST(Estimate, JoulesFollowLoadTimeAndMemory) {
  Tree tree;
  memory(cpuinfo(stat(tree, 1000, 1000), "GenuineIntel", "x"), 16 << 20);
  Clock::set(5 * second);
  const auto estimate = open_estimate(tree, 100);
  ASSERT_TRUE(estimate.backend);
  EXPECT_EQ(estimate.read(), (std::vector<std::int64_t>{0, 0}));
  stat(tree, 2000, 2000);
  Clock::set(15 * second);
  EXPECT_EQ(estimate.read(), (std::vector<std::int64_t>{750'000'000, 62'720'000})) << "half busy for 10 s; 6.272 W";
  stat(tree, 2000, 2400);
  Clock::set(17 * second);
  EXPECT_EQ(estimate.read(), (std::vector<std::int64_t>{774'000'000, 75'264'000})) << "idle for 2 s";
  stat(tree, 2400, 2400);
  Clock::set(19 * second);
  EXPECT_EQ(estimate.read(), (std::vector<std::int64_t>{978'000'000, 87'808'000})) << "all busy for 2 s";
}

TEST(Estimate, BeforeTheFirstTickOneCpuCountsAsBusy) {
  Tree tree;
  cpuinfo(stat(tree, 1000, 1000), "GenuineIntel", "x", 1, 2);
  Clock::set(0);
  const auto estimate = open_estimate(tree, 100);
  Clock::set(2'000'000);
  EXPECT_EQ(estimate.read(), (std::vector<std::int64_t>{150'000})) << "2 ms at 75 W: one of two CPUs";
}

TEST(Estimate, GarbageInStatIsMissingAndTheTimeIsNotLost) {
  Tree tree;
  memory(cpuinfo(stat(tree, 0, 0), "GenuineIntel", "x"), 16 << 20);
  Clock::set(0);
  const auto estimate = open_estimate(tree, 100);
  tree.file("proc/stat", "cpu x\n");
  Clock::set(second);
  EXPECT_EQ(estimate.read(), (std::vector<std::int64_t>{missing, 6'272'000}));
  stat(tree, 200, 0);
  Clock::set(2 * second);
  EXPECT_EQ(estimate.read(), (std::vector<std::int64_t>{204'000'000, 12'544'000}));
}

TEST(Estimate, EachHalfStandsAlone) {
  Tree only_memory;
  memory(only_memory, 1 << 20);
  const auto dram = open_estimate(only_memory);
  ASSERT_TRUE(dram.backend);
  ASSERT_EQ(dram.backend->sensors().size(), 1u);
  EXPECT_EQ(dram.backend->sensors()[0].id, "estimate:dram");
  Clock::set(0);
  EXPECT_EQ(dram.read().size(), 1u);
  Tree broken;
  broken.file("proc/stat", "nothing\n").file("proc/meminfo", "MemTotal: -4 kB\n");
  EXPECT_FALSE(open_estimate(broken).backend);
}

}  // namespace
}  // namespace perun
