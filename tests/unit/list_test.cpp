// SPDX-License-Identifier: BSD-3-Clause
#include "backends/list.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/text.hpp"
#include "support/machines.hpp"

namespace perun {
namespace {

using namespace test;  // NOLINT: the fixtures

Sources open(const Host& host, const Selection& selection = {}) {
  auto sources = open_sources(host, selection);
  if (!sources) {
    ADD_FAILURE() << sources.error().what;
    return {};
  }
  return *std::move(sources);
}

std::size_t widest(std::string_view text) {
  std::size_t most = 0;
  for (const auto line : text::split(text, '\n')) most = std::max(most, line.size());
  return most;
}

TEST(List, ShowsALaptop) {
  Tree tree;
  proc_files(laptop(tree));
  EXPECT_EQ(list_text(open(tree.host())), R"(rapl powercap (measured)
  Sensor                 What              Step   Update   Range  Total
  rapl:package-0         cpu:0 package  61.0 uJ  1.00 ms  262 kJ  yes
  rapl:package-0:core    cpu:0 cores    61.0 uJ  1.00 ms  262 kJ  no [1]
  rapl:package-0:uncore  cpu:0 uncore   61.0 uJ  1.00 ms  262 kJ  no [1]
  rapl:psys              psys           61.0 uJ  1.00 ms  262 kJ  no [2]
  [1] part of cpu:0 package
  [2] overlaps with the packages

/proc/stat, /proc/meminfo, /proc/diskstats, /proc/net/dev (measured)
  Sensor             What                 Step   Update  Range  Total
  proc:cpu_busy      CPU time busy     10.0 ms  10.0 ms      -  - [1]
  proc:cpu_total     CPU time passed   10.0 ms  10.0 ms      -  - [1]
  proc:memory_used   memory used        1024 B        -      -  -
  proc:disk_read     disk read           512 B        -      -  -
  proc:disk_written  disk written        512 B        -      -  -
  proc:net_received  network received      1 B        -      -  -
  proc:net_sent      network sent          1 B        -      -  -
  [1] seconds, summed over all CPUs

model: 0.392 W/GB (estimated)
  Sensor         What  Step  Update  Range  Total
  estimate:dram  dram     -       -      -  yes [1]
  [1] assumes 6.27 W for 16.0 GB

Total    cpu:0 package + dram (estimated); without a sensor: memory, fans,
         disks, network, PSU losses
Chosen   rapl: powercap, because perf is not on this machine
Not on this machine: cray, hwmon, battery, nvml, amdgpu, level_zero, state
)");
}

TEST(List, ShowsWhatIsBlockedAndWhatIsNotThere) {
  Tree tree;
  const Sources nothing = open(tree.host());
  EXPECT_EQ(list_text(nothing),
            "No sensor can be read here.\n\nNot on this machine: rapl, cray, hwmon, battery, nvml, amdgpu, level_zero, proc,\n "
            "                    state\n");
  Sources blocked;
  blocked.blocked = {{"rapl", "/sys/class/powercap/intel-rapl:0/energy_uj: permission denied (and 4 more)",
                      "sudo chmod a+r /sys/class/powercap/intel-rapl*/energy_uj (until reboot; lets every user read them, see "
                      "CVE-2020-8694), or run perun as root"}};
  EXPECT_EQ(list_text(blocked), R"(No sensor can be read here.

Blocked  rapl: /sys/class/powercap/intel-rapl:0/energy_uj: permission denied
         (and 4 more)
  to fix sudo chmod a+r /sys/class/powercap/intel-rapl*/energy_uj (until reboot;
         lets every user read them, see CVE-2020-8694), or run perun as root
)");
}

TEST(List, UnselectedSensorsStayInTheList) {
  Tree tree;
  const std::string text = list_text(open(server(tree).host(), {.sensors = {"rapl:psys"}}));
  EXPECT_EQ(text, R"(rapl powercap (measured)
  Sensor               What              Step   Update    Range  Total
  rapl:package-0       cpu:0 package  61.0 uJ  1.00 ms   262 kJ  no [1]
  rapl:package-0:dram  cpu:0 dram     61.0 uJ  1.00 ms   262 kJ  no [1]
  rapl:package-1       cpu:1 package  61.0 uJ  1.00 ms   262 kJ  no [1]
  rapl:package-1:dram  cpu:1 dram     61.0 uJ  1.00 ms   262 kJ  no [1]
  rapl:psys            psys            1.00 J  1.00 ms  4.29 GJ  yes
  [1] not selected

Total    psys
Chosen   rapl: powercap, because perf is not on this machine
Not on this machine: cray, hwmon, battery, nvml, amdgpu, level_zero, proc, state
)");
}

TEST(List, FitsEightyColumnsOnEveryMachine) {
  for (auto* make : {&laptop, &server, &multi_die, &epyc, &many_sockets}) {
    Tree tree;
    const Sources sources = open(proc_files(make(tree)).host());
    Periods seen;
    for (const Listed& l : sources.listed) seen[l.sensor.id] = 1'003'000;
    EXPECT_LE(widest(list_text(sources, seen)), 80u) << list_text(sources, seen);
  }
  Tree tree;
  const std::string name(64, 'n');
  const std::string text = list_text(open(tree.host(), {.backends = {"sim:const:1W:name=" + name}}));
  EXPECT_EQ(widest(text), 8 + 64 + 34u) << "a long name is not cut: " << text;
}

TEST(List, JsonSaysTheSameInUnits) {
  Tree tree;
  const Sources sources = open(laptop(tree).host(), {.backends = {"rapl"}});
  const Json json = list_json(sources, {{"rapl:package-0", 1'003'000}});
  EXPECT_EQ(json["schema"], "perun-sensors/1");
  ASSERT_EQ(json["sensors"].size(), 4u);
  const Json& package = json["sensors"][0];
  const Json expected = {{"id", "rapl:package-0"},
                         {"label", "cpu:0 package"},
                         {"source", "rapl powercap"},
                         {"kind", "measured"},
                         {"quantity", "energy"},
                         {"behavior", "counter"},
                         {"unit", "J"},
                         {"domain", "package"},
                         {"index", 0},
                         {"resolution", 61 * 1e-6},
                         {"wraps_at", 262'143'328'850 * 1e-6},
                         {"update_period_s", 1'000'000 * 1e-9},
                         {"update_period_measured_s", 1'003'000 * 1e-9},
                         {"max_power_W", 1500.0},
                         {"systematic_percent", 5.0},
                         {"part_of", nullptr},
                         {"selected", true},
                         {"in_total", true},
                         {"why_not", nullptr},
                         {"note", nullptr}};
  EXPECT_EQ(package.dump(), expected.dump());
  EXPECT_EQ(json["sensors"][1]["part_of"], "rapl:package-0");
  EXPECT_EQ(json["sensors"][1]["in_total"], false);
  EXPECT_EQ(json["sensors"][1]["why_not"], "part of cpu:0 package");
  EXPECT_TRUE(json["sensors"][1]["update_period_measured_s"].is_null());
  EXPECT_EQ(json["blocked"].dump(), "[]");
  EXPECT_EQ(json["absent"].dump(), "[]");
}

TEST(List, JsonNamesTheBlockedWithTheirFix) {
  Sources sources;
  sources.blocked = {{"rapl", "why", "how"}, {"x", "why", ""}};
  sources.absent = {"proc"};
  EXPECT_EQ(list_json(sources).dump(),
            R"({"schema":"perun-sensors/1","sensors":[],"choices":[],"blocked":[{"backend":"rapl","reason":"why","fix":"how"},)"
            R"({"backend":"x","reason":"why","fix":null}],"absent":["proc"]})");
}

/// Three sensors read every 1 ms of its own time: one changes at every fourth reading, one never, one is a model.
class Scripted final : public Backend {
 public:
  Scripted() : sensors_(3, Sensor{.id = "x:live", .label = "live", .source = "test"}) {
    sensors_[1].id = "x:dead";
    sensors_[2].id = "x:model";
    sensors_[2].kind = Kind::estimated;
  }
  std::span<const Sensor> sensors() const noexcept override { return sensors_; }
  void read(std::span<Reading> out) noexcept override {
    ++reads_;
    const std::int64_t t = reads_ * 1'000'000;
    out[0] = {t, reads_ % 5 == 0 ? missing : reads_ / 4, 0};
    out[1] = {t, 7, 0};
    out[2] = {t, reads_, 0};
  }

 private:
  std::vector<Sensor> sensors_;
  std::int64_t reads_ = 0;
};

TEST(List, MeasuresHowOftenCountersChange) {
  Sources sources;
  sources.backends.push_back(std::make_unique<Scripted>());
  for (const Sensor& s : sources.backends[0]->sensors()) sources.listed.push_back({s, true, ""});
  const Periods periods = measure_periods(sources, 500'000'000);
  ASSERT_EQ(periods.size(), 1u) << "neither what never moves nor a model";
  EXPECT_NEAR(static_cast<double>(periods.at("x:live")), 4e6, 0.4e6) << "a missing reading may hide a change for 1 ms";
  const std::string text = list_text(sources, {{"x:live", 4'010'000}});
  EXPECT_NE(text.find("  ~4.01 ms  "), std::string::npos) << text;
  EXPECT_TRUE(text.ends_with("\n~ seen just now; else as the hardware is specified.\n")) << text;
}

}  // namespace
}  // namespace perun
