// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "analysis/parts.hpp"
#include "base/missing.hpp"

namespace perun {
namespace {

Sensor sensor(std::string id, Domain domain, Quantity quantity = Quantity::energy) {
  Sensor s;
  s.id = id;
  s.label = std::move(id);
  s.domain = domain;
  s.quantity = quantity;
  s.behavior = quantity == Quantity::energy ? Behavior::counter : Behavior::gauge;
  return s;
}

DeviceSummary device(const Sensor& s, double joules) {
  DeviceSummary d;
  d.id = s.id;
  d.domain = s.domain;
  d.kind = Kind::measured;
  d.part_of = s.part_of;
  d.counted = s.counted;
  d.usage.energy.kind = Kind::measured;
  d.usage.energy.measured_J = joules;
  d.usage.energy.uncertainty_J = 3;
  return d;
}

TEST(Inside, OfAMetersJoulesSomeAreKnown) {
  NodeRecord node;
  node.sensors = {sensor("ipmi:power", Domain::node, Quantity::power), sensor("rapl:package-0", Domain::package),
                  sensor("rapl:package-0:core", Domain::cores), sensor("nvml:a:energy", Domain::gpu),
                  sensor("hwmon:x", Domain::rail, Quantity::power)};
  node.sensors[0].counted = true;
  node.sensors[2].part_of = "rapl:package-0";
  std::vector<DeviceSummary> devices;
  for (std::size_t i = 0; i < node.sensors.size(); ++i)
    devices.push_back(device(node.sensors[i], 100.0 * static_cast<double>(i + 1)));
  const auto inside = inside_of(node, devices);
  ASSERT_TRUE(inside);
  EXPECT_EQ(inside->devices, (std::vector<std::string>{"rapl:package-0", "nvml:a:energy"})) << "neither cores nor rails twice";
  EXPECT_DOUBLE_EQ(inside->joules, 200 + 400);
  EXPECT_NEAR(inside->uncertainty_J, 4.24, 0.01) << "in quadrature";
  node.sensors[0].counted = false;
  EXPECT_FALSE(inside_of(node, devices)) << "no meter of the whole makes up the total";
}

TEST(Inside, NothingIsSaidOfAMeterAlone) {
  NodeRecord node;
  node.sensors = {sensor("ipmi:power", Domain::node, Quantity::power)};
  node.sensors[0].counted = true;
  EXPECT_FALSE(inside_of(node, std::vector<DeviceSummary>{device(node.sensors[0], 5)}));
}

TEST(VisibleGpus, AreAPartOfAll) {
  NodeSummary node;
  Sensor a = sensor("nvml:a:energy", Domain::gpu), power = sensor("nvml:a:power", Domain::gpu),
         b = sensor("nvml:b:energy", Domain::gpu), amd = sensor("amdgpu:x:energy", Domain::gpu);
  power.part_of = a.id;
  node.devices = {device(a, 300), device(power, 310), device(b, 100), device(amd, 7)};
  EXPECT_FALSE(visible_gpus(node)) << "nobody restricted it";
  node.attributes = {{"gpus_visible", "nvml:b:energy"}};
  const auto one = visible_gpus(node);
  ASSERT_TRUE(one);
  EXPECT_EQ(one->gpus, 1u);
  EXPECT_EQ(one->gpus_of_node, 2u);
  EXPECT_DOUBLE_EQ(one->joules, 100);
  EXPECT_DOUBLE_EQ(one->joules_of_node, 400);
  node.attributes = {{"gpus_visible", ""}};
  EXPECT_EQ(visible_gpus(node)->gpus, 0u) << "none at all";
}

TEST(GpuActivity, IsOfAllGpus) {
  NodeRecord node;
  const auto add = [&](const char* id, Quantity q, double scale, std::vector<std::int64_t> raw) {
    Sensor s = sensor(id, Domain::gpu, q);
    s.behavior = Behavior::gauge;
    s.scale = scale;
    node.sensors.push_back(s);
    Series series;
    std::int64_t t = 0;
    for (const auto r : raw) series.push({t += 1'000'000'000, r, 0});
    node.series.push_back(series);
  };
  add("a:utilization", Quantity::utilization, 0.01, {100, 50});
  add("b:utilization", Quantity::utilization, 0.01, {25, missing, 25});
  add("a:memory", Quantity::bytes, 1, {10, 30});
  add("b:memory", Quantity::bytes, 1, {5, 2});
  add("a:temperature", Quantity::temperature, 1, {64, 70});
  add("b:temperature", Quantity::temperature, 1, {50, 51});
  add("a:throttle", Quantity::events, 1, {4, 0x20, 0, 1});
  SeriesInMemory readings(node.series);
  Activity out;
  describe_gpus(node, readings, {0, 10'000'000'000}, out);
  EXPECT_DOUBLE_EQ(*out.gpu_utilization, 0.5);
  EXPECT_DOUBLE_EQ(*out.gpu_memory_used_max_bytes, 35);
  EXPECT_DOUBLE_EQ(*out.gpu_temperature_max_C, 70);
  EXPECT_DOUBLE_EQ(*out.gpu_power_capped, 0.25);
  EXPECT_DOUBLE_EQ(*out.gpu_slowed, 0.25);
  Activity none;
  NodeRecord empty;
  SeriesInMemory nothing(empty.series);
  describe_gpus(empty, nothing, {0, 1}, none);
  EXPECT_FALSE(none.gpu_utilization || none.gpu_temperature_max_C || none.gpu_power_capped);
}

}  // namespace
}  // namespace perun
