// SPDX-License-Identifier: BSD-3-Clause
#include "backends/select.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "model/domains.hpp"
#include "support/clock.hpp"
#include "support/machines.hpp"

namespace perun {
namespace {

using namespace test;  // NOLINT: the fixtures

using Words = std::vector<std::string>;

Sources open(const Tree& tree, const Selection& selection = {}) {
  Host host = tree.host();
  host.now_ns = &Clock::read;
  auto sources = open_sources(host, selection);
  if (!sources) {
    ADD_FAILURE() << sources.error().what;
    return {};
  }
  return *std::move(sources);
}

Error refusal(const Tree& tree, const Selection& selection) {
  const auto sources = open_sources(tree.host(), selection);
  return sources ? Error{Errc::io, "NOT REFUSED"} : sources.error();
}

/// Ids of what is handed over, and of what of it is in the total.
Words read_ids(const Sources& sources) {
  Words out;
  for (const auto& backend : sources.backends)
    for (const Sensor& s : backend->sensors()) out.push_back(s.id);
  return out;
}
Words counted_ids(const Sources& sources) {
  Words out;
  for (const auto& backend : sources.backends)
    for (const Sensor& s : backend->sensors())
      if (s.counted) out.push_back(s.id);
  return out;
}
/// "id: why not" of every energy sensor outside the total.
Words reasons(const Sources& sources) {
  Words out;
  for (const Listed& l : sources.listed)
    if (!l.sensor.counted && l.sensor.quantity == Quantity::energy) out.push_back(l.sensor.id + ": " + l.why_not);
  return out;
}

Tree& with_proc(Tree& tree) {
  return proc_files(tree);
}

TEST(Select, LaptopCountsThePackageAndEstimatesItsMemory) {
  Tree tree;
  const Sources s = open(with_proc(laptop(tree)));
  EXPECT_EQ(counted_ids(s), (Words{"rapl:package-0", "estimate:dram"}));
  EXPECT_EQ(reasons(s), (Words{"rapl:package-0:core: part of cpu:0 package", "rapl:package-0:uncore: part of cpu:0 package",
                               "rapl:psys: overlaps with the packages"}));
  EXPECT_EQ(read_ids(s).size(), 12u) << "4 rapl, 7 proc, 1 estimate";
  EXPECT_TRUE(s.blocked.empty());
  EXPECT_EQ(s.absent, (Words{"cray", "hwmon", "battery", "nvml", "amdgpu", "level_zero", "state"}));
}

TEST(Select, ServerCountsPackagesAndDramButNeverPsys) {
  Tree tree;
  const Sources s = open(with_proc(server(tree)));
  EXPECT_EQ(counted_ids(s), (Words{"rapl:package-0", "rapl:package-0:dram", "rapl:package-1", "rapl:package-1:dram"}));
  EXPECT_EQ(reasons(s), (Words{"rapl:psys: overlaps with the packages"}));
}

TEST(Select, AllDiesCount) {
  Tree tree;
  EXPECT_EQ(counted_ids(open(multi_die(tree))).size(), 8u);
}

TEST(Select, EpycCountsItsPackages) {
  Tree tree;
  EXPECT_EQ(counted_ids(open(with_proc(epyc(tree)))), (Words{"rapl:package-0", "rapl:package-1", "estimate:dram"}));
}

TEST(Select, AllOfManySocketsCount) {
  Tree tree;
  EXPECT_EQ(counted_ids(open(many_sockets(tree))).size(), 12u);
}

TEST(Select, WithoutAnySensorBothHalvesAreEstimated) {
  Tree tree;
  const Sources s = open(cpuinfo(with_proc(tree), "AuthenticAMD", "AMD EPYC", 1, 2, "hypervisor"));
  EXPECT_EQ(counted_ids(s), (Words{"estimate:cpu", "estimate:dram"}));
  EXPECT_EQ(s.absent, (Words{"rapl", "cray", "hwmon", "battery", "nvml", "amdgpu", "level_zero", "state"}));
}

TEST(Select, NoEstimateMeansNone) {
  Tree tree;
  const Sources s = open(cpuinfo(with_proc(tree), "AuthenticAMD", "x"), {.estimates = Estimates::off});
  EXPECT_EQ(counted_ids(s), Words{});
  EXPECT_EQ(read_ids(s).size(), 7u);
}

TEST(Select, PsysIsTheTotalWhereItIsTheOnlyMeter) {
  Tree tree;
  with_proc(zone(tree, "intel-rapl:0", "psys", range_esu14));
  const Sources s = open(tree);
  EXPECT_EQ(counted_ids(s), (Words{"rapl:psys"})) << "and nothing is estimated beside it";
}

TEST(Select, ABlockedPackageIsEstimatedAndToldAndItsCoresDoNotStandInForIt) {
  Tree tree;
  with_proc(laptop(tree));
  std::filesystem::remove_all(tree.at("sys/class/powercap/intel-rapl:1"));
  tree.file("sys/class/powercap/intel-rapl:0/energy_uj", "none\n");
  const Sources s = open(tree);
  EXPECT_EQ(counted_ids(s), (Words{"estimate:cpu", "estimate:dram"}));
  ASSERT_EQ(s.blocked.size(), 1u);
  EXPECT_EQ(s.blocked[0].reason, tree.at("sys/class/powercap/intel-rapl:0/energy_uj").string() + ": does not hold a number");
  EXPECT_EQ(reasons(s), (Words{"rapl:package-0:core: part of a package", "rapl:package-0:uncore: part of a package"}));
}

TEST(Select, ABlockedBackendIsToldWithItsWayOut) {
  Tree tree;
  with_proc(zone(tree, "intel-rapl:0", "package-0", range_esu14));
  tree.file("sys/class/powercap/intel-rapl:0/energy_uj", "");
  const Sources s = open(tree);
  ASSERT_EQ(s.blocked.size(), 1u);
  EXPECT_EQ(s.blocked[0].backend, "rapl");
  EXPECT_TRUE(s.blocked[0].reason.ends_with("energy_uj: does not hold a number"));
}

TEST(Select, NamedBackendsAreTheOnlyOnes) {
  Tree tree;
  with_proc(laptop(tree));
  EXPECT_EQ(read_ids(open(tree, {.backends = {"sim:const:100W"}})), (Words{"sim:const"}));
  EXPECT_EQ(counted_ids(open(tree, {.backends = {"sim:const:100W,sim:square:1W:2W:1s:domain=dram"}})),
            (Words{"sim:const", "sim:square"}));
  EXPECT_EQ(counted_ids(open(tree, {.backends = {"estimate", "rapl"}})), (Words{"rapl:package-0", "estimate:dram"}));
  EXPECT_EQ(counted_ids(open(tree, {.backends = {"estimate"}})), (Words{"estimate:cpu", "estimate:dram"}));
  EXPECT_EQ(read_ids(open(tree, {.backends = {" rapl , rapl,"}})).size(), 4u);
}

TEST(Select, TheUsersTdpReachesTheEstimate) {
  Tree tree;
  with_proc(tree);
  const Sources s = open(tree, {.backends = {"estimate"}, .cpu_tdp_W = 123});
  EXPECT_EQ(s.backends.at(0)->sensors()[0].note, "assumes 123 W TDP, as given");
}

TEST(Select, ANamedBackendThatIsNotHereIsTold) {
  Tree tree;
  const Sources s = open(with_proc(tree), {.backends = {"rapl,proc"}});
  EXPECT_EQ(read_ids(s).size(), 7u);
  ASSERT_EQ(s.blocked.size(), 1u);
  EXPECT_EQ(s.blocked[0], (BlockedSource{"rapl", "asked for, but there is no such source on this machine", ""}));
}

TEST(Select, MistakesInTheListOfBackendsAreErrors) {
  Tree tree;
  const Error unknown = refusal(tree, {.backends = {"rapll"}});
  EXPECT_EQ(unknown.code, Errc::not_found);
  EXPECT_EQ(unknown.what, "there is no backend 'rapll'; did you mean 'rapl'?");
  EXPECT_EQ(unknown.hint,
            "backends: rapl, cray, hwmon, battery, nvml, amdgpu, level_zero, proc, state, estimate, estimate_gpu, sim, ipmi, "
            "exec, file, "
            "socket, redfish");
  EXPECT_EQ(refusal(tree, {.backends = {"rapl:x"}}).what, "--backends: rapl is read by perf, powercap or msr, not by 'x'");
  EXPECT_EQ(refusal(tree, {.backends = {"sim:const:x"}}).what, "--backends: sim: 'x' is not a quantity like 100W or 1.5kW");
  EXPECT_EQ(refusal(tree, {.backends = {"sim:const:1W,sim:const:2W"}}).what, "two sensors are called 'sim:const'");
  EXPECT_EQ(refusal(tree, {.backends = {"estimate"}, .estimates = Estimates::off}).what,
            "the backend 'estimate' was asked for, and --no-estimate too");
}

TEST(Select, GlobsChooseByIdAndByLabel) {
  Tree tree;
  with_proc(server(tree));
  EXPECT_EQ(read_ids(open(tree, {.sensors = {"rapl:*:dram"}})), (Words{"rapl:package-0:dram", "rapl:package-1:dram"}));
  EXPECT_EQ(read_ids(open(tree, {.sensors = {"cpu:1 *,proc:net_sent"}})),
            (Words{"rapl:package-1", "rapl:package-1:dram", "proc:net_sent"}));
  EXPECT_EQ(read_ids(open(tree, {.sensors = {"rapl:*"}, .exclude = {"*dram", "rapl:psys"}})),
            (Words{"rapl:package-0", "rapl:package-1"}));
  EXPECT_EQ(read_ids(open(tree, {.exclude = {"*"}})), Words{});
}

TEST(Select, TheTotalIsChosenAmongTheSelected) {
  Tree tree;
  with_proc(laptop(tree));
  EXPECT_EQ(counted_ids(open(tree, {.sensors = {"rapl:psys"}})), (Words{"rapl:psys"}));
  EXPECT_EQ(counted_ids(open(tree, {.sensors = {"rapl:package-0:*"}})),
            (Words{"rapl:package-0:core", "rapl:package-0:uncore"}));
  const Sources s = open(tree, {.sensors = {"rapl:psys"}});
  ASSERT_EQ(s.listed.size(), 12u) << "the list shows all";
  EXPECT_FALSE(s.listed[0].selected);
  EXPECT_FALSE(s.listed[0].sensor.counted);
  EXPECT_EQ(s.listed[0].why_not, "not selected");
  EXPECT_TRUE(s.listed[3].selected);
  EXPECT_TRUE(s.listed[3].sensor.counted);
}

TEST(Select, ExcludingAMeterDoesNotBringInAnEstimate) {
  Tree tree;
  EXPECT_EQ(counted_ids(open(with_proc(server(tree)), {.exclude = {"rapl:*"}})), Words{});
}

TEST(Select, APatternThatMatchesNothingIsAnError) {
  Tree tree;
  server(tree);
  const Error e = refusal(tree, {.sensors = {"rapl:pakage-0"}});
  EXPECT_EQ(e.code, Errc::not_found);
  EXPECT_EQ(e.what, "no sensor matches 'rapl:pakage-0'; did you mean 'rapl:package-0'?");
  EXPECT_EQ(e.hint, "sensors here: rapl:package-0, rapl:package-0:dram, rapl:package-1, rapl:package-1:dram, rapl:psys");
  EXPECT_EQ(refusal(tree, {.sensors = {"rapl:package-0 rapl:psys"}}).what, "no sensor matches 'rapl:package-0 rapl:psys'");
  EXPECT_EQ(refusal(tree, {.exclude = {"gpu*"}}).what, "no sensor matches 'gpu*'");
  Tree blocked;
  zone(blocked, "intel-rapl:0", "package-0", range_esu14);
  const auto counter = blocked.at("sys/class/powercap/intel-rapl:0/energy_uj");
  std::filesystem::remove(counter);
  EXPECT_EQ(refusal(blocked, {.sensors = {"rapl:package-0"}}).hint,
            "no sensor can be read here; rapl is blocked: " + counter.string() + ": no such file or directory");
}

TEST(Select, ReadingsStayWithTheirSensors) {
  Tree tree;
  const Sources s = open(server(tree), {.sensors = {"rapl:psys", "rapl:package-1"}});
  ASSERT_EQ(s.backends.size(), 1u);
  ASSERT_EQ(read_ids(s), (Words{"rapl:package-1", "rapl:psys"}));
  std::vector<Reading> out(2);
  s.backends[0]->read(out);
  EXPECT_EQ(out[0].raw, 40);
  EXPECT_EQ(out[1].raw, 30);
}

Sensor meter(std::string id, Domain domain, std::string part_of = "") {
  Sensor s{.id = id, .label = id, .source = "test"};
  s.domain = domain;
  s.part_of = std::move(part_of);
  return s;
}

TEST(Total, ANodeMeterStandsForEverything) {
  std::vector<Sensor> sensors{meter("pkg", Domain::package), meter("node", Domain::node), meter("gpu", Domain::gpu),
                              meter("bmc", Domain::node), meter("psys", Domain::platform)};
  const auto verdicts = judge_total(sensors);
  for (std::size_t i = 0; i < sensors.size(); ++i) {
    EXPECT_EQ(verdicts[i].counted, i == 1) << i;
    EXPECT_EQ(verdicts[i].why_not, i == 1 ? "" : "part of node") << i;
  }
  EXPECT_FALSE(find_gaps(sensors).cpu);
  EXPECT_FALSE(find_gaps(sensors).dram);
}

TEST(Total, WithoutPackagesPsysCoversDramAndGpus) {
  const std::vector<Sensor> sensors{meter("psys", Domain::platform), meter("psys-1", Domain::platform),
                                    meter("dram", Domain::dram), meter("gpu", Domain::gpu), meter("core", Domain::cores)};
  const auto verdicts = judge_total(sensors);
  EXPECT_TRUE(verdicts[0].counted);
  for (std::size_t i = 1; i < sensors.size(); ++i) EXPECT_EQ(verdicts[i].why_not, "overlaps with psys") << i;
}

TEST(Total, GpusDramAndGaugesCountBesidePackages) {
  std::vector<Sensor> sensors{meter("pkg", Domain::package),
                              meter("gpu", Domain::gpu),
                              meter("dram", Domain::dram),
                              meter("hbm", Domain::dram, "gpu"),
                              meter("lost", Domain::uncore, "elsewhere"),
                              meter("busy", Domain::cpu)};
  sensors[1].quantity = Quantity::power;
  sensors[1].behavior = Behavior::gauge;
  sensors[5].quantity = Quantity::utilization;
  const bool expected[] = {true, true, true, false, false, false};
  const auto verdicts = judge_total(sensors);
  for (std::size_t i = 0; i < sensors.size(); ++i) EXPECT_EQ(verdicts[i].counted, expected[i]) << i;
  EXPECT_EQ(verdicts[3].why_not, "part of gpu");
  EXPECT_EQ(verdicts[4].why_not, "part of a package");
  EXPECT_EQ(verdicts[5].why_not, "not an energy");
}

TEST(Total, GapsAreTheDomainsNobodyCovers) {
  EXPECT_TRUE(find_gaps({}).cpu);
  EXPECT_TRUE(find_gaps({}).dram);
  const std::vector<Sensor> package{meter("p", Domain::package), meter("psys", Domain::platform)};
  EXPECT_FALSE(find_gaps(package).cpu);
  EXPECT_TRUE(find_gaps(package).dram);
  const std::vector<Sensor> gpu{meter("g", Domain::gpu), meter("d", Domain::dram)};
  EXPECT_TRUE(find_gaps(gpu).cpu);
  EXPECT_FALSE(find_gaps(gpu).dram);
}

}  // namespace
}  // namespace perun
