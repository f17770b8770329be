// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "backends/backend.hpp"
#include "base/missing.hpp"
#include "support/clock.hpp"
#include "support/hwmon.hpp"
#include "support/state.hpp"

namespace perun {

extern const BackendInfo state_backend;

namespace {

using namespace test;  // NOLINT: the fixtures
using Numbers = std::vector<std::int64_t>;

std::unique_ptr<Backend> open(const Tree& tree) {
  Host host = tree.host();
  host.now_ns = &Clock::read;
  Probe found = state_backend.probe({host, ""});
  auto* backend = std::get_if<std::unique_ptr<Backend>>(&found);
  return backend == nullptr ? nullptr : std::move(*backend);
}

std::vector<Reading> readings(Backend& backend) {
  std::vector<Reading> out(backend.sensors().size());
  backend.read(out);
  return out;
}
Numbers read(Backend& backend) {
  Numbers raw;
  for (const Reading& r : readings(backend)) raw.push_back(r.raw);
  return raw;
}

TEST(State, AFewNumbersForAWholeNode) {
  Clock::set(10'000'000'000);
  Tree tree;
  const auto backend = open(processor_state(tree));
  ASSERT_TRUE(backend);
  std::vector<std::string> told;
  for (const Sensor& s : backend->sensors()) told.push_back(s.id + " " + std::string(unit(s.quantity)));
  EXPECT_EQ(told, (std::vector<std::string>{"state:frequency Hz", "state:temperature:0 degC", "state:temperature:1 degC",
                                            "state:power_limit:0 W", "state:throttled 1"}));
  EXPECT_EQ(read(*backend), (Numbers{2'500'000, 71'000, 66'000, 95'000'000, 12}))
      << "mean clock, package sensor, hottest core, limit, sum over packages";
}

TEST(State, IsLookedAtOnceASecond) {
  Clock::set(10'000'000'000);
  Tree tree;
  const auto backend = open(processor_state(tree));
  ASSERT_TRUE(backend);
  read(*backend);
  tree.file("sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq", "4000000\n");
  Clock::set(10'900'000'000);
  EXPECT_EQ(readings(*backend)[0].raw, 2'500'000);
  EXPECT_EQ(readings(*backend)[0].t_ns, 10'000'000'000) << "told again, with its own time";
  Clock::set(11'000'000'000);
  EXPECT_EQ(readings(*backend)[0].raw, 3'500'000);
}

TEST(State, ASumWithoutOneOfItsPartsIsMissing) {
  Clock::set(0);
  Tree tree;
  const auto backend = open(processor_state(tree));
  ASSERT_TRUE(backend);
  tree.file("sys/devices/system/cpu/cpu2/thermal_throttle/package_throttle_count", "");
  tree.file("sys/devices/system/cpu/cpufreq/policy1/scaling_cur_freq", "");
  EXPECT_EQ(read(*backend)[4], missing);
  EXPECT_EQ(read(*backend)[0], 2'000'000) << "a mean of the others is still one";
}

TEST(State, ALargeMachineIsRepresentedByAFew) {
  Clock::set(0);
  Tree tree;
  for (int i = 0; i < 256; ++i)
    tree.file("sys/devices/system/cpu/cpufreq/policy" + std::to_string(i) + "/scaling_cur_freq", "3000000\n");
  const auto backend = open(tree);
  ASSERT_TRUE(backend);
  ASSERT_EQ(backend->sensors().size(), 1u);
  EXPECT_EQ(backend->sensors()[0].note, "mean of 32 of 256 clock domains");
  EXPECT_EQ(read(*backend), (Numbers{3'000'000}));
}

TEST(State, ArmHasThermalZones) {
  Clock::set(0);
  Tree tree;
  const char* types[] = {"cpu-thermal", "gpu-thermal", "cpu1-thermal"};
  for (int i = 0; i < 3; ++i) {
    const std::string zone = "sys/class/thermal/thermal_zone" + std::to_string(i) + "/";
    tree.file(zone + "type", types[i]).file(zone + "temp", std::to_string(40'000 + 10'000 * i));
  }
  const auto backend = open(tree);
  ASSERT_TRUE(backend);
  EXPECT_EQ(read(*backend), (Numbers{60'000})) << "the hotter of the two of the processor";
}

}  // namespace
}  // namespace perun
