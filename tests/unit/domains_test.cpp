// SPDX-License-Identifier: BSD-3-Clause
// Which sensors make up the total of which machine, and how many joules that is.
#include "model/domains.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "analysis/summarize.hpp"
#include "backends/select.hpp"
#include "support/clock.hpp"
#include "support/feeds.hpp"
#include "support/hwmon.hpp"
#include "support/machines.hpp"

namespace perun {
namespace {

namespace fs = std::filesystem;
using namespace test;  // NOLINT: the fixtures
using Words = std::vector<std::string>;

/// Ten seconds of a machine.
struct Machine {
  std::string name;
  Tree& (*make)(Tree&);
  std::vector<std::pair<std::string, std::int64_t>> later;  ///< counters ten seconds later; meters of power stay
  Words counted;
  double measured_J = 0, estimated_J = 0;
  Selection selection = {};
};

const std::string powercap = "sys/class/powercap/";

Tree& desktop(Tree& tree) {
  cpuinfo(tree, "AuthenticAMD", "AMD Ryzen 9 5950X 16-Core Processor");
  zone(tree, "intel-rapl:0", "package-0", range_esu16);
  zone(tree, "intel-rapl:0:0", "core", range_esu16);
  return chip(tree, 1, "amdgpu", {{"power1_average", "90000000"}, {"power1_label", "PPT"}});
}
Tree& apu(Tree& tree) {
  cpuinfo(tree, "AuthenticAMD", "AMD Ryzen 7 PRO 7840U");
  zone(tree, "intel-rapl:0", "package-0", range_esu16);
  chip(tree, 2, "amdgpu", {{"power1_average", "40000000"}, {"power1_label", "PPT"}});
  return chip(tree, 1, "amdgpu", {{"power1_input", "15000000"}, {"power1_label", "PPT"}, {"in1_label", "vddnb"}});
}
Tree& bmc(Tree& tree) {
  return chip(server(tree), 0, "power_meter", {{"device/power1_average", "300000000"}});
}
Tree& epyc_by_two_ways(Tree& tree) {
  for (const int i : {0, 1}) chip(tree, i, "amd_hsmp_hwmon", {{"power1_input", "200000000"}});
  return zone(epyc(tree), "intel-rapl:1", "psys", range_esu16);  // so RAPL shows socket 0 alone
}
Tree& battery_laptop(Tree& tree) {
  return laptop(on_battery(tree));
}
Tree& plugged_laptop(Tree& tree) {
  return battery_laptop(tree).file("sys/class/power_supply/AC/online", "1\n");
}
Tree& hopper(Tree& tree) {
  return proc_files(grace(tree, true));
}
Tree& grace_alone(Tree& tree) {
  return chip(proc_files(grace(tree, false)), 8, "nouveau", {{"power1_input", "50000000"}});
}
Tree& cray_with_rapl(Tree& tree) {
  return server(cray(tree));
}
Tree& epyc_with_memory(Tree& tree) {
  return proc_files(epyc(tree));
}
Tree& supplies(Tree& tree) {
  for (const int i : {0, 1})
    chip(tree, i, "cffps1",
         {{"power1_input", "150000000"}, {"power1_label", "pin"}, {"power2_input", "140000000"}, {"power2_label", "pout1"}});
  return server(tree);
}

const std::vector<std::pair<std::string, std::int64_t>> server_later{{powercap + "intel-rapl:0/energy_uj", 1'000'000'010},
                                                                     {powercap + "intel-rapl:0:0/energy_uj", 200'000'020},
                                                                     {powercap + "intel-rapl:1/energy_uj", 2'600'000'030},
                                                                     {powercap + "intel-rapl:2/energy_uj", 900'000'040},
                                                                     {powercap + "intel-rapl:2:0/energy_uj", 150'000'050}};
const std::vector<std::pair<std::string, std::int64_t>> laptop_later{{powercap + "intel-rapl:0/energy_uj", 103'000'000},
                                                                     {powercap + "intel-rapl:0:0/energy_uj", 62'000'000},
                                                                     {powercap + "intel-rapl:0:1/energy_uj", 10'100'000},
                                                                     {powercap + "intel-rapl:1/energy_uj", 155'000'000},
                                                                     {powercap + "intel-rapl-mmio:0/energy_uj", 103'000'000}};

std::vector<Machine> machines() {
  std::vector<Machine> all{
      {"LaptopTakesThePackageNotPsysNorMmio", &laptop, laptop_later, {"rapl:package-0"}, 100},
      {"LaptopByPsysIfTheUserSaysSo", &laptop, laptop_later, {"rapl:psys"}, 150, 0, {.count = {"rapl:psys"}}},
      {"LaptopOnItsBattery", &battery_laptop, laptop_later, {"battery:BAT0"}, 81.23},
      {"LaptopOnItsBatteryThatTheUserDistrusts",
       &battery_laptop,
       laptop_later,
       {"rapl:package-0"},
       100,
       0,
       {.no_count = {"battery:*"}}},
      {"LaptopOnMains", &plugged_laptop, laptop_later, {"rapl:package-0"}, 100},
      {"ServerTakesPackagesAndDram",
       &server,
       server_later,
       {"rapl:package-0", "rapl:package-0:dram", "rapl:package-1", "rapl:package-1:dram"},
       2250},
      {"ServerWithoutOneDram",
       &server,
       server_later,
       {"rapl:package-0", "rapl:package-0:dram", "rapl:package-1"},
       2100,
       0,
       {.no_count = {"cpu:1 dram"}}},
      {"BmcMetersAll", &bmc, server_later, {"hwmon:power_meter:power1"}, 3000},
      {"BmcThatTheUserDistrusts",
       &bmc,
       server_later,
       {"rapl:package-0", "rapl:package-0:dram", "rapl:package-1", "rapl:package-1:dram"},
       2250,
       0,
       {.no_count = {"hwmon:*"}}},
      {"SuppliesTogetherAreTheNode", &supplies, server_later, {"hwmon:cffps1.hwmon0:pin", "hwmon:cffps1.hwmon1:pin"}, 3000},
      {"EpycEstimatesItsMemory",
       &epyc_with_memory,
       {{powercap + "intel-rapl:0/energy_uj", 501'000'000}, {powercap + "intel-rapl:1/energy_uj", 401'000'000}},
       {"rapl:package-0", "rapl:package-1", "estimate:dram"},
       900,
       62.72},
      {"OneMeterOfTwoWaysToASocket",
       &epyc_by_two_ways,
       {{powercap + "intel-rapl:0/energy_uj", 1'801'000'000}},
       {"rapl:package-0", "hwmon:amd_hsmp_hwmon.hwmon1:power1"},
       1800 + 2000},
      {"DesktopTakesPackageAndCard",
       &desktop,
       {{powercap + "intel-rapl:0/energy_uj", 501'000'000}, {powercap + "intel-rapl:0:0/energy_uj", 100'000'000}},
       {"rapl:package-0", "amdgpu:hwmon1:power"},
       500 + 900},
      {"ApuContainsThePackageButNotTheCard",
       &apu,
       {{powercap + "intel-rapl:0/energy_uj", 81'000'000}},
       {"amdgpu:hwmon1:power", "amdgpu:hwmon2:power"},
       150 + 400},
      {"GraceHopperIsOneModule", &hopper, {}, {"hwmon:power_meter:module-power-socket-0"}, 4120},
      {"GraceHasItsMemoryInside",
       &grace_alone,
       {},
       {"hwmon:nouveau:power1", "hwmon:power_meter:grace-power-socket-0"},
       500 + 980},
      {"CrayNodeContainsAll", &cray_with_rapl, {{"cray/energy", 12'500}}, {"cray:node"}, 12'500},
      {"CrayByPartsIfTheUserSaysSo",
       &cray_with_rapl,
       {{"cray/energy", 12'500}, {"cray/cpu_energy", 1'800}, {"cray/memory_energy", 750}},
       {"cray:accel0", "cray:accel1", "cray:accel2", "cray:accel3", "cray:cpu", "cray:memory"},
       2550,
       0,
       {.no_count = {"cray:node"}}},
  };
  Machine dies{"AllDiesCount", &multi_die, {}, {}, 0};
  for (int i = 0; i < 4; ++i) {
    const std::string n = std::to_string(i),
                      package = "rapl:package-" + std::to_string(i / 2) + "-die-" + std::to_string(i % 2);
    dies.later.emplace_back(powercap + "intel-rapl:" + n + "/energy_uj", 500'000'100 + i);
    dies.counted.insert(dies.counted.end(), {package, package + ":dram"});
  }
  dies.measured_J = 2000;
  all.push_back(dies);
  return all;
}

void change(Tree& tree, const std::string& file, std::int64_t value) {
  if (!file.starts_with("cray/")) return void(tree.file(file, std::to_string(value) + "\n"));
  const std::string counter = file.substr(5);
  const std::int64_t before = counter == "energy" ? 987'654'321 : counter == "cpu_energy" ? 123'456'789 : 45'678'901;
  cray_counter(tree, counter, before + value);
}

/// What perun makes of the ten seconds.
RunSummary measured(Tree& tree, const Machine& machine) {
  Host host = tree.host();
  host.now_ns = &Clock::read;
  Clock::now = 1'000'000'000;
  auto sources = open_sources(host, machine.selection);
  if (!sources) {
    ADD_FAILURE() << sources.error().what;
    return {};
  }
  Run run;
  run.begin = {1'000'000'000, 1'000'000'000};
  run.end = {11'000'000'000, 11'000'000'000};
  run.outcome.finished = true;
  NodeRecord node;
  for (const auto& backend : sources->backends)
    node.sensors.insert(node.sensors.end(), backend->sensors().begin(), backend->sensors().end());
  node.series.resize(node.sensors.size());
  for (const bool last : {false, true}) {
    if (last) {
      Clock::now += 10'000'000'000;
      for (const auto& [file, value] : machine.later) change(tree, file, value);
    }
    std::size_t at = 0;
    for (const auto& backend : sources->backends) {
      std::vector<Reading> out(backend->sensors().size());
      backend->read(out);
      for (const Reading& r : out) node.series[at++].push(r);
    }
  }
  run.nodes.push_back(std::move(node));
  return summarize(run);
}

class Total10s : public testing::TestWithParam<Machine> {};

TEST_P(Total10s, TakesEachJouleOnce) {
  const Machine& machine = GetParam();
  Tree tree;
  machine.make(tree);
  const RunSummary run = measured(tree, machine);
  ASSERT_EQ(run.nodes.size(), 1u);
  Words counted;
  for (const DeviceSummary& d : run.nodes[0].devices)
    if (d.counted) counted.push_back(d.id);
  Words expected = machine.counted;
  std::sort(counted.begin(), counted.end());
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(counted, expected);
  EXPECT_NEAR(run.usage.energy.measured_J, machine.measured_J, 1e-6 * machine.measured_J);
  EXPECT_NEAR(run.usage.energy.estimated_J, machine.estimated_J, 1e-3 * machine.estimated_J);
}

INSTANTIATE_TEST_SUITE_P(Machines, Total10s, testing::ValuesIn(machines()), [](const auto& test) { return test.param.name; });

Error refusal(const Tree& tree, const Selection& selection) {
  const auto sources = open_sources(tree.host(), selection);
  return sources ? Error{Errc::io, "NOT REFUSED"} : sources.error();
}

TEST(Wishes, ThatCountAJouleTwiceAreRefused) {
  Tree tree;
  server(tree);
  EXPECT_EQ(refusal(tree, {.count = {"rapl:psys", "rapl:package-1"}}).what,
            "--count would take joules twice: 'rapl:package-1' and 'rapl:psys' overlap");
  Tree one;
  laptop(one);
  const Error part = refusal(one, {.count = {"rapl:package-0:core"}});
  EXPECT_EQ(part.what,
            "--count would take joules twice: 'rapl:package-0:core' is part of 'rapl:package-0', which counts already");
  EXPECT_EQ(part.hint, "to count it instead, add --no-count 'rapl:package-0'");
  EXPECT_EQ(refusal(one, {.count = {"rapl:psys"}, .no_count = {"rapl:p*"}}).what,
            "--count and --no-count both name 'rapl:psys'");
  EXPECT_EQ(refusal(one, {.count = {"rapl:psis"}}).what, "no sensor matches 'rapl:psis'; did you mean 'rapl:psys'?");
  EXPECT_EQ(refusal(proc_files(one), {.count = {"proc:*"}}).what, "--count names no sensor of energy or power");
}

TEST(Wishes, AnUnknownRailIsReadOnlyIfItIsNamed) {
  Tree tree;
  chip(tree, 0, "max34440", {{"power1_input", "12000000"}});
  const auto unasked = open_sources(tree.host(), {});
  ASSERT_TRUE(unasked);
  EXPECT_TRUE(unasked->backends.empty());
  ASSERT_EQ(unasked->listed.size(), 1u);
  EXPECT_EQ(unasked->listed[0].why_not, "covers no known part of the node");
  const auto counted = open_sources(tree.host(), {.count = {"hwmon:*"}});
  ASSERT_TRUE(counted);
  EXPECT_TRUE(counted->listed[0].sensor.counted);
  const auto read = open_sources(tree.host(), {.sensors = {"hwmon:*"}});
  ASSERT_TRUE(read);
  ASSERT_EQ(read->backends.size(), 1u);
  EXPECT_FALSE(read->listed[0].sensor.counted);
}

TEST(Coverage, NamesWhatHasNoSensor) {
  using Names = std::vector<std::string_view>;
  using Domains = std::vector<Domain>;
  const Domains package{Domain::package}, grace_gpu{Domain::module, Domain::gpu}, memory{Domain::dram}, node{Domain::node};
  EXPECT_EQ(without_sensor(package), (Names{"memory", "fans", "disks", "network", "PSU losses"}));
  EXPECT_EQ(without_sensor(grace_gpu), (Names{"fans", "disks", "network", "PSU losses"}));
  EXPECT_EQ(without_sensor(memory), (Names{"CPU", "fans", "disks", "network", "PSU losses"}));
  EXPECT_EQ(without_sensor(node), Names{});
}

/// Whole machines that are no part of this repository: PERUN_TEST_DATA, else ../shared/data. Only where they are.
TEST(Coverage, OfRecordedMachinesWhereThereAreAny) {
  const char* named = std::getenv("PERUN_TEST_DATA");
  const fs::path root = named != nullptr ? fs::path(named) : fs::path(PERUN_SOURCE_DIR) / "../shared/data";
  struct Recorded {
    const char* folder;
    Words counted;
  };
  const std::vector<Recorded> recorded{
      {"synthetic/client-mmio-psys", {"rapl:package-0"}},
      {"synthetic/spr-2s-psys", {"rapl:package-0", "rapl:package-0:dram", "rapl:package-1", "rapl:package-1:dram"}},
      {"synthetic/skx-2s", {"rapl:package-0", "rapl:package-0:dram", "rapl:package-1", "rapl:package-1:dram"}},
      {"synthetic/amd-hsmp", {"hwmon:amd_hsmp_hwmon:power1"}},
      {"synthetic/grace-hopper", {"hwmon:power_meter:module-power-socket-0"}},
      {"synthetic/cray-ex", {"cray:node"}},
      {"synthetic/jetson-orin", {"hwmon:ina3221:vdd_in"}},
      {"synthetic/intel-xe", {"hwmon:xe:card"}},
      {"synthetic/amdgpu-v1_3", {"amdgpu:0123456789abcdef:power"}},
      {"synthetic/amdgpu-v1_6", {"amdgpu:0123456789abcdef:power"}},
      {"node_exporter", {"battery:BAT0"}},
      {"procfs", {"battery:BAT0"}},
  };
  for (const Recorded& r : recorded) {
    if (!fs::exists(root / r.folder)) continue;
    Host host;
    host.sysfs = root / r.folder / "sys";
    host.procfs = root / r.folder / "nowhere";
    const auto sources = open_sources(host, {.exclude = {}, .estimates = Estimates::off});
    ASSERT_TRUE(sources) << r.folder;
    Words counted;
    for (const Listed& l : sources->listed)
      if (l.sensor.counted) counted.push_back(l.sensor.id);
    EXPECT_EQ(counted, r.counted) << r.folder;
  }
}

TEST(Domains, GpusSeenFromOutsideGiveWayToTheMachinesOwn) {
  const auto meter = [](const char* id, Domain domain, Behavior behavior, std::uint16_t index) {
    Sensor s{.id = id, .label = id, .source = "test"};
    s.domain = domain;
    s.quantity = behavior == Behavior::counter ? Quantity::energy : Quantity::power;
    s.behavior = behavior;
    s.index = index;
    return s;
  };
  std::vector<Sensor> sensors{
      meter("redfish:gpu0", Domain::gpu, Behavior::counter, 0), meter("redfish:gpu1", Domain::gpu, Behavior::gauge, 1),
      meter("nvml:GPU-b:power", Domain::gpu, Behavior::gauge, 0), meter("nvml:GPU-a:power", Domain::gpu, Behavior::gauge, 1)};
  const auto counted = [&] {
    Words out;
    for (std::size_t i = 0; const InTotal& verdict : judge_total(sensors))
      if (const std::string& id = sensors[i++].id; verdict.counted) out.push_back(id);
    return out;
  };
  EXPECT_EQ(counted(), (Words{"nvml:GPU-b:power", "nvml:GPU-a:power"})) << "whose numbers need not be the same";
  EXPECT_EQ(judge_total(sensors)[0].why_not, "measures the same as nvml:GPU-b:power");
  sensors.push_back(meter("redfish:power", Domain::node, Behavior::gauge, 0));
  EXPECT_EQ(counted(), Words{"redfish:power"});
  sensors.erase(sensors.begin() + 2, sensors.end());
  EXPECT_EQ(counted(), (Words{"redfish:gpu0", "redfish:gpu1"}));
}

}  // namespace
}  // namespace perun
