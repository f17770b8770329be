// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "analysis/region_story.hpp"
#include "analysis/region_updates.hpp"
#include "analysis/track.hpp"

namespace perun {

/// A region's part of one sensor's energy.
struct Portion {
  double joules = 0;
  double variance = 0;  ///< of errors that are independent of each other, square of the 95 % half width
  double coarse_J = 0;  ///< errors that may all point the same way
  double lower_J = 0, upper_J = 0;
  double seen_s = 0, resolved_s = 0;  ///< time, and how much of it in calls that reach across a whole interval
  [[nodiscard]] double uncertainty_J() const noexcept;
};

/// What all regions of a node used by one sensor.
struct RegionEnergies {
  std::vector<Portion> inclusive, exclusive;  ///< by name
  Portion unmarked;
  std::vector<double> call_J;                                                          ///< by call
  std::map<std::pair<std::uint16_t, std::uint32_t>, std::pair<double, double>> cells;  ///< thread, name: inclusive, exclusive
};

/// Shares out the energy in the intervals of `updates`; `names` is the number of names. All parts add up to the energy of the
/// window.
[[nodiscard]] RegionEnergies share_out_regions(const Story& story, std::size_t names, const Updates& updates);

/// Calls take(interval, seconds of each name as the innermost, of all threads) for each interval that lies in the window. What
/// lies less than `late_s` from an edge counts by how likely it is inside; of a gauge only what is there when it looks.
using Row = std::vector<std::pair<std::uint32_t, double>>;
void each_row(const Story& story, const Updates& updates, const std::function<void(const Interval&, const Row&)>& take);

}  // namespace perun
