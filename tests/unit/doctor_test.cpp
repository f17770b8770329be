// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/diagnosis.hpp"
#include "cli/fix_script.hpp"
#include "support/machines.hpp"
#include "support/plain_user.hpp"

namespace perun {
namespace {

namespace fs = std::filesystem;
using namespace test;  // NOLINT: the fixtures

/// A user called anna at a made-up machine; as plain as the files of a test can make her.
Patient patient(const Tree& tree) {
  fs::permissions(tree.root(), fs::perms(0755));
  return {.host = tree.host(),
          .root = tree.root(),
          .data_out = tree.root() / "results",
          .node = "gpu07",
          .kernel = "6.1.0",
          .user = "anna",
          .uid = 1004,
          .allowed_cpus = 4};
}

Diagnosis diagnosed(const Patient& who, const Selection& selection = {}) {
  const PlainUser plain;
  auto found = diagnose(who, selection);
  EXPECT_TRUE(found) << (found ? "" : found.error().what);
  return found ? *std::move(found) : Diagnosis{};
}

const Finding& finding(const std::vector<Finding>& all, std::string_view name) {
  static const Finding none{Standing::absent, "NOT FOUND", "NOT FOUND"};
  const auto at = std::ranges::find(all, name, &Finding::name);
  return at == all.end() ? none : *at;
}

/// Counters that only root may read.
Tree& shut(Tree& tree) {
  for (const auto& zone : fs::directory_iterator(tree.at("sys/class/powercap")))
    if (fs::exists(zone.path() / "energy_uj")) fs::permissions(zone.path() / "energy_uj", fs::perms::none);
  return tree;
}

TEST(Doctor, AMachineWhoseCountersAreOpenIsWell) {
  Tree tree;
  proc_files(laptop(tree));
  const Patient who = patient(tree);
  const Diagnosis d = diagnosed(who);
  EXPECT_TRUE(d.measurable);
  EXPECT_EQ(d.verdict, "Energy can be measured here: cpu:0 package. Estimated: dram.");
  EXPECT_TRUE(d.remedies.empty());
  EXPECT_EQ(finding(d.sources, "rapl").standing, Standing::ready);
  EXPECT_EQ(finding(d.sources, "rapl").text, "4 sensors: cpu:0 package, cpu:0 cores, cpu:0 uncore, psys");
  EXPECT_EQ(finding(d.sources, "estimate").standing, Standing::note);
  EXPECT_EQ(finding(d.ways, "powercap").standing, Standing::ready);
  EXPECT_EQ(finding(d.ways, "powercap").text, tree.at("sys/class/powercap").string() + ": 5 counters");
  EXPECT_EQ(finding(d.ways, "perf_event").standing, Standing::absent);
  EXPECT_EQ(finding(d.ways, "msr").standing, Standing::absent);
}

TEST(Doctor, ShutCountersHaveARemedyThatNamesItsPriceAndTheUser) {
  Tree tree;
  const Patient who = patient(shut(laptop(tree)));
  const Diagnosis d = diagnosed(who);
  EXPECT_FALSE(d.measurable);
  EXPECT_EQ(finding(d.sources, "rapl").standing, Standing::blocked);
  EXPECT_EQ(finding(d.sources, "rapl").remedy, 1);
  EXPECT_EQ(finding(d.ways, "powercap").standing, Standing::blocked);
  EXPECT_NE(finding(d.ways, "powercap").text.find("5 counters, 0 of them readable by you"), std::string::npos);
  ASSERT_EQ(d.remedies.size(), 1u);
  ASSERT_EQ(d.remedies[0].steps.size(), 3u);
  EXPECT_EQ(d.remedies[0].steps[0].run, "perun doctor --fix-script > fix.sh");
  EXPECT_EQ(d.remedies[0].steps[1].run, "sudo sh fix.sh anna");
  EXPECT_EQ(d.remedies[0].steps[2].run, "sudo chmod a+r " + tree.at("sys/class/powercap/intel-rapl*/energy_uj").string());
  EXPECT_NE(d.remedies[0].caution.find("CVE-2020-8694"), std::string::npos);
}

TEST(Doctor, OneShutCounterIsEnoughToBeTold) {
  Tree tree;
  server(tree);
  fs::permissions(tree.at("sys/class/powercap/intel-rapl:2/energy_uj"), fs::perms::none);
  const Diagnosis d = diagnosed(patient(tree));
  EXPECT_TRUE(d.measurable);
  EXPECT_EQ(finding(d.ways, "powercap").standing, Standing::blocked);
  EXPECT_NE(finding(d.ways, "powercap").text.find("5 counters, 4 of them readable by you"), std::string::npos);
  EXPECT_EQ(d.remedies.size(), 1u);
}

struct PerfCase {
  std::string paranoid, capabilities;
  Standing standing;
  bool debian_noted;
};

TEST(Doctor, PerformanceEventsDependOnTheLevelAndTheCapability) {
  constexpr std::string_view perfmon = "0000004000000000", sys_admin = "0000000000200000", none = "0000000000000000";
  const PerfCase cases[] = {
      {"-1\n", std::string(none), Standing::ready, false},    {"0\n", std::string(none), Standing::ready, false},
      {"1\n", std::string(none), Standing::blocked, false},   {"2\n", std::string(none), Standing::blocked, false},
      {"3\n", std::string(none), Standing::blocked, true},    {"2\n", std::string(perfmon), Standing::ready, false},
      {"3\n", std::string(perfmon), Standing::blocked, true}, {"4\n", std::string(sys_admin), Standing::ready, false},
      {"x\n", std::string(none), Standing::blocked, false},   {"", std::string(perfmon), Standing::blocked, true},
  };
  for (const auto& [paranoid, capabilities, standing, debian_noted] : cases) {
    Tree tree;
    tree.file("sys/bus/event_source/devices/power/type", "20\n");
    tree.file("proc/sys/kernel/perf_event_paranoid", paranoid);
    tree.file("proc/self/status", "Name:\tperun\nCapEff:\t" + capabilities + "\n");
    Diagnosis d;
    look_at_ways(patient(tree), d);
    const Finding& perf = finding(d.ways, "perf_event");
    EXPECT_EQ(perf.standing, standing) << paranoid << capabilities;
    EXPECT_EQ(perf.text.find("CAP_SYS_ADMIN") != std::string::npos, debian_noted) << paranoid << capabilities;
    if (standing != Standing::blocked) continue;
    ASSERT_EQ(perf.remedy, 1);
    EXPECT_EQ(d.remedies[0].steps.at(2).run, "sudo sysctl kernel.perf_event_paranoid=0");
    EXPECT_NE(d.remedies[0].caution.find("CVE-2020-8694"), std::string::npos);
  }
}

TEST(Doctor, ModelSpecificRegistersAreLeftShut) {
  Tree tree;
  tree.file("dev/cpu/0/msr", "");
  fs::permissions(tree.at("dev/cpu/0/msr"), fs::perms::none);
  const Diagnosis d = diagnosed(patient(tree));
  EXPECT_EQ(finding(d.ways, "msr").standing, Standing::blocked);
  EXPECT_EQ(finding(d.ways, "msr").remedy, 0);
}

TEST(Doctor, AVirtualMachineIsSentToItsHost) {
  Tree tree;
  cpuinfo(tree, "GenuineIntel", "Intel(R) Xeon(R) Platinum 8480+", 1, 4, "hypervisor");
  const Diagnosis d = diagnosed(patient(proc_files(tree)));
  EXPECT_FALSE(d.measurable);
  EXPECT_EQ(d.verdict, "Energy cannot be measured here: figures will be estimates (n/a with --no-estimate).");
  ASSERT_EQ(d.remedies.size(), 1u);
  EXPECT_EQ(d.remedies[0].title, "Measure on the host: a virtual machine has no energy counters of its own");
  EXPECT_EQ(finding(d.place, "machine").standing, Standing::note);
}

TEST(Doctor, AMachineWithoutTheDriverIsToldToLoadIt) {
  Tree tree;
  cpuinfo(tree, "GenuineIntel", "Intel(R) Xeon(R) Platinum 8480+");
  const Diagnosis d = diagnosed(patient(proc_files(tree)));
  ASSERT_EQ(d.remedies.size(), 1u);
  EXPECT_EQ(d.remedies[0].steps.at(0).run, "sudo modprobe intel_rapl_msr");
}

TEST(Doctor, ContainersAreKnownByTheirMarks) {
  Tree file, group, first, none;
  file.file(".dockerenv", "");
  group.file("proc/self/cgroup", "0::/kubepods/besteffort/pod1\n");
  first.file("proc/1/cgroup", "3:cpu,cpuacct:/docker/0123\n0::/\n");
  none.file("proc/self/cgroup", "0::/user.slice/user-1004.slice\n");
  EXPECT_EQ(container_hint(patient(file)), "/.dockerenv");
  EXPECT_EQ(container_hint(patient(group)), "cgroup /kubepods/besteffort/pod1");
  EXPECT_EQ(container_hint(patient(first)), "cgroup /docker/0123");
  EXPECT_EQ(container_hint(patient(none)), "");
}

TEST(Doctor, HiddenZonesOfAContainerHaveTheirOwnRemedy) {
  Tree tree;
  fs::create_directories(tree.at("sys/class/powercap"));
  fs::create_directory_symlink("../../devices/virtual/powercap/gone", tree.at("sys/class/powercap/intel-rapl:0"));
  const Diagnosis d = diagnosed(patient(tree));
  EXPECT_EQ(finding(d.ways, "powercap").standing, Standing::blocked);
  EXPECT_NE(finding(d.ways, "powercap").text.find("1 zones are hidden in this container"), std::string::npos);
  ASSERT_EQ(d.remedies.size(), 1u);
  EXPECT_EQ(d.remedies[0].title, "Let the container see the host's counters");
}

TEST(Doctor, AShareOfTheMachineIsNoted) {
  Tree tree;
  cpuinfo(tree, "GenuineIntel", "Intel(R) Xeon(R) Platinum 8480+", 2, 32);
  tree.file("proc/self/cgroup", "0::/slurm/job_1\n");
  const Diagnosis d = diagnosed(patient(tree));
  EXPECT_EQ(finding(d.place, "cgroup").standing, Standing::note);
  EXPECT_EQ(finding(d.place, "cgroup").text, "/slurm/job_1: 4 of 64 CPUs are yours; energy is that of all of them");
}

TEST(Doctor, AFolderThatCannotBeWrittenIsTold) {
  Tree tree;
  Patient who = patient(tree);
  fs::create_directories(tree.at("shut"));
  fs::permissions(tree.at("shut"), fs::perms(0555));
  who.data_out = tree.at("shut/results");
  const Finding shut = finding(diagnosed(who).place, "data_out");
  EXPECT_EQ(shut.standing, Standing::blocked);
  EXPECT_EQ(shut.text, who.data_out.string() + ": " + tree.at("shut").string() + " cannot be written");
  tree.file("file", "");
  who.data_out = tree.at("file");
  EXPECT_EQ(finding(diagnosed(who).place, "data_out").standing, Standing::blocked);
  fs::permissions(tree.at("shut"), fs::perms(0777));
  who.data_out = tree.at("shut/deep/results");
  EXPECT_NE(finding(diagnosed(who).place, "data_out").standing, Standing::blocked);
}

TEST(Doctor, ASlowClockIsNoted) {
  Tree tree;
  const std::string file = "sys/devices/system/clocksource/clocksource0/current_clocksource";
  tree.file(file, "hpet\n");
  EXPECT_EQ(finding(diagnosed(patient(tree)).place, "clock").standing, Standing::note);
  tree.file(file, "tsc\n");
  EXPECT_EQ(finding(diagnosed(patient(tree)).place, "clock").standing, Standing::ready);
}

TEST(Doctor, UnknownBackendsAreErrorsAndNamedOnesDecide) {
  Tree tree;
  const Patient who = patient(laptop(tree));
  EXPECT_FALSE(diagnose(who, {.backends = {"rpal"}}));
  EXPECT_FALSE(diagnosed(who, {.backends = {"proc"}}).measurable);
  EXPECT_TRUE(diagnosed(who, {.backends = {"sim:const:5W"}}).measurable);
}

TEST(Doctor, TextStartsWithTheVerdictAndFitsItsColumns) {
  Tree tree;
  const Patient who = patient(shut(laptop(tree)));
  const std::string text = diagnosis_text(who, diagnosed(who));
  EXPECT_TRUE(text.starts_with("perun doctor: gpu07, Linux 6.1.0, user anna (uid 1004)\n\nEnergy cannot be measured here: "))
      << text;
  std::size_t at = 0;
  for (const std::string_view heading : {"\nWhat to do\n", "\n  1. Let a group", "     Mind: ", "\nSources\n",
                                         "to fix: 1. above", "\nWays to the processor's energy counters\n", "\nThis place\n"}) {
    const auto found = text.find(heading, at);
    ASSERT_NE(found, std::string::npos) << heading << " in\n" << text;
    at = found;
  }
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    EXPECT_TRUE(line.size() <= 80 || line.find(tree.root().string()) != std::string::npos) << line;
}

TEST(Doctor, NoTerminalObeysWhatAFileSaid) {
  Tree tree;
  cpuinfo(tree, "GenuineIntel",
          "\x1B]0;owned\x07 \xC2\x9B"
          "2J \xFF");
  zone(tree, "intel-rapl:0", "pack\x1B[2Jage\n-0", range_esu14);
  const Patient who = patient(tree);
  const Diagnosis d = diagnosed(who);
  for (const char c : diagnosis_text(who, d)) EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 || c == '\n');
  EXPECT_EQ(diagnosis_text(who, d).find("\xC2\x9B"), std::string::npos);
  EXPECT_NO_THROW(static_cast<void>(diagnosis_json(who, d).dump()));
}

TEST(Doctor, JsonSaysTheSame) {
  Tree tree;
  const Patient who = patient(shut(laptop(tree)));
  const Json all = diagnosis_json(who, diagnosed(who));
  EXPECT_EQ(all["schema"], "perun-doctor/1");
  EXPECT_EQ(all["measurable"], false);
  EXPECT_EQ(all["uid"], 1004);
  EXPECT_EQ(all["remedies"][0]["steps"][1]["run"], "sudo sh fix.sh anna");
  for (const auto& source : all["sources"])
    if (source["name"] == "rapl") {
      EXPECT_EQ(source["standing"], "blocked");
      EXPECT_EQ(source["remedy"], 1);
      EXPECT_NE(source["found"].get<std::string>().find("permission denied"), std::string::npos);
    }
  EXPECT_EQ(all["place"].size(), 5u);
}

TEST(FixScript, HoldsTheShippedFilesAsTheyStand) {
  const std::string script = fix_script();
  for (const char* file : {"udev/60-perun-powercap.rules", "tmpfiles.d/perun.conf", "sysctl.d/60-perun.conf"}) {
    std::ifstream in(fs::path(PERUN_SOURCE_DIR) / "share" / file);
    std::ostringstream text;
    text << in.rdbuf();
    EXPECT_GT(text.str().size(), 100u) << file;
    EXPECT_NE(script.find(text.str()), std::string::npos) << file;
    EXPECT_EQ(script.find("@" + std::string(file)), std::string::npos);
  }
  EXPECT_TRUE(script.starts_with("#!/bin/sh\n"));
  EXPECT_NE(script.find("CVE-2020-8694"), std::string::npos);
}

}  // namespace
}  // namespace perun
