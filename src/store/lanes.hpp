// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "model/readings.hpp"
#include "model/recording.hpp"
#include "model/run.hpp"

namespace perun {

/// Sensors of a node that were read together, tick by tick, and so share a time axis.
struct Lane {
  std::vector<std::size_t> members;  ///< positions in NodeRecord::sensors, ascending
  std::size_t rows = 0;              ///< readings of each
};

/// A node's readings, which must stay, row by row.
class ReadingsRecording : public Recording {
 public:
  explicit ReadingsRecording(Readings& readings) noexcept : readings_(readings) {}
  Status replay(const std::function<void(std::span<const Sample>)>& take) const override;

 private:
  Readings& readings_;
};

/// Finds the lanes of a node while its readings pass by: sensors with equally many readings, row by row less than 2^31 ns
/// apart. Remembers `memory` rows; a sensor that falls behind by more is in another lane.
class LaneFinder {
 public:
  static constexpr std::size_t memory = 1024;

  explicit LaneFinder(std::size_t sensors);
  void add(std::span<const Sample> samples);
  /// Every sensor is in one. There is always a lane 0, maybe without members.
  [[nodiscard]] std::vector<Lane> lanes() const;

 private:
  static constexpr std::size_t none = ~std::size_t{0};

  /// Sensors that have been together so far; the first to have a reading of a row sets its time.
  struct Group {
    std::vector<std::int64_t> times = std::vector<std::int64_t>(memory);
    std::size_t rows = 0;
    std::size_t parent = none, since = 0;  ///< which group they left, in which row

    [[nodiscard]] bool take(std::size_t row, std::int64_t t_ns);
  };

  std::vector<Group> groups_;
  std::vector<std::size_t> group_of_, rows_;
};

/// The lanes of a node whose series are in memory.
[[nodiscard]] std::vector<Lane> lanes(const NodeRecord& node);

/// Power of all counted sensors together, W, at each row of lane 0: of counters the mean since the reading before, of
/// gauges the value. NaN where any of them is not known. A picture of the run: the figures of a report come from the
/// analysis, never from here. `node` and `readings` must stay.
class TotalPower {
 public:
  TotalPower(const NodeRecord& node, Readings& readings, const std::vector<Lane>& lanes);
  /// The power at the next rows.
  void next(std::span<double> watts);

 private:
  struct Source {
    const Sensor* sensor;
    SeriesCursor series;
    bool in_main_lane;
    std::size_t row = 0;                 ///< the next to be looked at
    std::optional<Reading> before = {};  ///< the last good one
    std::int64_t t_ns = 0;               ///< of the row looked at last
    double watts = 0;                    ///< there

    bool step();
  };

  std::optional<SeriesCursor> times_;
  std::size_t row_ = 0;
  std::vector<Source> sources_;
};

/// `measured`, `estimated`, or `mixed`, of the counted sensors; `unavailable` when there are none.
[[nodiscard]] Kind counted_kind(const NodeRecord& node);

}  // namespace perun
