// SPDX-License-Identifier: BSD-3-Clause
// Which mechanism reads RAPL, and why.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "backends/list.hpp"
#include "backends/select.hpp"
#include "support/fake_rapl.hpp"
#include "support/plain_user.hpp"

namespace perun {
namespace {

using namespace test;  // NOLINT: the fixtures
using Words = std::vector<std::string>;

double steady(const PerfEvent&, double t) {
  return 50 * t;
}

/// A Xeon with all three mechanisms, each as it should be.
class RaplChoice : public testing::Test {
 protected:
  RaplChoice() : pmu(&steady), msr(tree) {
    server(tree);
    topology(topology(tree, 0, 0), 4, 1).file("sys/devices/system/cpu/online", "0,4\n");
    power_pmu(tree, "0,4", {"pkg", "ram"});
    for (const int cpu : {0, 4}) {
      msr.set(cpu, 0x606, 0xA0E03);
      msr.set(cpu, 0x611, 1000);
      msr.set(cpu, 0x64D, 1);
    }
  }

  [[nodiscard]] Host host() const {
    Host h = pmu.host(tree);
    h.now_ns = &look;
    return h;
  }
  /// Moves the registers; whether the events move is up to them.
  static std::int64_t look() { return both_->move(); }
  std::int64_t move() {
    for (const int cpu : {0, 4}) msr.set(cpu, 0x611, ++counted_);
    return pmu.host(tree).now_ns();
  }

  [[nodiscard]] Sources open(Words backends = {}) const {
    auto sources = open_sources(host(), {.backends = std::move(backends)});
    if (!sources) ADD_FAILURE() << sources.error().what;
    return sources ? *std::move(sources) : Sources{};
  }

  void hide_powercap() { std::filesystem::remove_all(tree.at("sys/class/powercap")); }
  void break_powercap() {
    for (const std::string z : {"0", "0:0", "1", "2", "2:0"})
      std::filesystem::permissions(tree.at("sys/class/powercap/intel-rapl:" + z + "/energy_uj"), std::filesystem::perms::none);
    std::filesystem::permissions(tree.root(), std::filesystem::perms(0755));
  }

  Tree tree;
  FakePmu pmu;
  FakeMsr msr;

 private:
  std::uint64_t counted_ = 1000;
  static inline RaplChoice* both_ = nullptr;
  void SetUp() override { both_ = this; }
  void TearDown() override { both_ = nullptr; }
};

std::string source_of(const Sources& sources, std::string_view id) {
  for (const Listed& l : sources.listed)
    if (l.sensor.id == id) return l.sensor.source;
  return "none";
}

TEST_F(RaplChoice, PerfIsFirstAndPowercapAddsWhatItLacks) {
  const Sources s = open();
  EXPECT_EQ(source_of(s, "rapl:package-0"), "rapl perf");
  EXPECT_EQ(source_of(s, "rapl:package-1:dram"), "rapl perf");
  EXPECT_EQ(source_of(s, "rapl:psys"), "rapl powercap");
  Words counted;
  for (const Listed& l : s.listed)
    if (l.sensor.counted) counted.push_back(l.sensor.id);
  EXPECT_EQ(counted, (Words{"rapl:package-0", "rapl:package-0:dram", "rapl:package-1", "rapl:package-1:dram"}));
  ASSERT_EQ(s.choices.size(), 1u);
  EXPECT_EQ(s.choices[0].backend, "rapl");
  EXPECT_EQ(s.choices[0].text, "perf; psys by powercap");
  EXPECT_TRUE(s.blocked.empty());
  EXPECT_NE(list_text(s).find("\nChosen   rapl: perf; psys by powercap\n"), std::string::npos) << list_text(s);
  EXPECT_EQ(list_json(s)["choices"].dump(), R"([{"backend":"rapl","choice":"perf; psys by powercap"}])");
  std::vector<Reading> out(5);
  s.backends[0]->read(out);
  EXPECT_EQ(out[4].raw, 30) << "psys of powercap stands behind";
  EXPECT_NE(out[3].raw, missing);
}

TEST_F(RaplChoice, WhatPowercapMayNotAddIsTold) {
  break_powercap();
  const std::string psys = tree.at("sys/class/powercap/intel-rapl:1/energy_uj").string();
  const PlainUser user;
  const auto s = open_sources(pmu.host(tree), {});
  ASSERT_TRUE(s);
  EXPECT_EQ(source_of(*s, "rapl:package-1"), "rapl perf");
  EXPECT_EQ(source_of(*s, "rapl:psys"), "none");
  EXPECT_EQ(s->choices[0].text, "perf; what it lacks is blocked: " + psys + ": permission denied");
}

TEST_F(RaplChoice, NoDomainIsServedTwice) {
  // The names of both need not agree: here the kernel's zones are dies, and the PMU's are packages.
  hide_powercap();
  multi_die(tree);
  cpuinfo(tree, "GenuineIntel", "Xeon", 2);
  const Sources s = open();
  Words ids;
  for (const Listed& l : s.listed) ids.push_back(l.sensor.id);
  EXPECT_EQ(ids, (Words{"rapl:package-0", "rapl:package-0:dram", "rapl:package-1", "rapl:package-1:dram"}));
}

TEST_F(RaplChoice, PowercapWherePerfIsRefused) {
  pmu.refuse = [](const PerfEvent&) { return EACCES; };
  const Sources s = open();
  const std::string why = "perf_event_open for energy-pkg on cpu0: permission denied";
  EXPECT_EQ(source_of(s, "rapl:package-0"), "rapl powercap");
  EXPECT_EQ(s.choices[0].text, "powercap, because " + why);
  EXPECT_EQ(s.listed[0].sensor.note, "read by powercap, because " + why) << "stored with the sensor";
  EXPECT_TRUE(s.blocked.empty()) << "nothing is lost";
}

TEST_F(RaplChoice, PowercapWherePerfStandsStill) {
  FakePmu still([](const PerfEvent&, double) { return 1.0; });
  const auto sources = open_sources(still.host(tree), {});
  ASSERT_TRUE(sources);
  EXPECT_EQ(source_of(*sources, "rapl:package-0"), "rapl powercap");
  EXPECT_EQ(sources->choices[0].text, "powercap, because perf: the counter of cpu:0 package stands still");
}

TEST_F(RaplChoice, PowercapWherePerfLacksAnEvent) {
  tree.file("sys/bus/event_source/devices/power/events/energy-ram.unit", "Watts\n");
  const Sources s = open();
  EXPECT_EQ(source_of(s, "rapl:package-0"), "rapl powercap");
  EXPECT_TRUE(s.choices[0].text.ends_with("/events/energy-ram.unit says 'Watts'")) << s.choices[0].text;
  // Perf again where powercap is no better, and what it lacks is told.
  hide_powercap();
  std::filesystem::remove_all(tree.at("dev"));
  const auto only = open_sources(pmu.host(tree), {});
  ASSERT_TRUE(only);
  EXPECT_EQ(source_of(*only, "rapl:package-0"), "rapl perf");
  EXPECT_EQ(only->choices[0].text, "perf, because powercap is not on this machine; msr is not on this machine");
  ASSERT_EQ(only->blocked.size(), 1u);
  EXPECT_TRUE(only->blocked[0].reason.ends_with("/events/energy-ram.unit says 'Watts'"));
}

TEST_F(RaplChoice, PowercapWhereThereIsNoPmu) {
  std::filesystem::remove_all(tree.at("sys/bus"));
  const Sources s = open();
  EXPECT_EQ(source_of(s, "rapl:package-0"), "rapl powercap");
  EXPECT_EQ(s.choices[0].text, "powercap, because perf is not on this machine");
  EXPECT_EQ(s.listed[0].sensor.note, "");
}

TEST_F(RaplChoice, MsrWhereBothOthersAreRefused) {
  pmu.refuse = [](const PerfEvent&) { return EACCES; };
  break_powercap();
  const std::string zone = tree.at("sys/class/powercap/intel-rapl:0/energy_uj").string();
  // The clock writes the registers, here as a user without rights.
  for (const char* cpu : {"0", "4"})
    std::filesystem::permissions(tree.at("dev/cpu") / cpu / "msr", std::filesystem::perms(0666));
  const PlainUser user;
  const Sources s = open();
  EXPECT_EQ(source_of(s, "rapl:package-1"), "rapl msr");
  EXPECT_EQ(s.choices[0].text, "msr, because perf_event_open for energy-pkg on cpu0: permission denied; " + zone +
                                   ": permission denied (and 4 more)");
  EXPECT_TRUE(s.blocked.empty());
}

TEST_F(RaplChoice, TheEstimateWhereAllAreRefusedAndOneLineNamesThem) {
  pmu.refuse = [](const PerfEvent&) { return EACCES; };
  tree.file("proc/sys/kernel/perf_event_paranoid", "4\n");
  proc_files(tree);
  break_powercap();
  std::filesystem::permissions(tree.at("dev/cpu/0/msr"), std::filesystem::perms::none);
  const std::string zone = tree.at("sys/class/powercap/intel-rapl:0/energy_uj").string();
  Host refused = host();
  refused.now_ns = pmu.host(tree).now_ns;
  const PlainUser user;
  const auto s = open_sources(refused, {});
  ASSERT_TRUE(s);
  EXPECT_EQ(source_of(*s, "rapl:package-0"), "none");
  EXPECT_EQ(source_of(*s, "estimate:cpu"), "model: TDP x load");
  ASSERT_EQ(s->blocked.size(), 1u);
  EXPECT_EQ(s->blocked[0].reason,
            "perf_event_open for energy-pkg on cpu0: permission denied (kernel.perf_event_paranoid is 4); " + zone +
                ": permission denied (and 4 more); " + tree.at("dev/cpu/0/msr").string() + ": permission denied");
  EXPECT_TRUE(s->blocked[0].hint.starts_with("sudo sysctl kernel.perf_event_paranoid=0 (until reboot;")) << s->blocked[0].hint;
  EXPECT_NE(s->blocked[0].hint.find("; or sudo chmod a+r "), std::string::npos);
  EXPECT_TRUE(s->choices.empty());
}

TEST_F(RaplChoice, EachCanBeAskedFor) {
  for (const std::string name : {"perf", "powercap", "msr"}) {
    const Sources s = open({"rapl:" + name});
    EXPECT_EQ(source_of(s, "rapl:package-0"), "rapl " + name);
    EXPECT_EQ(s.choices[0].text, name + ", as asked for");
    for (const Listed& l : s.listed) EXPECT_EQ(l.sensor.source, "rapl " + name) << "nothing is added to it";
  }
  hide_powercap();
  const Sources s = open({"rapl:powercap"});
  ASSERT_EQ(s.blocked.size(), 1u);
  EXPECT_EQ(s.blocked[0].reason, "asked for, but there is no such source on this machine");
}

TEST_F(RaplChoice, WhatIsNeitherIsAnError) {
  const auto sources = open_sources(host(), {.backends = {"rapl:sysfs"}});
  ASSERT_FALSE(sources);
  EXPECT_EQ(sources.error().what, "--backends: rapl is read by perf, powercap or msr, not by 'sysfs'");
}

}  // namespace
}  // namespace perun
