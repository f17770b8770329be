// SPDX-License-Identifier: BSD-3-Clause
// RAPL through the processor's registers.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "backends/backend.hpp"
#include "support/fake_rapl.hpp"
#include "support/plain_user.hpp"

namespace perun {

extern const BackendInfo rapl_backend;

namespace {

using namespace test;  // NOLINT: the fixtures
using Words = std::vector<std::string>;

constexpr off_t units = 0x606, pkg = 0x611, pp0 = 0x639, pp1 = 0x641, dram = 0x619, psys = 0x64D;
constexpr off_t amd_units = 0xC0010299, amd_pkg = 0xC001029B;

std::unique_ptr<Backend> open_msr(const Host& host) {
  Probe found = rapl_backend.probe({host, "msr"});
  auto* backend = std::get_if<std::unique_ptr<Backend>>(&found);
  return backend != nullptr ? std::move(*backend) : nullptr;
}

Blocked blocked_msr(const Host& host) {
  Probe found = rapl_backend.probe({host, "msr"});
  const auto* blocked = std::get_if<Blocked>(&found);
  return blocked != nullptr ? *blocked : Blocked{"NOT BLOCKED", ""};
}

bool absent(const Host& host) {
  return std::holds_alternative<Absent>(rapl_backend.probe({host, "msr"}));
}

Words ids(const Backend& backend) {
  Words out;
  for (const Sensor& s : backend.sensors()) out.push_back(s.id);
  return out;
}

std::vector<std::int64_t> read(Backend& backend) {
  std::vector<Reading> readings(backend.sensors().size());
  backend.read(readings);
  std::vector<std::int64_t> raw;
  for (const Reading& r : readings) raw.push_back(r.raw);
  return raw;
}

/// `model` as /proc/cpuinfo says it, with CPUs 0 and 1 in the first package, 2 and 3 in the second.
Tree& machine(Tree& tree, std::string_view vendor, int family, int model, int packages = 2, std::string_view flags = "") {
  std::string all;
  for (int cpu = 0; cpu < 2 * packages; ++cpu) {
    all += "processor\t: " + std::to_string(cpu) + "\nvendor_id\t: " + std::string(vendor) +
           "\ncpu family\t: " + std::to_string(family) + "\nmodel\t\t: " + std::to_string(model) +
           "\nphysical id\t: " + std::to_string(cpu / 2) + "\nflags\t\t: fpu " + std::string(flags) + "\n\n";
    topology(tree, cpu, cpu / 2);
  }
  return tree.file("proc/cpuinfo", all).file("sys/devices/system/cpu/online", packages == 2 ? "0-3\n" : "0-1\n");
}

/// Registers of one Intel package: units 2^-14 J, and which counters there are. The package moves at each look.
void intel_package(FakeMsr& msr, int cpu, const std::vector<std::pair<off_t, std::uint64_t>>& counters) {
  msr.set(cpu, units, 0xA0E03);
  for (const off_t address : {pp0, pp1, dram, psys}) msr.set(cpu, address, 0);
  for (const auto& [address, value] : counters) msr.set(cpu, address, value);
  msr.at_look = [before = msr.at_look, cpu, value = std::uint64_t{1000}](FakeMsr& m) mutable {
    before(m);
    m.set(cpu, pkg, ++value);
  };
}

TEST(RaplMsr, OneCpuOfEachPackageIsRead) {
  Tree tree;
  machine(tree, "GenuineIntel", 6, 0x9E);
  FakeMsr msr(tree);
  intel_package(msr, 0, {{pkg, 1000}, {pp0, 7}, {pp1, 8}, {dram, 9}});
  intel_package(msr, 2, {{pkg, 1000}, {dram, 10}, {psys, 11}});
  const auto rapl = open_msr(msr.host());
  ASSERT_TRUE(rapl);
  EXPECT_EQ(ids(*rapl), (Words{"rapl:package-0", "rapl:package-0:core", "rapl:package-0:uncore", "rapl:package-0:dram",
                               "rapl:package-1", "rapl:package-1:dram", "rapl:psys"}))
      << "what is 0 is not there";
  EXPECT_EQ(rapl->choice(), "msr, as asked for");
  msr.at_look = [](FakeMsr& m) {
    m.set(0, pkg, 0xFFFF'FFFF'FFFF'FFF0);
    m.set(2, pkg, 5);
  };
  EXPECT_EQ(read(*rapl), (std::vector<std::int64_t>{0xFFFF'FFF0, 7, 8, 9, 5, 10, 11})) << "32 bits, the others are reserved";
  for (const Sensor& s : rapl->sensors()) {
    EXPECT_EQ(s.source, "rapl msr");
    EXPECT_EQ(s.scale, 0x1p-14);
    EXPECT_EQ(s.resolution, 1);
    EXPECT_EQ(s.wraps_at, 0xFFFF'FFFF);
    EXPECT_EQ(s.refresh_ns, 1'000'000);
  }
  EXPECT_EQ(rapl->sensors()[1].part_of, "rapl:package-0");
  EXPECT_EQ(rapl->sensors()[3].part_of, "");
}

TEST(RaplMsr, UnitsAreThoseOfTheModel) {
  struct Case {
    int model;
    double dram_J, psys_J;
  };
  constexpr double fixed = 0x1p-16, usual = 0x1p-14;
  for (const auto& [model, dram_J, psys_J] : std::vector<Case>{{0x3F, fixed, usual},   // Haswell-EP
                                                               {0x4F, fixed, usual},   // Broadwell-EP
                                                               {0x55, fixed, usual},   // Skylake-SP, Cascade Lake
                                                               {0x6A, fixed, usual},   // Ice Lake-SP
                                                               {0x57, fixed, usual},   // Knights Landing
                                                               {0x8F, usual, 1},       // Sapphire Rapids
                                                               {0xCF, usual, 1},       // Emerald Rapids
                                                               {0x9E, usual, usual}})  // Coffee Lake
  {
    Tree tree;
    machine(tree, "GenuineIntel", 6, model, 1);
    FakeMsr msr(tree);
    intel_package(msr, 0, {{pkg, 1000}, {dram, 9}, {psys, 11}});
    const auto rapl = open_msr(msr.host());
    ASSERT_TRUE(rapl) << model;
    ASSERT_EQ(rapl->sensors().size(), 3u) << model;
    EXPECT_EQ(rapl->sensors()[0].scale, usual) << model;
    EXPECT_EQ(rapl->sensors()[1].scale, dram_J) << model;
    EXPECT_EQ(rapl->sensors()[2].scale, psys_J) << model;
  }
}

TEST(RaplMsr, AmdHasItsOwnRegistersAndOnlyPackages) {
  Tree tree;
  machine(tree, "AuthenticAMD", 25, 1);
  topology(tree, 1, 0, 1);  // two dies that share the counter of their package
  FakeMsr msr(tree);
  for (const int cpu : {0, 2}) {
    msr.set(cpu, amd_units, 0x1003, 2);  // of a file's bytes the other registers are neighbours
    msr.set(cpu, amd_pkg, 77);
  }
  msr.at_look = [value = std::uint64_t{100}](FakeMsr& m) mutable {
    for (const int cpu : {0, 2}) m.set(cpu, amd_pkg, ++value);
  };
  const auto rapl = open_msr(msr.host());
  ASSERT_TRUE(rapl);
  EXPECT_EQ(ids(*rapl), (Words{"rapl:package-0", "rapl:package-1"}));
  EXPECT_EQ(rapl->sensors()[0].scale, 0x1p-16);
  EXPECT_EQ(rapl->sensors()[0].systematic_percent, 10);
}

TEST(RaplMsr, ReadingsThatFailAreMissing) {
  Tree tree;
  machine(tree, "GenuineIntel", 6, 0x9E, 1);
  FakeMsr msr(tree);
  intel_package(msr, 0, {{pkg, 1000}});
  const auto rapl = open_msr(msr.host());
  ASSERT_TRUE(rapl);
  msr.at_look = [](FakeMsr&) {};
  std::filesystem::resize_file(tree.at("dev/cpu/0/msr"), 0x600);
  EXPECT_EQ(read(*rapl), std::vector<std::int64_t>{missing});
}

TEST(RaplMsr, WithoutTheModuleOrAKnownProcessorItIsAbsent) {
  Tree tree;
  EXPECT_TRUE(absent(tree.host()));
  machine(tree, "GenuineIntel", 6, 0x9E);
  EXPECT_TRUE(absent(tree.host()));
  Tree arm;
  machine(arm, "ARM", 8, 1);
  FakeMsr msr(arm);
  intel_package(msr, 0, {{pkg, 1000}});
  EXPECT_TRUE(absent(msr.host()));
  for (const char* online : {"", "x\n"}) {
    machine(arm, "GenuineIntel", 6, 0x9E).file("sys/devices/system/cpu/online", online);
    EXPECT_TRUE(absent(msr.host())) << online;
  }
}

TEST(RaplMsr, WithoutRightsItSaysWhatToDo) {
  Tree tree;
  machine(tree, "GenuineIntel", 6, 0x9E);
  FakeMsr msr(tree);
  intel_package(msr, 0, {{pkg, 1000}});
  msr.at_look = [](FakeMsr&) {};
  std::filesystem::permissions(tree.root(), std::filesystem::perms(0755));
  std::filesystem::permissions(tree.at("dev/cpu/0/msr"), std::filesystem::perms::none);
  const PlainUser user;
  const Blocked blocked = blocked_msr(msr.host());
  EXPECT_EQ(blocked.reason, tree.at("dev/cpu/0/msr").string() + ": permission denied");
  EXPECT_EQ(blocked.hint, "run perun as root");
}

TEST(RaplMsr, RegistersThatMeanNothingAreTold) {
  const auto reason = [](int model, std::string_view flags, auto&& change) {
    Tree tree;
    machine(tree, "GenuineIntel", 6, model, 2, flags);
    FakeMsr msr(tree);
    intel_package(msr, 0, {{pkg, 1000}});
    intel_package(msr, 2, {{pkg, 1000}});
    change(tree, msr);
    if (absent(msr.host())) return std::string("absent");
    const std::string text = blocked_msr(msr.host()).reason;
    return text.substr(std::min(text.find("/cpu/"), text.size()));
  };
  const auto zero = [](Tree&, FakeMsr& msr) {
    msr.at_look = [](FakeMsr&) {};
    msr.set(2, pkg, 0);
  };
  EXPECT_EQ(reason(0x9E, "", zero), "/cpu/2/msr: the package's counter is 0");
  EXPECT_EQ(reason(0x9E, "hypervisor", zero), "absent") << "a guest sees what its host lets it see";
  const auto gone = [](Tree& tree, FakeMsr& msr) {
    msr.at_look = [](FakeMsr&) {};
    std::filesystem::remove(tree.at("dev/cpu/2/msr"));
  };
  EXPECT_EQ(reason(0x9E, "", gone), "/cpu/2/msr: no such file or directory");
  const auto short_file = [](Tree& tree, FakeMsr& msr) {
    msr.at_look = [](FakeMsr&) {};
    tree.file("dev/cpu/2/msr", "x");
  };
  EXPECT_EQ(reason(0x9E, "", short_file), "/cpu/2/msr: ends early");
  EXPECT_EQ(reason(0x37, "", [](Tree&, FakeMsr&) {}), "/cpu/0/msr: this processor counts in units that perun does not know");
}

TEST(RaplMsr, ACounterThatStandsStillIsNotUsed) {
  Tree tree;
  machine(tree, "GenuineIntel", 6, 0x9E);
  FakeMsr msr(tree);
  intel_package(msr, 0, {{pkg, 1000}});
  intel_package(msr, 2, {{pkg, 1000}});
  msr.at_look = [](FakeMsr&) {};
  EXPECT_EQ(blocked_msr(msr.host()).reason, "msr: the counter of cpu:0 package stands still");
}

}  // namespace
}  // namespace perun
