// SPDX-License-Identifier: BSD-3-Clause
// Backends that measure what feeds the whole machine: Cray's counters and batteries.
#include "support/feeds.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "backends/backend.hpp"
#include "base/missing.hpp"
#include "base/text.hpp"

namespace perun {

extern const BackendInfo cray_backend;
extern const BackendInfo battery_backend;

namespace {

using namespace test;  // NOLINT: the fixtures
using Numbers = std::vector<std::int64_t>;

std::unique_ptr<Backend> open(const BackendInfo& info, const Tree& tree) {
  Probe found = info.probe({tree.host(), ""});
  auto* backend = std::get_if<std::unique_ptr<Backend>>(&found);
  return backend == nullptr ? nullptr : std::move(*backend);
}

Numbers read(Backend& backend) {
  std::vector<Reading> readings(backend.sensors().size());
  backend.read(readings);
  Numbers raw;
  for (const Reading& r : readings) raw.push_back(r.raw);
  return raw;
}

TEST(Cray, CountsTheNodeAndItsParts) {
  Tree tree;
  const auto backend = open(cray_backend, cray(tree));
  ASSERT_TRUE(backend);
  ASSERT_EQ(backend->sensors().size(), 7u);
  for (const Sensor& s : backend->sensors()) {
    EXPECT_EQ(s.behavior, Behavior::counter);
    EXPECT_EQ(s.scale, 1.0) << "joules";
    EXPECT_EQ(s.refresh_ns, 100'000'000) << "raw_scan_hz";
    EXPECT_EQ(s.part_of, s.id == "cray:node" ? "" : "cray:node");
  }
  EXPECT_EQ(backend->sensors()[0].domain, Domain::node);
  EXPECT_EQ(backend->sensors()[6].id, "cray:accel3");
  EXPECT_EQ(backend->sensors()[6].index, 3);
  EXPECT_EQ(read(*backend),
            (Numbers{987'654'321, 123'456'789, 45'678'901, 100'000'000, 100'000'001, 100'000'002, 100'000'003}));
}

TEST(Cray, AnotherUnitIsNoEnergy) {
  Tree tree;
  const auto backend = open(cray_backend, cray(tree));
  ASSERT_TRUE(backend);
  cray_counter(tree, "energy", 5, "kJ");
  tree.file("sys/cray/pm_counters/cpu_energy", "7");
  EXPECT_EQ(read(*backend)[0], missing);
  EXPECT_EQ(read(*backend)[1], missing);
  cray_counter(tree, "energy", 987'654'322);
  EXPECT_EQ(read(*backend)[0], 987'654'322);
}

TEST(Cray, WithoutANodeCounterThePartsStandAlone) {
  Tree tree;
  cray_counter(tree, "cpu_energy", 5);
  cray_counter(tree, "energy", 5, "W");
  const auto backend = open(cray_backend, tree);
  ASSERT_TRUE(backend);
  ASSERT_EQ(backend->sensors().size(), 1u);
  EXPECT_EQ(backend->sensors()[0].part_of, "");
  ASSERT_EQ(backend->blocked().size(), 1u);
  EXPECT_EQ(backend->blocked()[0].reason, tree.at("sys/cray/pm_counters/energy").string() + ": does not hold joules");
}

TEST(Battery, FeedsTheMachineWhileNothingElseDoes) {
  Tree tree;
  const auto backend = open(battery_backend, on_battery(tree));
  ASSERT_TRUE(backend);
  ASSERT_EQ(backend->sensors().size(), 1u);
  const Sensor& s = backend->sensors()[0];
  EXPECT_EQ(s.domain, Domain::supply);
  EXPECT_EQ(s.id, "battery:BAT0");
  EXPECT_TRUE(text::is_utf8(s.note)) << "the model's name is not";
  EXPECT_EQ(s.note, "model \xEF\xBF\xBD\xEF\xBF\xBDLNV; renewed every 1 to 30 s");
  EXPECT_EQ(read(*backend), (Numbers{8'123'000}));
}

TEST(Battery, PluggingInDuringTheRunEndsItsReadings) {
  Tree tree;
  const auto backend = open(battery_backend, on_battery(tree));
  ASSERT_TRUE(backend);
  tree.file("sys/class/power_supply/AC/online", "1\n");
  EXPECT_EQ(read(*backend), (Numbers{missing}));
  tree.file("sys/class/power_supply/AC/online", "0\n").file("sys/class/power_supply/BAT0/status", "Charging\n");
  EXPECT_EQ(read(*backend), (Numbers{missing}));
  tree.file("sys/class/power_supply/BAT0/status", "Discharging\n");
  EXPECT_EQ(read(*backend), (Numbers{8'123'000}));
}

struct Plugged {
  const char *name, *file, *text, *note;
};

class NotTheMachine : public testing::TestWithParam<Plugged> {};

TEST_P(NotTheMachine, IsListedWithTheReason) {
  Tree tree;
  on_battery(tree).file(std::string("sys/class/power_supply/") + GetParam().file, GetParam().text);
  std::filesystem::remove(tree.at("sys/class/power_supply/BAT0/model_name"));
  if (std::string(GetParam().file).starts_with("ucsi")) tree.file("sys/class/power_supply/ucsi-1/type", "USB\n");
  const auto backend = open(battery_backend, tree);
  ASSERT_TRUE(backend);
  EXPECT_EQ(backend->sensors()[0].domain, Domain::rail);
  EXPECT_EQ(backend->sensors()[0].note, GetParam().note);
}

INSTANTIATE_TEST_SUITE_P(
    Battery, NotTheMachine,
    testing::Values(Plugged{"Mains", "AC/online", "1\n", "AC is connected: this is not what the machine uses"},
                    Plugged{"Usb", "ucsi-1/online", "1\n", "ucsi-1 is connected: this is not what the machine uses"},
                    Plugged{"Unreadable", "AC/online", "", "AC is connected: this is not what the machine uses"},
                    Plugged{"Full", "BAT0/status", "Full\n", "not discharging: this is not what the machine uses"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(Battery, VoltageTimesCurrentOfEitherSign) {
  Tree tree;
  on_battery(tree).file("sys/class/power_supply/BAT1/type", "Battery\n");
  tree.file("sys/class/power_supply/BAT1/status", "Not charging\n").file("sys/class/power_supply/BAT1/power_now", "0\n");
  std::filesystem::remove(tree.at("sys/class/power_supply/BAT0/power_now"));
  tree.file("sys/class/power_supply/BAT0/voltage_now", "12229000\n")
      .file("sys/class/power_supply/BAT0/current_now", "-1500000\n");
  const auto backend = open(battery_backend, tree);
  ASSERT_TRUE(backend);
  EXPECT_EQ(read(*backend), (Numbers{18'343'500, 0})) << "the other battery rests";
}

TEST(Battery, AMouseIsNoMachine) {
  Tree tree;
  on_battery(tree).file("sys/class/power_supply/BAT0/scope", "Device\n");
  EXPECT_FALSE(open(battery_backend, tree));
}

}  // namespace
}  // namespace perun
