// SPDX-License-Identifier: BSD-3-Clause
// NVML as a library speaks it that the build made (tests/support/fake/nvml.cpp): numbers and words of the backend.
#include <gtest/gtest.h>
#include <poll.h>
#include <time.h>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "backends/backend.hpp"
#include "backends/late.hpp"
#include "backends/select.hpp"
#include "base/missing.hpp"
#include "sampling/sampler.hpp"
#include "support/hwmon.hpp"
#include "support/nvidia.hpp"

namespace perun {

extern const BackendInfo nvml_backend;

namespace {

using namespace test;  // NOLINT: the fixtures

constexpr auto ms = [](int n) { return std::chrono::milliseconds(n); };

Probe probe(const Tree& tree, std::string_view argument = "") {
  return nvml_backend.probe({tree.host(), argument});
}

std::unique_ptr<Backend> open(const Tree& tree, std::string_view argument = "") {
  Probe found = probe(tree, argument);
  auto* backend = std::get_if<std::unique_ptr<Backend>>(&found);
  return backend == nullptr ? nullptr : std::move(*backend);
}

Blocked blocked(Probe found) {
  const auto* b = std::get_if<Blocked>(&found);
  return b == nullptr ? Blocked{"not blocked", ""} : *b;
}

/// "id 'label' source domain part_of" of what measures energy or power.
std::vector<std::string> meters(const Backend& backend) {
  std::vector<std::string> out;
  for (const Sensor& s : backend.sensors())
    if (s.quantity == Quantity::energy || s.quantity == Quantity::power)
      out.push_back(s.id + " '" + s.label + "' " + s.source + ", " + std::string(name(s.domain)) +
                    (s.part_of.empty() ? "" : " in " + s.part_of));
  return out;
}

std::vector<Reading> read(Backend& backend) {
  std::vector<Reading> readings(backend.sensors().size());
  backend.read(readings);
  return readings;
}

/// The reading of the sensor whose id ends so.
std::int64_t value(Backend& backend, std::string_view end) {
  const auto readings = read(backend);
  for (std::size_t i = 0; i < readings.size(); ++i)
    if (backend.sensors()[i].id.ends_with(end)) return readings[i].raw;
  return -1;
}

std::string fact(const Backend& backend, std::string_view key) {
  for (const auto& [name, value] : backend.facts())
    if (name == key) return value;
  return "none";
}

using Words = std::vector<std::string>;

TEST(Nvml, AGpuWithACounterIsMeasuredByIt) {
  Tree tree;
  const auto nvml =
      open(nvidia(tree, "gpu name=NVIDIA_A100-SXM4-40GB uuid=GPU-8f6a1c2e-aaaa pci=0000:3B:00.0 watts=250\n", FAKE_NVML_SO));
  ASSERT_TRUE(nvml);
  const std::string gpu = "nvml:GPU-8f6a1c2e";
  EXPECT_EQ(meters(*nvml),
            (Words{gpu + ":energy 'gpu:0 A100-SXM4-40GB' nvml counter, gpu",
                   gpu + ":power 'gpu:0 A100-SXM4-40GB power' nvml instant power, gpu in " + gpu + ":energy",
                   gpu + ":power_average 'gpu:0 A100-SXM4-40GB mean power' nvml average power, gpu in " + gpu + ":power"}));
  EXPECT_EQ(nvml->sensors()[0].note, "its sensor sees 25 of every 100 ms");
  EXPECT_DOUBLE_EQ(nvml->sensors()[0].max_power_W, 800);
  EXPECT_EQ(value(*nvml, ":power"), 250'000);
  EXPECT_EQ(value(*nvml, ":utilization"), 93);
  EXPECT_EQ(value(*nvml, ":memory"), std::int64_t{10} << 30);
  EXPECT_EQ(value(*nvml, ":clock"), 1410);
  EXPECT_EQ(value(*nvml, ":temperature"), 64);
  EXPECT_EQ(value(*nvml, ":limit"), 400'000);
  EXPECT_EQ(value(*nvml, ":throttle"), 4);
  EXPECT_EQ(fact(*nvml, "nvidia_driver"), "550.54.14");
  EXPECT_EQ(fact(*nvml, "gpu_0"), "NVIDIA A100-SXM4-40GB, GPU-8f6a1c2e-aaaa, 0000:3b:00.0");
  EXPECT_TRUE(nvml->may_wait()) << "it has a lane of its own";
}

TEST(Nvml, SixteenGpusAddUpToTheirCurves) {
  Tree tree;
  const auto nvml = open(nvidia(tree, many_gpus(16), FAKE_NVML_SO));
  ASSERT_TRUE(nvml);
  ASSERT_EQ(nvml->sensors().size(), 16u * 9);
  const auto first = read(*nvml);
  std::this_thread::sleep_for(ms(600));
  const auto last = read(*nvml);
  int counters = 0;
  for (std::size_t i = 0; i < first.size(); ++i) {
    const Sensor& s = nvml->sensors()[i];
    if (s.quantity != Quantity::energy) continue;
    const double joules = static_cast<double>(last[i].raw - first[i].raw) * s.scale;
    const double seconds = static_cast<double>(last[i].t_ns - first[i].t_ns) * 1e-9, watts = 100 + 10 * s.index;
    EXPECT_NEAR(joules, watts * seconds, watts * 0.025) << s.label;
    EXPECT_EQ(s.index, counters++) << "GPU 10 is not GPU 1";
  }
  EXPECT_EQ(counters, 16);
}

TEST(Nvml, ThePowerOfAGpusMemoryIsPartOfIt) {
  Tree tree;
  const auto nvml = open(nvidia(tree, "gpu name=NVIDIA_H100 uuid=GPU-h arch=9 watts=300 memory=55\n", FAKE_NVML_SO));
  ASSERT_TRUE(nvml);
  EXPECT_EQ(meters(*nvml),
            (Words{"nvml:GPU-h:energy 'gpu:0 H100' nvml counter, gpu",
                   "nvml:GPU-h:power 'gpu:0 H100 power' nvml instant power, gpu in nvml:GPU-h:energy",
                   "nvml:GPU-h:memory_power 'gpu:0 H100 memory power' nvml instant memory power, gpu in nvml:GPU-h:power",
                   "nvml:GPU-h:power_average 'gpu:0 H100 mean power' nvml average power, gpu in nvml:GPU-h:power"}));
  EXPECT_EQ(value(*nvml, ":memory_power"), 55'000);
  EXPECT_EQ(value(*nvml, ":power"), 300'000);
  EXPECT_EQ(value(*nvml, ":power_average"), 300'000);
}

TEST(Nvml, WithoutACounterPowerCounts) {
  Tree tree;
  const auto nvml = open(nvidia(tree, "gpu name=Tesla_P100 uuid=GPU-p arch=4 counter=no watts=150\n", FAKE_NVML_SO));
  ASSERT_TRUE(nvml);
  EXPECT_EQ(meters(*nvml),
            (Words{"nvml:GPU-p:power 'gpu:0 Tesla P100 power' nvml instant power, gpu",
                   "nvml:GPU-p:power_average 'gpu:0 Tesla P100 mean power' nvml average power, gpu in nvml:GPU-p:power"}));
  EXPECT_EQ(nvml->sensors()[0].refresh_ns, 20'000'000);
  EXPECT_EQ(nvml->sensors()[0].note, "its sensor sees 10 of every 20 ms");
}

TEST(Nvml, SensorsThatLookForAPartOfTheTimeSaySo) {
  struct Case {
    const char* gpu;
    std::int64_t energy_ms, power_ms, average_ms;
  };
  for (const auto& [gpu, energy_ms, power_ms, average_ms] :
       {Case{"name=NVIDIA_A100-SXM4-40GB arch=7", 25, 25, 1000}, Case{"name=NVIDIA_H100_PCIe arch=9", 25, 25, 1000},
        Case{"name=Tesla_V100 arch=5", 10, 10, 1000}, Case{"name=NVIDIA_RTX_A3000 arch=7", 0, 0, 1000},
        Case{"name=NVIDIA_L40S arch=8", 0, 0, 1000}}) {
    Tree tree;
    const auto nvml = open(nvidia(tree, "gpu uuid=GPU-x watts=100 " + std::string(gpu) + "\n", FAKE_NVML_SO));
    ASSERT_TRUE(nvml);
    const auto sensors = nvml->sensors();
    EXPECT_EQ(sensors[0].averaging_ns, energy_ms * 1'000'000) << gpu;
    EXPECT_EQ(sensors[1].averaging_ns, power_ms * 1'000'000) << gpu;
    EXPECT_EQ(sensors[2].averaging_ns, average_ms * 1'000'000) << gpu;
    EXPECT_EQ(part_time(sensors[0]), energy_ms > 0) << gpu;
    EXPECT_FALSE(part_time(sensors[2])) << gpu;
  }
}

TEST(Nvml, ACounterThatStandsStillOrComesLaterDoesNotCount) {
  Tree tree;
  const auto still = open(nvidia(tree, "gpu uuid=GPU-s counter=still watts=150\n", FAKE_NVML_SO));
  ASSERT_TRUE(still);
  EXPECT_EQ(meters(*still)[0], "nvml:GPU-s:power 'gpu:0 power' nvml instant power, gpu");
  EXPECT_EQ(meters(*still)[2], "nvml:GPU-s:energy 'gpu:0' nvml counter, gpu in nvml:GPU-s:power_average");
  const auto late = open(nvidia(tree, "gpu uuid=GPU-l counter=late:3600 watts=150\n", FAKE_NVML_SO));
  ASSERT_TRUE(late);
  EXPECT_EQ(meters(*late).size(), 2u);
  EXPECT_EQ(meters(*late)[0], "nvml:GPU-l:power 'gpu:0 power' nvml instant power, gpu");
}

TEST(Nvml, AnOldLibraryHasPowerOnly) {
  Tree tree;
  const auto nvml = open(nvidia(tree, "gpu name=Tesla_K40m uuid=GPU-k watts=120\n", FAKE_NVML_OLD_SO));
  ASSERT_TRUE(nvml);
  EXPECT_EQ(meters(*nvml), (Words{"nvml:GPU-k:power 'gpu:0 Tesla K40m power' nvml power, gpu"}));
  EXPECT_EQ(value(*nvml, ":power"), 120'000);
  EXPECT_EQ(value(*nvml, ":throttle"), missing) << "no such function";
}

TEST(Nvml, OneGpuMayBeForbidden) {
  Tree tree;
  const auto nvml = open(nvidia(tree, "gpu uuid=GPU-a deny\ngpu uuid=GPU-b watts=50\n", FAKE_NVML_SO));
  ASSERT_TRUE(nvml);
  EXPECT_EQ(meters(*nvml)[0], "nvml:GPU-b:energy 'gpu:1' nvml counter, gpu");
  ASSERT_EQ(nvml->blocked().size(), 1u);
  EXPECT_EQ(nvml->blocked()[0].reason, "GPU 0: no permission");
  EXPECT_FALSE(nvml->blocked()[0].hint.empty());
}

TEST(Nvml, AGpuThatTellsNothingIsTold) {
  Tree tree;
  const auto nvml = open(nvidia(tree, "gpu name=GRID uuid=GPU-v counter=no fields=no power=no\n", FAKE_NVML_SO));
  ASSERT_TRUE(nvml);
  EXPECT_TRUE(meters(*nvml).empty());
  EXPECT_EQ(nvml->blocked()[0].reason, "GPU 0 GRID: tells neither energy nor power");
}

TEST(Nvml, AGpuThatIsLostReadsAsMissing) {
  Tree tree;
  const std::string alive = "gpu uuid=GPU-a watts=50\n";
  const auto nvml = open(nvidia(tree, alive + "gpu uuid=GPU-b watts=60\n", FAKE_NVML_SO));
  ASSERT_TRUE(nvml);
  EXPECT_GT(value(*nvml, "GPU-b:energy"), 0);
  nvidia(tree, alive + "gpu uuid=GPU-b watts=60 lost=0\n", FAKE_NVML_SO);
  EXPECT_EQ(value(*nvml, "GPU-b:energy"), missing);
  EXPECT_EQ(value(*nvml, "GPU-b:power"), missing);
  EXPECT_GT(value(*nvml, "GPU-a:energy"), 0) << "the others go on";
}

TEST(Nvml, WhatIsNoNumberIsMissing) {
  Tree tree;
  const std::string gpu = "gpu uuid=GPU-x watts=50 ";
  const auto nvml = open(nvidia(tree, gpu + "\n", FAKE_NVML_SO));
  ASSERT_TRUE(nvml);
  nvidia(tree, gpu + "power=nan\n", FAKE_NVML_SO);
  EXPECT_EQ(value(*nvml, ":power"), missing);
  nvidia(tree, gpu + "power=negative\n", FAKE_NVML_SO);
  EXPECT_EQ(value(*nvml, ":power"), missing);
  nvidia(tree, gpu + "counter=absurd\n", FAKE_NVML_SO);
  EXPECT_EQ(value(*nvml, ":energy"), missing);
  nvidia(tree, gpu + "power=1e9\n", FAKE_NVML_SO);
  EXPECT_GT(value(*nvml, ":power"), 0) << "left to the analysis, which knows the limit";
}

TEST(Nvml, ASuperchipCountsOnce) {
  for (const bool wide : {false, true}) {
    Tree tree;
    grace(tree, true);
    nvidia(tree,
           std::string("gpu name=NVIDIA_GH200_480GB uuid=GPU-g arch=9 watts=300 module=500 update=0.02") +
               (wide ? " wide\n" : "\n"),
           FAKE_NVML_SO);
    const auto sources = open_sources(tree.host(), {});
    ASSERT_TRUE(sources);
    Words counted;
    for (const Listed& l : sources->listed)
      if (l.sensor.counted) counted.push_back(l.sensor.id);
    EXPECT_EQ(counted, Words{wide ? "nvml:GPU-g:energy" : "hwmon:power_meter:module-power-socket-0"})
        << "two meters of one superchip: the counter, else the first";
    for (const Listed& l : sources->listed)
      if (l.sensor.id == "nvml:GPU-g:energy") {
        EXPECT_EQ(l.sensor.domain, wide ? Domain::superchip : Domain::gpu) << "as its power tells";
      }
  }
}

/// What joins when it has started, as the agent takes it.
Joined joining(Latecomers& late, std::span<const Sensor> known) {
  pollfd ready{late.fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&ready, 1, 10'000), 1);
  auto joined = late.next(known, {});
  EXPECT_TRUE(joined);
  return joined ? *std::move(joined) : Joined{};
}

TEST(Nvml, NobodyWaitsForADriverThatStartsSlowly) {
  Tree tree;
  grace(tree, true);
  nvidia(tree, "start 1\ngpu name=NVIDIA_GH200_480GB uuid=GPU-g arch=9 watts=300 module=500 update=0.02 wide\n", FAKE_NVML_SO);
  const auto begin = std::chrono::steady_clock::now();
  auto sources = open_sources(tree.host(), {.late = true});
  ASSERT_TRUE(sources);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, ms(800));
  ASSERT_TRUE(sources->late);
  EXPECT_EQ(sources->late->awaited(), Words{"nvml"});
  std::vector<Sensor> known;
  for (const auto& b : sources->backends) known.insert(known.end(), b->sensors().begin(), b->sensors().end());
  const auto counted = [](const std::vector<Sensor>& sensors) {
    Words out;
    for (const Sensor& s : sensors)
      if (s.counted) out.push_back(s.id);
    return out;
  };
  EXPECT_EQ(counted(known), Words{"hwmon:power_meter:module-power-socket-0"});
  Joined joined = joining(*sources->late, known);
  ASSERT_TRUE(joined.backend);
  EXPECT_TRUE(sources->late->awaited().empty());
  EXPECT_EQ(joined.sensors.size(), known.size() + joined.backend->sensors().size());
  EXPECT_EQ(counted(joined.sensors), Words{"nvml:GPU-g:energy"}) << "its counter goes before the gauge, from now on";
  const auto now = monotonic_ns();
  const auto first = read(*joined.backend);
  EXPECT_LT(first[0].t_ns, now - 10'000'000) << "the first reading is the first look";
  EXPECT_GT(read(*joined.backend)[0].t_ns, now);
}

TEST(Nvml, ALateDriverMayAlsoTellNothing) {
  Tree tree;
  auto sources = open_sources(nvidia(tree, "init 18\n", FAKE_NVML_SO).host(), {.backends = {"nvml"}, .late = true});
  ASSERT_TRUE(sources && sources->late);
  const Joined joined = joining(*sources->late, {});
  EXPECT_FALSE(joined.backend);
  ASSERT_EQ(joined.blocked.size(), 1u);
  EXPECT_EQ(joined.blocked[0].reason, "NVML does not start: library and driver are of different versions");
  sources = open_sources(nvidia(tree, "init 9\n", FAKE_NVML_SO).host(), {.backends = {"nvml"}, .late = true});
  ASSERT_TRUE(sources && sources->late);
  EXPECT_TRUE(joining(*sources->late, {}).nothing()) << "no driver, no word";
  const Tree without;
  EXPECT_FALSE(open_sources(without.host(), {.backends = {"nvml"}, .late = true})->late) << "no library, nothing to wait for";
}

TEST(Nvml, VisibleDevicesInAllTheirForms) {
  Tree tree;
  const std::string lines = many_gpus(12) + "gpu uuid=GPU-abcd0000-1 mig=MIG-1111-a,MIG-2222-b watts=90\n";
  struct Case {
    const char *list, *shown;
  };
  const std::string mig = "nvml:GPU-abcd0000:energy", ten = "nvml:GPU-00000010:energy", two = "nvml:GPU-00000002:energy";
  const std::vector<std::pair<std::string, std::string>> cases{{"10,2", two + "," + ten},
                                                               {"", ""},
                                                               {"-1", ""},
                                                               {"2,-1,10", two},
                                                               {"GPU-00000010-1111-2222-3333-444444444444", ten},
                                                               {"GPU-abcd", mig},
                                                               {"GPU-0000000", ""},  // begins several
                                                               {"MIG-2222-b", mig},
                                                               {"MIG-GPU-abcd0000-1/1/0,2", two + "," + mig},
                                                               {"2, 10", two + "," + ten},
                                                               {"99", ""},
                                                               {"nonsense", ""}};
  for (const auto& [list, shown] : cases) {
    ::setenv("CUDA_VISIBLE_DEVICES", list.c_str(), 1);
    const auto nvml = open(nvidia(tree, lines, FAKE_NVML_SO));
    ASSERT_TRUE(nvml);
    EXPECT_EQ(fact(*nvml, "gpus_visible"), shown) << "'" << list << "'";
    EXPECT_EQ(fact(*nvml, "cuda_visible_devices"), list);
    EXPECT_EQ(value(*nvml, "abcd0000:utilization"), missing) << "not told while it is divided";
  }
  ::unsetenv("CUDA_VISIBLE_DEVICES");
  EXPECT_EQ(fact(*open(nvidia(tree, lines, FAKE_NVML_SO)), "gpus_visible"), "none") << "not said: all";
}

TEST(Nvml, WhatDoesNotStartIsTold) {
  Tree tree;
  EXPECT_EQ(blocked(probe(nvidia(tree, "init 18\n", FAKE_NVML_SO))).reason,
            "NVML does not start: library and driver are of different versions");
  EXPECT_TRUE(std::holds_alternative<Absent>(probe(nvidia(tree, "init 9\n", FAKE_NVML_SO)))) << "a library, but no driver";
  Tree other, third;  // a loaded library is known by its path
  EXPECT_EQ(blocked(probe(nvidia(other, "", FAKE_EMPTY_SO))).reason, "libnvidia-ml.so.1 has no function nvmlInit_v2");
  EXPECT_TRUE(std::holds_alternative<Absent>(probe(nvidia(tree, "", FAKE_NVML_SO)))) << "no GPU";
  third.file("garbage", "this is no library");
  EXPECT_TRUE(std::holds_alternative<Absent>(probe(library(third, "libnvidia-ml.so.1", third.at("garbage")))));
  EXPECT_TRUE(std::holds_alternative<Invalid>(probe(tree, "sleep")));
}

TEST(Nvml, ADriverThatHangsIsLeftBehind) {
  Tree tree;
  EXPECT_EQ(blocked(probe(nvidia(tree, "hang init\n", FAKE_NVML_SO))).reason, "NVML did not answer within 5 s");
}

TEST(Nvml, SleepingGpusAreNotWoken) {
  Tree tree;
  const std::string at = "sys/bus/pci/devices/0000:01:00.0/power/";
  nvidia(tree, "gpu uuid=GPU-l pci=0000:01:00.0 watts=20\n", FAKE_NVML_SO);
  tree.file("sys/bus/pci/drivers/nvidia/0000:01:00.0/vendor", "0x10de\n");
  tree.file(at + "control", "auto\n").file(at + "runtime_status", "suspended\n");
  EXPECT_EQ(blocked(probe(tree)).reason, "all NVIDIA GPUs sleep (0000:01:00.0) and are not woken to be measured");
  tree.file(at + "runtime_status", "active\n");
  const auto nvml = open(tree);
  ASSERT_TRUE(nvml);
  EXPECT_GT(value(*nvml, ":energy"), 0);
  tree.file(at + "runtime_status", "suspended\n");
  EXPECT_EQ(value(*nvml, ":energy"), missing) << "fell asleep, and is left alone";
  EXPECT_TRUE(open(tree, "wake"));
}

/// 30 ms a call, 16 GPUs: a tick of NVML takes seconds, and the counters of the processor are read in time all the same.
TEST(Nvml, SlowCallsHoldUpNobody) {
  Tree tree;
  auto sources = open_sources(nvidia(tree, many_gpus(4), FAKE_NVML_SO).host(), {.backends = {"nvml", "sim:const:100W"}});
  ASSERT_TRUE(sources);
  nvidia(tree, many_gpus(4, "delay=0.03"), FAKE_NVML_SO);
  std::size_t fast = 0, slow = 0, first_fast = 0;
  for (const auto& b : sources->backends)
    if (b->sensors()[0].id == "sim:const")
      break;
    else
      first_fast += b->sensors().size();
  Sampler sampler(std::move(sources->backends), 100'000'000, tree.host());
  ASSERT_TRUE(sampler.start());
  sampler.read_first();
  sampler.go(-1);
  std::this_thread::sleep_for(ms(2000));
  const Quality quality = sampler.stop();
  sampler.drain([&](std::span<const RingSample> samples) {
    for (const auto& s : samples) ++(s.sensor == first_fast ? fast : slow);
  });
  EXPECT_LE(quality.late, 2u) << "a tick of NVML takes 1 s";
  EXPECT_GE(fast, 18u);
  EXPECT_GE(slow, 4u * 9) << "and they are all read";
}

}  // namespace
}  // namespace perun
