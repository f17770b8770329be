// SPDX-License-Identifier: BSD-3-Clause
// GPUs without a sensor, estimated when asked: the user's words, the cards of the bus, joules and labels.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "backends/select.hpp"
#include "model/gpu_estimate.hpp"
#include "support/clock.hpp"
#include "support/tree.hpp"

namespace perun {
namespace {

using test::Clock;
using test::Tree;

constexpr std::int64_t second = 1'000'000'000;

GpuEstimate parsed(const std::string& text) {
  auto gpu = parse_gpu_estimate(text);
  if (!gpu) ADD_FAILURE() << gpu.error().what;
  return gpu ? *gpu : GpuEstimate{};
}

std::string refusal(const std::string& text) {
  const auto gpu = parse_gpu_estimate(text);
  return gpu ? "NOT REFUSED" : gpu.error().what;
}

TEST(GpuEstimate, IsAModelOrAPower) {
  const GpuEstimate a100 = parsed("gpu=a100");
  EXPECT_EQ(a100.name, "A100");
  EXPECT_EQ(a100.count, 0);
  EXPECT_DOUBLE_EQ(a100.idle_W, 46);
  EXPECT_DOUBLE_EQ(a100.max_W, 407);
  EXPECT_FALSE(a100.load);
  const GpuEstimate four = parsed("gpu=4xT4@70%");
  EXPECT_EQ(four.count, 4);
  EXPECT_EQ(four.name, "T4");
  EXPECT_DOUBLE_EQ(four.load.value_or(0), 0.7);
  const GpuEstimate power = parsed(" gpu=0.3kW@0% ");
  EXPECT_EQ(power.name, "");
  EXPECT_DOUBLE_EQ(power.max_W, 300);
  EXPECT_DOUBLE_EQ(power.idle_W, 34.5);
  EXPECT_DOUBLE_EQ(power.load.value_or(1), 0);
}

TEST(GpuEstimate, MistakesAreTold) {
  EXPECT_EQ(refusal("A100"), "'A100' does not begin with gpu=");
  EXPECT_EQ(refusal("gpu="), "no GPU '' is known (A100, A10G, V100, T4, P100, P4, K80, M60); give its power limit");
  EXPECT_EQ(refusal("gpu=A1000"),
            "no GPU 'A1000' is known; did you mean 'A100'? (A100, A10G, V100, T4, P100, P4, K80, M60); give its power limit");
  EXPECT_EQ(refusal("gpu=0W"), "a GPU of '0W' is not within 1 and 5000 W");
  EXPECT_EQ(refusal("gpu=1e9"), "a GPU of '1e9' is not within 1 and 5000 W");
  EXPECT_EQ(refusal("gpu=-300W"), "a GPU of '-300W' is not within 1 and 5000 W");
  EXPECT_EQ(refusal("gpu=300J"), "'300J' is not a quantity like 100W or 1.5kW");
  EXPECT_EQ(refusal("gpu=0xT4"), "0 GPUs are not within 1 and 1024");
  EXPECT_EQ(refusal("gpu=9999999xT4"), "9999999 GPUs are not within 1 and 1024");
  EXPECT_EQ(refusal("gpu=T4@"), "the load '' is not like 70%");
  EXPECT_EQ(refusal("gpu=T4@101%"), "the load '101%' is not like 70%");
  EXPECT_EQ(refusal("gpu=T4@nan%"), "the load 'nan%' is not like 70%");
  EXPECT_EQ(refusal("gpu=\xFF"),
            "no GPU '\xEF\xBF\xBD' is known (A100, A10G, V100, T4, P100, P4, K80, M60); give its power limit");
}

/// A machine with two NVIDIA cards, an Intel GPU in its processor, a management controller's and a network card.
Tree& cards(Tree& tree) {
  const auto card = [&](const std::string& at, const std::string& kind, const std::string& vendor) {
    tree.file("sys/bus/pci/devices/" + at + "/class", kind + "\n");
    tree.file("sys/bus/pci/devices/" + at + "/vendor", vendor + "\n");
  };
  card("0000:00:02.0", "0x030000", "0x8086");
  card("0000:02:00.0", "0x030000", "0x1a03");
  card("0000:3b:00.0", "0x030200", "0x10de");
  card("0000:86:00.0", "0x030200", "0x10de");
  card("0000:17:00.0", "0x020000", "0x15b3");
  return tree;
}

Host host_of(const Tree& tree) {
  Host host = tree.host();
  host.now_ns = &Clock::read;
  return host;
}

Sources open(const Host& host, Selection selection) {
  auto sources = open_sources(host, selection);
  if (!sources) ADD_FAILURE() << sources.error().what;
  return sources ? *std::move(sources) : Sources{};
}

std::vector<double> joules(Backend& backend) {
  std::vector<Reading> readings(backend.sensors().size());
  backend.read(readings);
  std::vector<double> out;
  for (const Reading& r : readings) out.push_back(static_cast<double>(r.raw) * 1e-6);
  return out;
}

TEST(GpuEstimate, OnlyWhenAskedAndLabelled) {
  Tree tree;
  Clock::set(5 * second);
  const Host host = host_of(cards(tree));
  for (const Listed& l : open(host, {}).listed) EXPECT_NE(l.sensor.domain, Domain::gpu) << l.sensor.id;
  const Sources s = open(host, {.backends = {"proc"}, .gpu = parsed("gpu=A100")});
  ASSERT_EQ(s.backends.size(), 1u);
  ASSERT_EQ(s.backends[0]->sensors().size(), 2u) << "two cards";
  const Sensor& gpu = s.backends[0]->sensors()[1];
  EXPECT_EQ(gpu.id, "estimate:gpu-1");
  EXPECT_EQ(gpu.label, "gpu:1 A100");
  EXPECT_EQ(gpu.kind, Kind::estimated);
  EXPECT_EQ(gpu.domain, Domain::gpu);
  EXPECT_TRUE(gpu.counted);
  EXPECT_EQ(gpu.systematic_percent, 80) << "46 to 407 W are 226.5 W +- 80 %";
  EXPECT_EQ(gpu.note, "assumes 46.0 W idle and 407 W at most, at half of its load, which nothing tells");
  Clock::set(15 * second);
  EXPECT_EQ(joules(*s.backends[0]), (std::vector<double>{2265, 2265}));
}

TEST(GpuEstimate, TheDriversWordOnLoadIsTaken) {
  Tree tree;
  cards(tree).file("sys/bus/pci/devices/0000:3b:00.0/gpu_busy_percent", "100\n");
  Clock::set(0);
  const Sources s = open(host_of(tree), {.backends = {"proc"}, .gpu = parsed("gpu=200W")});
  ASSERT_EQ(s.backends.size(), 1u);
  Backend& gpus = *s.backends[0];
  joules(gpus);
  Clock::set(10 * second);
  EXPECT_EQ(joules(gpus)[0], 2000);
  tree.file("sys/bus/pci/devices/0000:3b:00.0/gpu_busy_percent", "garbage\n");
  Clock::set(20 * second);
  EXPECT_EQ(joules(gpus)[0], 4000) << "what it was holds";
  EXPECT_EQ(gpus.sensors()[0].systematic_percent, 30);
  EXPECT_EQ(gpus.sensors()[1].systematic_percent, 79);
}

TEST(GpuEstimate, WhatIsMeasuredIsNotEstimated) {
  Tree tree;
  cards(tree);
  const std::vector<std::string> measured{"sim:const:100W:domain=gpu"};
  const Sources one = open(host_of(tree), {.backends = measured, .gpu = parsed("gpu=2xT4@100%")});
  ASSERT_EQ(one.listed.size(), 2u);
  EXPECT_EQ(one.listed[1].sensor.id, "estimate:gpu-1");
  EXPECT_EQ(one.listed[1].sensor.note, "assumes 8.00 W idle and 71.0 W at most, at 100 % load, as given");
  const Sources none = open(host_of(tree), {.backends = measured, .gpu = parsed("gpu=1xT4")});
  EXPECT_EQ(none.listed.size(), 1u);
  ASSERT_EQ(none.blocked.size(), 1u);
  EXPECT_EQ(none.blocked[0].reason, "1 of 1 GPUs have a sensor, so nothing is estimated");
}

TEST(GpuEstimate, NoCardAndNoEstimateAreTold) {
  const Tree empty;
  const Sources none = open(host_of(empty), {.backends = {"proc"}, .gpu = parsed("gpu=300W")});
  ASSERT_EQ(none.blocked.size(), 2u);  // proc finds nothing either
  EXPECT_EQ(none.blocked[1].reason, "the PCI bus shows no GPU to estimate");
  EXPECT_EQ(none.blocked[1].hint, "if there is one: --estimate gpu=1x300W");
  const auto both = open_sources(host_of(empty), {.estimates = Estimates::off, .gpu = parsed("gpu=300W")});
  ASSERT_FALSE(both);
  EXPECT_EQ(both.error().what, "GPUs are to be estimated (--estimate) and nothing is to be (--no-estimate)");
}

}  // namespace
}  // namespace perun
