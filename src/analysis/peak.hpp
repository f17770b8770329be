// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <vector>

#include "analysis/track_reader.hpp"

namespace perun {

/// Highest mean power over stretches of a window, each at least `shortest_s` long and cut where one of this very series'
/// intervals ends; the remainder joins the last stretch. Takes a padded track, interval after interval.
class PeakPower {
 public:
  PeakPower(Window window, double shortest_s) noexcept
      : window_(window), shortest_s_(shortest_s), begin_ns_(window.from_ns), before_ns_(window.from_ns) {}

  enum class Cut : unsigned char { at_end, never };
  void add(const Interval& x, Cut cut) noexcept;
  [[nodiscard]] double watts() const noexcept;

 private:
  Window window_;
  double shortest_s_;
  std::int64_t begin_ns_;          ///< of the stretch that is under way
  std::int64_t before_ns_;         ///< of the one before it, if there is one
  bool cut_ = false;               ///< there is
  double joules_ = 0, cut_J_ = 0;  ///< of the one under way, of the one before
  double both_J_ = 0;              ///< of the two in one
  double highest_W_ = 0;
};

/// The same of several sensors together, which need not be read at the same times: stretches are cut where intervals of the
/// first end. What it is given must stay.
class PeakTogether {
 public:
  /// `window` is on the sensor's own clock, and of the same length for all.
  void add(const Sensor& sensor, Readings& readings, std::size_t number, Window window) {
    members_.push_back({&sensor, &readings, number, window});
  }
  [[nodiscard]] double watts(double shortest_s) const;

 private:
  struct Member {
    const Sensor* sensor;
    Readings* readings;
    std::size_t number;
    Window window;
  };
  std::vector<Member> members_;
};

}  // namespace perun
