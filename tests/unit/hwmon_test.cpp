// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "backends/backend.hpp"
#include "base/missing.hpp"
#include "support/hwmon.hpp"

namespace perun {

extern const BackendInfo hwmon_backend;

namespace {

using namespace test;  // NOLINT: the fixtures

std::unique_ptr<Backend> open(const Tree& tree) {
  Probe found = hwmon_backend.probe({tree.host(), ""});
  auto* backend = std::get_if<std::unique_ptr<Backend>>(&found);
  return backend == nullptr ? nullptr : std::move(*backend);
}

std::vector<std::int64_t> read(Backend& backend) {
  std::vector<Reading> readings(backend.sensors().size());
  backend.read(readings);
  std::vector<std::int64_t> raw;
  for (const Reading& r : readings) raw.push_back(r.raw);
  return raw;
}

/// "id label domain part_of" of every sensor.
std::vector<std::string> told(const Backend& backend) {
  std::vector<std::string> out;
  for (const Sensor& s : backend.sensors())
    out.push_back(s.id + " '" + s.label + "' " + std::string(name(s.domain)) + (s.part_of.empty() ? "" : " in " + s.part_of));
  return out;
}

using Words = std::vector<std::string>;
using Numbers = std::vector<std::int64_t>;

TEST(Hwmon, GraceHopperIsASuperchipWithAModuleInIt) {
  Tree tree;
  const auto hwmon = open(grace(tree, true));
  ASSERT_TRUE(hwmon);
  const std::string at = "hwmon:power_meter:";
  EXPECT_EQ(told(*hwmon), (Words{at + "module-power-socket-0 'cpu:0 superchip' superchip",
                                 at + "grace-power-socket-0 'cpu:0 module' module in " + at + "module-power-socket-0",
                                 at + "cpu-power-socket-0 'cpu:0 package' package in " + at + "grace-power-socket-0",
                                 at + "sysio-power-socket-0 'cpu:0 I/O' uncore in " + at + "grace-power-socket-0"}));
  EXPECT_EQ(read(*hwmon), (Numbers{412'000'000, 98'000'000, 61'000'000, 14'000'000}));
  for (const Sensor& s : hwmon->sensors()) {
    EXPECT_EQ(s.quantity, Quantity::power);
    EXPECT_EQ(s.behavior, Behavior::gauge);
    EXPECT_EQ(s.refresh_ns, 50'000'000) << "power1_average_interval";
    EXPECT_EQ(s.averaging_ns, 50'000'000) << "power1_average_interval";
    EXPECT_DOUBLE_EQ(s.scale, 1e-6);
  }
  EXPECT_TRUE(hwmon->may_wait()) << "ACPI may take long";
}

TEST(Hwmon, AMeterThatIsOnNeverReadsZero) {
  Tree tree;
  const auto hwmon = open(grace(tree, false));
  ASSERT_TRUE(hwmon);
  tree.file("sys/class/hwmon/hwmon2/device/power1_average", "0\n");
  EXPECT_EQ(read(*hwmon), (Numbers{missing, 61'000'000, 14'000'000}));
}

TEST(Hwmon, TheMeanGoesBeforeTheMoment) {
  Tree tree;
  chip(tree, 0, "power_meter", {{"power1_average", "30000000"}, {"power1_input", "99000000"}});
  const auto hwmon = open(tree);
  ASSERT_TRUE(hwmon);
  EXPECT_EQ(read(*hwmon), (Numbers{30'000'000}));
}

TEST(Hwmon, CardsOfAmdBelongToAnotherBackend) {
  Tree tree;
  chip(tree, 0, "amdgpu", {{"power1_input", "15000000"}, {"power1_label", "PPT"}});
  EXPECT_FALSE(open(tree));
}

TEST(Hwmon, ACardCountsWithItsChipInside) {
  Tree tree;
  chip(tree, 4, "xe",
       {{"energy1_input", "123456789"}, {"energy1_label", "card"}, {"energy2_input", "100"}, {"energy2_label", "pkg"}});
  const auto hwmon = open(tree);
  ASSERT_TRUE(hwmon);
  EXPECT_EQ(told(*hwmon), (Words{"hwmon:xe:card 'gpu:0' gpu", "hwmon:xe:pkg 'gpu:0 pkg' gpu in hwmon:xe:card"}));
  EXPECT_EQ(hwmon->sensors()[0].behavior, Behavior::counter);
  EXPECT_FALSE(hwmon->may_wait());
}

TEST(Hwmon, JetsonMultipliesVoltageByCurrent) {
  Tree tree;
  chip(tree, 3, "ina3221",
       {{"in1_label", "VDD_IN"},
        {"in1_input", "19000"},
        {"curr1_input", "620"},
        {"in2_label", "VDD_SOC"},
        {"in2_input", "19000"},
        {"curr2_input", "150"},
        {"in3_label", "NC"},
        {"in3_input", "5"},
        {"curr3_input", "5"},
        {"in7_label", "sum of shunt voltages"},
        {"in7_input", "9"}});
  const auto hwmon = open(tree);
  ASSERT_TRUE(hwmon);
  EXPECT_EQ(told(*hwmon),
            (Words{"hwmon:ina3221:vdd_in 'node' node", "hwmon:ina3221:vdd_soc 'VDD_SOC' rail in hwmon:ina3221:vdd_in"}));
  EXPECT_EQ(read(*hwmon), (Numbers{11'780'000, 2'850'000})) << "mV x mA = uW";
  tree.file("sys/class/hwmon/hwmon3/curr1_input", "");
  EXPECT_EQ(read(*hwmon), (Numbers{missing, 2'850'000}));
}

TEST(Hwmon, JetsonWithoutAnInputIsTheSumOfItsRails) {
  Tree tree;
  tree.file("proc/device-tree/model", "NVIDIA Jetson AGX Orin");
  chip(tree, 3, "ina3221",
       {{"in1_label", "VDD_GPU_SOC"},
        {"in1_input", "19000"},
        {"curr1_input", "100"},
        {"in2_label", "VDD_CPU_CV"},
        {"in2_input", "19000"},
        {"curr2_input", "50"}});
  const auto hwmon = open(tree);
  ASSERT_TRUE(hwmon);
  EXPECT_EQ(told(*hwmon), (Words{"hwmon:ina3221:vdd_gpu_soc 'supply:0' supply", "hwmon:ina3221:vdd_cpu_cv 'supply:1' supply"}));
}

TEST(Hwmon, OnlyOneMeterIsTheMachine) {
  Tree tree;
  chip(tree, 0, "power_meter", {{"device/power1_average", "300000000"}});
  chip(tree, 1, "power_meter", {{"device/power1_average", "20000000"}});
  const auto hwmon = open(tree);
  ASSERT_TRUE(hwmon);
  EXPECT_EQ(told(*hwmon), (Words{"hwmon:power_meter.hwmon0:power1 'node' node",
                                 "hwmon:power_meter.hwmon1:power1 'power_meter.hwmon1:power1' rail"}));
}

TEST(Hwmon, UnknownChipsAreListedAsRails) {
  Tree tree;
  chip(tree, 0, "nct6779", {{"in0_input", "1000"}, {"temp1_input", "40000"}, {"bogus1_input", "1"}});
  chip(tree, 1, "max34440", {{"power1_input", "12000000"}, {"power1_label", "pout1\n"}, {"power99999_input", "1"}});
  tree.file("sys/class/hwmon/hwmon2/power1_input", "5000000\n");  // a chip without a name
  std::filesystem::create_directory_symlink("nowhere", tree.at("sys/class/hwmon/hwmon3"));
  const auto hwmon = open(tree);
  ASSERT_TRUE(hwmon);
  EXPECT_EQ(told(*hwmon), (Words{"hwmon:unnamed:power1 'unnamed:power1' rail", "hwmon:max34440:pout1 'pout1' rail"}));
  EXPECT_EQ(hwmon->sensors()[1].note, "perun does not know this chip");
}

TEST(Hwmon, MirrorsOfABatteryAreLeftToTheBattery) {
  Tree tree;
  chip(tree, 0, "BAT0", {{"power1_input", "5000000"}});
  chip(tree, 1, "ucsi_source_psy_USBC000:001", {{"power1_input", "5000000"}});
  EXPECT_FALSE(open(tree));
}

TEST(Hwmon, AKnownMeterThatCannotBeReadIsTold) {
  Tree tree;
  chip(tree, 0, "amd_hsmp_hwmon", {{"power1_input", ""}});
  Probe found = hwmon_backend.probe({tree.host(), ""});
  const auto* blocked = std::get_if<Blocked>(&found);
  ASSERT_TRUE(blocked);
  EXPECT_EQ(blocked->reason, tree.at("sys/class/hwmon/hwmon0/power1_input").string() + ": does not hold a number");
}

TEST(Hwmon, TwoSocketsAreNumbered) {
  Tree tree;
  for (const int i : {0, 1}) chip(tree, i, "amd_hsmp_hwmon", {{"power1_input", "200000000"}});
  chip(tree, 2, "amd_energy",
       {{"energy1_input", "5"}, {"energy1_label", "Ecore000"}, {"energy2_input", "7"}, {"energy2_label", "Esocket1"}});
  const auto hwmon = open(tree);
  ASSERT_TRUE(hwmon);
  EXPECT_EQ(told(*hwmon), (Words{"hwmon:amd_energy:esocket1 'cpu:1 package' package",
                                 "hwmon:amd_hsmp_hwmon.hwmon0:power1 'cpu:0 package' package",
                                 "hwmon:amd_hsmp_hwmon.hwmon1:power1 'cpu:1 package' package"}));
}

}  // namespace
}  // namespace perun
