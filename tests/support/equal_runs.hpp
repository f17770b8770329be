// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <gtest/gtest.h>

#include "model/run.hpp"

namespace perun::test {

/// Every field of two runs, told apart by name when one differs.
inline void expect_equal(const NodeRecord& a, const NodeRecord& b) {
  EXPECT_EQ(a.host, b.host);
  EXPECT_EQ(a.attributes, b.attributes);
  EXPECT_EQ(a.clock, b.clock);
  EXPECT_EQ(a.blocked, b.blocked);
  EXPECT_EQ(a.quality, b.quality);
  EXPECT_EQ(a.scope, b.scope);
  EXPECT_EQ(a.baseline, b.baseline);
  EXPECT_EQ(a.begin, b.begin);
  EXPECT_EQ(a.end, b.end);
  EXPECT_EQ(a.clock_error_s, b.clock_error_s);
  EXPECT_EQ(a.clock_ahead, b.clock_ahead);
  EXPECT_EQ(a.marks, b.marks);
  ASSERT_EQ(a.sensors.size(), b.sensors.size());
  ASSERT_EQ(a.series.size(), b.series.size());
  for (std::size_t i = 0; i < a.sensors.size(); ++i) EXPECT_EQ(a.sensors[i], b.sensors[i]) << a.sensors[i].id;
  for (std::size_t i = 0; i < a.series.size(); ++i) EXPECT_EQ(a.series[i], b.series[i]) << a.sensors[i].id;
}

inline void expect_equal(const Run& a, const Run& b) {
  EXPECT_EQ(a.id, b.id);
  EXPECT_EQ(a.app, b.app);
  EXPECT_EQ(a.number, b.number);
  EXPECT_EQ(a.command, b.command);
  EXPECT_EQ(a.cwd, b.cwd);
  EXPECT_EQ(a.perun_version, b.perun_version);
  EXPECT_EQ(a.frequency_hz, b.frequency_hz);
  EXPECT_EQ(a.round_id, b.round_id);
  EXPECT_EQ(a.round, b.round);
  EXPECT_EQ(a.title, b.title);
  EXPECT_EQ(a.tags, b.tags);
  EXPECT_EQ(a.provenance, b.provenance);
  EXPECT_EQ(a.postprocessed, b.postprocessed);
  EXPECT_EQ(a.origin, b.origin);
  EXPECT_EQ(a.factors, b.factors);
  EXPECT_EQ(a.begin, b.begin);
  EXPECT_EQ(a.end, b.end);
  EXPECT_EQ(a.outcome, b.outcome);
  EXPECT_EQ(a.config_ini, b.config_ini);
  EXPECT_EQ(a.job, b.job);
  EXPECT_EQ(a.work, b.work);
  ASSERT_EQ(a.nodes.size(), b.nodes.size());
  for (std::size_t i = 0; i < a.nodes.size(); ++i) expect_equal(a.nodes[i], b.nodes[i]);
}

}  // namespace perun::test
