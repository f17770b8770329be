// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <deque>

#include "analysis/tally.hpp"
#include "analysis/track.hpp"
#include "model/readings.hpp"

namespace perun {

/// An interval that later readings may still put together with its neighbours.
struct Link {
  Interval interval;
  Reading start;  ///< the reading at its beginning
};

/// From readings to intervals, as they come: what TrackReader does for a counter. Readings that cannot be right are left
/// out where others show so. The newest intervals stay in `links` for being put together; who takes the oldest away
/// leaves `settled` behind, which is more than any fault of the tests takes together.
class CounterChain {
 public:
  static constexpr std::size_t settled = 4096;

  CounterChain(const Sensor& sensor, SeriesCursor& series, Tally& tally);

  /// Adds the interval up to the next good reading, maybe in place of the last ones; false at the end.
  bool advance(std::deque<Link>& links);
  [[nodiscard]] std::uint64_t rejected() const noexcept { return rejected_; }

 private:
  [[nodiscard]] Reading look(std::size_t i);
  [[nodiscard]] Interval between(const Reading& a, const Reading& b) const;
  void repair(std::deque<Link>& links, Link& link);
  bool standstill_ended(std::deque<Link>& links, Link& link);
  bool merge(std::deque<Link>& links, std::size_t n, Link& link);
  bool end_of_excursion(Link& link);
  void fell_back_from_excursion(std::deque<Link>& links, Link& link);

  const Sensor& sensor_;
  SeriesCursor& series_;
  Tally& tally_;
  Limits limits_;
  std::size_t next_ = 0;  ///< number of the next reading
  Reading before_{};      ///< the last good one
  Reading now_{};         ///< the one being looked at
  bool begun_ = false;
  std::size_t lookahead_;  ///< readings that may still be looked at more than once
  std::uint64_t rejected_ = 0;
};

/// The same for a gauge, which has no past to set right. A value shown again within one renewal is the same measurement,
/// and a mean over some time belongs to the middle of that.
class GaugeChain {
 public:
  GaugeChain(const Sensor& sensor, SeriesCursor& series, Tally& tally);
  bool advance(std::deque<Link>& links);
  [[nodiscard]] std::uint64_t rejected() const noexcept { return rejected_; }

 private:
  [[nodiscard]] bool good(std::int64_t raw) const noexcept;
  [[nodiscard]] bool repeats(const Reading& now) const noexcept;
  void push(std::deque<Link>& links, const Reading& now);
  bool finish(std::deque<Link>& links);

  const Sensor& sensor_;
  SeriesCursor& series_;
  Tally& tally_;
  Limits limits_;
  bool never_zero_;
  std::size_t next_ = 0;
  Reading before_{};  ///< the last good one that told something new
  Reading last_{};    ///< the last good one
  bool begun_ = false, bridged_ = false, finished_ = false;
  std::uint64_t rejected_ = 0;
};

}  // namespace perun
