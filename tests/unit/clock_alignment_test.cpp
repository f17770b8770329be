// SPDX-License-Identifier: BSD-3-Clause
#include "model/clock_alignment.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "model/mpi_calls.h"

namespace perun {
namespace {

constexpr std::uint32_t barrier = 1, together = 2;

NodeRecord node_with(std::int64_t boot_ns) {
  NodeRecord node;
  node.clock = {{1'000'000'000, 1'000'000'000 + boot_ns}};
  node.marks.names = {"", "MPI_Barrier", PERUN_MPI_TOGETHER};
  return node;
}

void add_rank(NodeRecord& node, std::int32_t rank, std::int32_t pid) {
  const auto number = static_cast<std::uint16_t>(node.marks.threads.size());
  node.marks.threads.push_back({.number = number, .rank = rank, .pid = pid, .tid = pid});
}

void call(NodeRecord& node, std::uint16_t thread, std::uint64_t number, std::int64_t from_ns, std::int64_t to_ns) {
  node.marks.timeline.push_back({from_ns, barrier, thread, MarkKind::begin, 0});
  node.marks.timeline.push_back({from_ns + 1, together, thread, MarkKind::counter, static_cast<double>(number)});
  node.marks.timeline.push_back({to_ns, barrier, thread, MarkKind::end, 0});
}

TEST(ClockAlignmentTest, TheTruthLiesWithinTheBound) {
  std::mt19937_64 engine(20261126);
  const auto uniform = [&](double low, double high) { return std::uniform_real_distribution(low, high)(engine); };
  std::vector<double> errors_s;
  for (int round = 0; round < 500; ++round) {
    std::vector<NodeRecord> nodes;
    std::vector<double> ahead_s, drift;
    const int count = 2 + round % 4, ranks = 1 + round % 3;
    for (int i = 0; i < count; ++i) {
      ahead_s.push_back(round % 2 == 0 ? uniform(-3600, 3600) : uniform(-1e-3, 1e-3));
      drift.push_back(i == 0 ? 0 : uniform(-200e-6, 200e-6));
      nodes.push_back(node_with(std::llround(ahead_s.back() * 1e9)));
      for (int r = 0; r < ranks; ++r) add_rank(nodes.back(), i * ranks + r, 100 + i * ranks + r);
    }
    double t_s = 10;
    const double begin_s = t_s;
    double end_s = t_s;
    for (std::uint64_t number = 0; number < 12; ++number) {
      std::vector<double> in;
      for (int i = 0; i < count * ranks; ++i) in.push_back(t_s + uniform(0, number < 6 ? 20e-6 : 0.1));
      const double all_in = *std::ranges::max_element(in);
      for (int i = 0; i < count; ++i)
        for (int r = 0; r < ranks; ++r) {
          const auto clock = [&](double true_s) {
            return std::llround(1e9 * (true_s + drift[static_cast<std::size_t>(i)] * (true_s - begin_s)));
          };
          call(nodes[static_cast<std::size_t>(i)], static_cast<std::uint16_t>(r), number,
               clock(in[static_cast<std::size_t>(i * ranks + r)]), clock(all_in + uniform(1e-6, 30e-6)));
        }
      end_s = all_in;
      t_s = all_in + uniform(1e-4, number > 8 ? 60 : 0.01);
    }
    align_clocks(nodes);
    EXPECT_FALSE(nodes[0].clock_ahead);
    for (std::size_t i = 1; i < nodes.size(); ++i) {
      ASSERT_TRUE(nodes[i].clock_ahead) << round;
      const ClockAhead& a = *nodes[i].clock_ahead;
      const double truth_s = ahead_s[i] - ahead_s[0];
      EXPECT_LE(std::abs(a.s - truth_s), a.error_s + 1e-6) << "round " << round << ", node " << i;
      EXPECT_LE(std::abs(a.s + a.drift_s - truth_s - drift[i] * (end_s - begin_s)), a.error_s + 1e-6) << round;
      errors_s.push_back(a.error_s);
    }
  }
  std::ranges::sort(errors_s);
  EXPECT_LT(errors_s[errors_s.size() / 2], 0.06) << "the last calls were entered up to 0.1 s apart";
}

TEST(ClockAlignmentTest, NodesThatWaitInTurnAreKnownExactly) {
  std::vector<NodeRecord> nodes{node_with(0), node_with(5'000'000'000)};
  add_rank(nodes[0], 0, 1);
  add_rank(nodes[1], 1, 2);
  call(nodes[0], 0, 0, 1'000, 50'000);  // the second one comes last
  call(nodes[1], 0, 0, 49'000, 52'000);
  call(nodes[0], 0, 1, 90'000, 93'000);  // the first one does
  call(nodes[1], 0, 1, 60'000, 92'000);
  align_clocks(nodes);
  ASSERT_TRUE(nodes[1].clock_ahead);
  EXPECT_NEAR(nodes[1].clock_ahead->s, 5, 2e-6);
  EXPECT_LT(nodes[1].clock_ahead->error_s, 2e-6);
  EXPECT_NEAR(static_cast<double>(aligned_ns(nodes[1], 7'000'000'000)), 2e9, 2e3);
  EXPECT_EQ(aligned_ns(nodes[0], 7), 7);
}

TEST(ClockAlignmentTest, ClocksThatContradictThemselvesTellNothing) {
  std::vector<NodeRecord> nodes{node_with(0), node_with(0)};
  add_rank(nodes[0], 0, 1);
  add_rank(nodes[1], 1, 2);
  call(nodes[0], 0, 0, 1'000'000, 2'000'000);
  call(nodes[1], 0, 0, 1'000'000, 2'000'000);
  call(nodes[0], 0, 1, 100'000'000, 101'000'000);  // and the second one's clock has been set by 10 ms within 0.1 s
  call(nodes[1], 0, 1, 110'000'000, 111'000'000);
  align_clocks(nodes);
  EXPECT_FALSE(nodes[1].clock_ahead);
}

TEST(ClockAlignmentTest, WhatIsNotOneWorldTellsNothing) {
  std::vector<NodeRecord> nodes{node_with(0), node_with(0)};
  add_rank(nodes[0], 0, 1);
  add_rank(nodes[1], 1, 2);
  add_rank(nodes[1], 1, 3);  // another program that rank 1 started, of a world of its own
  for (auto& node : nodes)
    for (std::uint16_t t = 0; t < node.marks.threads.size(); ++t) call(node, t, 0, 1'000, 2'000);
  align_clocks(nodes);
  EXPECT_FALSE(nodes[1].clock_ahead);
}

TEST(ClockAlignmentTest, MarksOfNoSenseDoNoHarm) {
  std::vector<NodeRecord> nodes{node_with(0), node_with(0)};
  for (auto& node : nodes) {
    add_rank(node, 0, 1);
    node.marks.timeline = {{5, together, 0, MarkKind::counter, 3},   {6, barrier, 7, MarkKind::end, 0},
                           {7, barrier, 9, MarkKind::open, 0},       {8, together, 9, MarkKind::counter, 3},
                           {9, barrier, 9, MarkKind::end, 0},        {10, barrier, 0, MarkKind::begin, 0},
                           {11, together, 0, MarkKind::counter, -1}, {12, barrier, 0, MarkKind::cancel, 0},
                           {13, barrier, 0, MarkKind::begin, 0},     {14, together, 0, MarkKind::counter, 1e18}};
  }
  align_clocks(nodes);
  EXPECT_FALSE(nodes[1].clock_ahead);
  std::vector<NodeRecord> none;
  align_clocks(none);
  nodes[1].clock.clear();
  align_clocks(nodes);
  EXPECT_FALSE(nodes[1].clock_ahead);
}

}  // namespace
}  // namespace perun
