// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "model/timeline.hpp"

namespace perun {

/// Energy from the run's begin on, in stretches of time that have one mean power each: what viewers of timelines draw. Times
/// are microseconds, ascending; one energy in joules for each of them, the first 0.
struct PowerSteps {
  std::vector<std::int64_t> t_us;
  std::vector<double> joules;
  std::vector<std::pair<std::int64_t, std::int64_t>> unread;  ///< stretches whose energy nobody knows; they have none here
  std::int64_t shortest_us = 0;                               ///< over shorter times no power can be told

  [[nodiscard]] std::size_t stretches() const noexcept { return t_us.empty() ? 0 : t_us.size() - 1; }
  [[nodiscard]] double watts(std::size_t stretch) const noexcept;
  /// Energy up to `t_us`, even within each stretch; 0 before the first time, all of it after the last.
  [[nodiscard]] double up_to(std::int64_t t_us) const noexcept;
};

/// Of a meter, cut at the run's begin and end, in at most `most` stretches (at least 1). Energies between any two of the times
/// are those of the track.
[[nodiscard]] PowerSteps steps_of(const PowerTrack& track, std::int64_t length_us, std::size_t most);

/// Of several meters together.
[[nodiscard]] PowerSteps sum_of(std::span<const PowerSteps> parts, std::size_t most);

}  // namespace perun
