// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/sci.hpp"

#include <gtest/gtest.h>

namespace perun {
namespace {

TEST(Sci, AddsTheNodesOwnEmissionsForTheirTime) {
  RunSummary run;
  run.footprint = Footprint{0.9422, 0.3345, 39};
  run.nodes.resize(2);
  for (auto& node : run.nodes) node.usage.duration_s = 1250;
  run.regions.work.push_back({"epochs", 5, true, 0, 0});
  EXPECT_FALSE(sci_of(run));
  run.factors.embodied_kg = 2500;
  run.factors.lifespan_years = 5;
  run.factors.resource_share = 0.5;
  const auto sci = sci_of(run);
  ASSERT_TRUE(sci);
  // 2500 kg x 2 x 1250 s / (5 x 31,557,600 s) x 0.5 = 19.80 g
  EXPECT_NEAR(sci->embodied_kg, 0.0198051, 1e-7);
  EXPECT_NEAR(sci->run_kg, 0.3543051, 1e-7);
  ASSERT_EQ(sci->per_unit.size(), 1U);
  EXPECT_NEAR(sci->per_unit[0].kg, 0.07086102, 1e-8);
  run.footprint.reset();
  EXPECT_FALSE(sci_of(run));
}

}  // namespace
}  // namespace perun
