// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "analysis/region_story.hpp"
#include "model/run.hpp"
#include "support/random_power.hpp"

namespace perun::test {

/// A run of two names nesting in each other or five after each other, on up to three threads.
struct Nesting {
  double length_s, typical_s;  ///< of the run, of a call
  int names, threads;
};

struct Change {
  double t;
  std::uint16_t thread;
  bool begins;
  std::uint32_t name;
};

/// What one thread does: calls of around the typical length, now and then one inside, and pauses.
inline void wander(Random& random, const Nesting& n, std::uint16_t thread, std::vector<Change>& out) {
  double t = random.between(0, 0.2) * n.length_s;
  while (t < n.length_s) {
    const auto name = static_cast<std::uint32_t>(1 + random.one_of(static_cast<std::size_t>(n.names)));
    const double length = n.typical_s * random.log_between(0.5, 2);
    const double end = std::min(t + length, n.length_s - 1e-6);
    if (end <= t) break;
    out.push_back({t, thread, true, name});
    if (random.happens(0.3)) {
      const auto inner = static_cast<std::uint32_t>(1 + random.one_of(static_cast<std::size_t>(n.names)));
      const double a = t + (end - t) * random.between(0.1, 0.4), b = t + (end - t) * random.between(0.5, 0.9);
      out.push_back({a, thread, true, inner});
      out.push_back({b, thread, false, inner});
    }
    out.push_back({end, thread, false, name});
    t = end + (random.happens(0.3) ? 1e-7 : n.typical_s * random.log_between(0.05, 2));
  }
}

/// Power that follows the regions: each has its own, and now and then something else comes on top.
inline Power power_of_regions(Random& random, const std::vector<Change>& changes, const Nesting& n) {
  const double idle_W = random.between(5, 80), noise_W = random.happens(0.5) ? 0 : random.between(1, 20);
  std::vector<double> name_W(static_cast<std::size_t>(n.names) + 1);
  for (double& w : name_W) w = random.between(0, 250) / n.threads;
  std::vector<std::pair<double, double>> pieces;
  std::map<std::uint16_t, std::vector<std::uint32_t>> open;
  double at = -1, extra_W = 0, until = random.waiting(0.05) - 1;
  const auto pass = [&](double to) {
    while (at < to) {
      double watts = idle_W + extra_W;
      for (const auto& [thread, stack] : open)
        if (!stack.empty()) watts += name_W[stack.back()];
      const double end = std::min(to, until);
      pieces.emplace_back(end - at, watts);
      at = end;
      if (at < until) continue;
      until = at + random.waiting(0.05);
      extra_W = noise_W * random.between(0, 1);
    }
  };
  for (const Change& c : changes) {
    pass(c.t);
    auto& stack = open[c.thread];
    if (c.begins)
      stack.push_back(c.name);
    else if (!stack.empty())
      stack.pop_back();
  }
  pass(n.length_s + 1);
  return Power(pieces, -1);
}

/// All of that, in the order of time.
inline std::vector<Change> changes_of(Random& random, const Nesting& n) {
  std::vector<Change> changes;
  for (std::uint16_t t = 0; t < n.threads; ++t) wander(random, n, t, changes);
  std::stable_sort(changes.begin(), changes.end(), [](const auto& a, const auto& b) { return a.t < b.t; });
  return changes;
}

/// A run of one sensor with the marks of such changes.
inline perun::Run marked_run(const Sensor& sensor, Series series, Window window, const Nesting& n,
                             const std::vector<Change>& changes) {
  perun::Run run;
  run.outcome.finished = true;
  NodeRecord& node = run.nodes.emplace_back();
  node.sensors.push_back(sensor);
  node.series.push_back(std::move(series));
  run.begin = {window.from_ns, window.from_ns};
  run.end = {window.to_ns, window.to_ns};
  node.clock = {run.begin, run.end};
  node.marks.names = {std::string(other_names), "r1", "r2", "r3", "r4", "r5"};
  for (std::uint16_t t = 0; t < n.threads; ++t) node.marks.threads.push_back({.number = t, .tid = t + 1});
  for (const Change& c : changes)
    node.marks.timeline.push_back(
        {.t_ns = ns(c.t), .name = c.name, .thread = c.thread, .kind = c.begins ? MarkKind::begin : MarkKind::end});
  return run;
}

/// What each name really used, inclusive and exclusive.
inline std::map<std::string, std::pair<double, double>> truth_of(const Marks& marks, Window window, const Power& power) {
  std::map<std::string, std::pair<double, double>> truth;
  Story(marks, window).tell({.piece = [&](const Piece& p) {
    const double joules = power.joules(static_cast<double>(p.from_ns) * 1e-9, static_cast<double>(p.to_ns) * 1e-9);
    for (const Active& a : p.active) {
      truth[marks.names[a.name]].first += a.inclusive * joules;
      truth[marks.names[a.name]].second += a.exclusive * joules;
    }
  }});
  return truth;
}

/// How often intervals of regions held the truth.
struct RegionCount {
  int within = 0, total = 0;
  double relative = 0, off = 0, truth = 0;
  void add(double joules, double uncertainty, double want) {
    within += std::abs(joules - want) <= uncertainty + 1e-9 * want ? 1 : 0;
    ++total;
    relative += uncertainty / want;
    off += std::abs(joules - want);
    truth += want;
  }
  [[nodiscard]] double share() const { return static_cast<double>(within) / total; }
};

inline void print(const std::string& what, const RegionCount& c) {
  std::printf("  %-44s %6d regions, %5.1f %% within, mean width %6.2f %%, mean error %6.3f %%\n", what.c_str(), c.total,
              100 * c.share(), 100 * c.relative / c.total, 100 * c.off / c.truth);
}

}  // namespace perun::test
