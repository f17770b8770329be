// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "backends/backend.hpp"
#include "base/missing.hpp"
#include "support/intel.hpp"

namespace perun {

extern const BackendInfo level_zero_backend;

namespace {

using namespace test;  // NOLINT: the fixtures

Probe probe(const Tree& tree) {
  return level_zero_backend.probe({tree.host(), ""});
}

TEST(LevelZero, CardsCountOnceAndWhole) {
  Tree tree;
  intel_card(tree, 0, "0000:00:02.0");
  intel_card(intel_card(intel_card(tree, 1, "0000:3a:00.0"), 2, "0000:4d:00.0"), 3, "0000:5e:00.0");
  tree.file("sys/class/drm/card3/device/hwmon/hwmon4/energy1_input", "5\n");
  level_zero(tree, FAKE_ZE_SO, "0000:00:02.0 10 card\n0000:3a:00.0 200 card\n0000:4d:00.0 150 package\n0000:5e:00.0 90 card\n");
  Probe found = probe(tree);
  auto* backend = std::get_if<std::unique_ptr<Backend>>(&found);
  ASSERT_TRUE(backend);
  const auto sensors = (*backend)->sensors();
  ASSERT_EQ(sensors.size(), 2u) << "not the one in the processor, nor the one of hwmon";
  EXPECT_EQ(sensors[0].id, "level_zero:0000-3a-00.0");
  EXPECT_EQ(sensors[0].label, "gpu:0 Data Center GPU Max 1100");
  EXPECT_EQ(sensors[1].id, "level_zero:0000-4d-00.0");
  EXPECT_EQ(sensors[0].domain, Domain::gpu);
  std::vector<Reading> first(2), last(2);
  (*backend)->read(first);
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  (*backend)->read(last);
  for (const std::size_t i : {0u, 1u}) {
    const double watts = i == 0 ? 200 : 150, s = static_cast<double>(last[i].t_ns - first[i].t_ns) * 1e-9;
    EXPECT_NEAR(static_cast<double>(last[i].raw - first[i].raw) * sensors[i].scale, watts * s, watts * 0.02)
        << "the package, not its tile";
  }
}

TEST(LevelZero, WhatDoesNotAnswerIsTold) {
  Tree tree;
  intel_card(tree, 1, "0000:3a:00.0");
  EXPECT_TRUE(std::holds_alternative<Absent>(probe(tree))) << "no library";
  level_zero(tree, FAKE_ZE_SO, "0000:3a:00.0 200 none\n");
  Probe none = probe(tree);
  ASSERT_TRUE(std::holds_alternative<Blocked>(none));
  EXPECT_EQ(std::get<Blocked>(none).reason, "the card 0000:3a:00.0 tells no energy");
  ::setenv("FAKE_ZE_INIT", "0x78000001", 1);
  Probe refused = probe(tree);
  ::unsetenv("FAKE_ZE_INIT");
  ASSERT_TRUE(std::holds_alternative<Blocked>(refused));
  EXPECT_EQ(std::get<Blocked>(refused).reason, "Level Zero does not start: error 0x78000001");
  Tree other;
  Probe empty = probe(library(intel_card(other, 1, "0000:3a:00.0"), "libze_loader.so.1", FAKE_EMPTY_SO));
  ASSERT_TRUE(std::holds_alternative<Blocked>(empty));
  EXPECT_EQ(std::get<Blocked>(empty).reason, "libze_loader.so.1 has no function zesInit");
}

}  // namespace
}  // namespace perun
