// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <vector>

#include "analysis/region_story.hpp"
#include "analysis/track.hpp"
#include "model/readings.hpp"

namespace perun {

/// A series of one sensor as far as regions need it.
struct Updates {
  std::vector<Interval> intervals;
  Limits limits;
  bool gauge = false;
  double period_s = 0;  ///< mean time between readings that showed something new, a refresh at least
  double late_s = 0;    ///< how old what a reading shows can be: at most a refresh, or the time since the reading before
};

/// Intervals between updates of the sensor, with the half intervals at both ends that are believed. Where it is read more often
/// than it is renewed, readings inside the window that show nothing new are left out. What a counter shows is half of `late_s`
/// old on average, and so much earlier stand the edges of its intervals inside the window. Of a counter's intervals in which no
/// region begins or ends, only the two at each end stay apart: the memory follows the marks, not the length of the run.
[[nodiscard]] Updates updates(const Sensor& sensor, const SeriesCursor& series, const Story& story);

}  // namespace perun
