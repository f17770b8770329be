// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <utility>
#include <variant>

#include "analysis/energy.hpp"
#include "analysis/intervals.hpp"
#include "analysis/tally.hpp"
#include "analysis/track.hpp"
#include "model/readings.hpp"

namespace perun {

/// What only the end of a series tells and some of its intervals depend on.
struct Hindsight {
  double moving_W = 0;    ///< counter: mean power while it moved
  bool restless = false;  ///< gauge: hardly ever shows the same value twice, so that standing still is a fault
};

/// A series read as energy over time: intervals that follow each other without gaps, oldest first. Holds a few of them at a
/// time, however long the series; a standstill of more than `longest_standstill` of them counts as stuck, whatever follows.
class TrackReader {
 public:
  static constexpr std::size_t longest_standstill = 65'536;

  /// Without hindsight nothing is marked as stuck, and wants_hindsight() tells in the end whether something might be.
  TrackReader(const Sensor& sensor, SeriesCursor series, Window window, std::optional<Hindsight> hindsight = {});
  TrackReader(const TrackReader&) = delete;
  TrackReader& operator=(const TrackReader&) = delete;

  /// The next interval, valid until the call after it; null at the end.
  const Interval* next();
  /// Takes less memory until the next call of next().
  void rest() { series_.let_go(); }

  /// The following are complete when next() has said so.
  [[nodiscard]] const Tally& tally() const noexcept { return tally_; }
  [[nodiscard]] std::uint64_t rejected() const;
  [[nodiscard]] bool wants_hindsight() const noexcept;
  [[nodiscard]] Hindsight hindsight() const noexcept;

 private:
  [[nodiscard]] bool gauge() const noexcept { return sensor_.behavior == Behavior::gauge; }
  [[nodiscard]] bool still(const Interval& x) const noexcept;
  bool ready();
  [[nodiscard]] bool is_run() const noexcept;
  void decide_counter();
  void decide_gauge();
  [[nodiscard]] bool stuck(double still_s) const;

  const Sensor& sensor_;
  Limits limits_;
  SeriesCursor series_;
  Tally tally_;
  std::variant<CounterChain, GaugeChain> chain_;
  std::optional<Hindsight> given_;
  std::deque<Link> links_;
  Interval current_;
  std::size_t decided_ = 0;  ///< links at the front that nothing changes any more
  std::size_t still_ = 0;    ///< links at the front in which the sensor stood still
  bool ended_ = false, in_run_ = false, suspicious_ = false;
  double joules_ = 0, moving_s_ = 0;                    // counter
  std::uint64_t passed_ = 0, outside_ = 0, moved_ = 0;  // gauge: all intervals, those in no run, those that moved
};

/// The intervals of a series with what is believed beyond its first and last reading on both sides.
class PaddedTrack {
 public:
  explicit PaddedTrack(TrackReader& track) : track_(track) {}
  const Interval* next();
  /// The last that next() gave lies behind the last reading.
  [[nodiscard]] bool ended() const noexcept { return stage_ == Stage::done; }

 private:
  TrackReader& track_;
  Interval held_, last_;
  enum class Stage : unsigned char { before, first, inner, done } stage_ = Stage::before;
};

/// Energy of one sensor between moments that are told in ascending order.
class EnergyFlow {
 public:
  /// `shift_ns` is what the sensor's clock is ahead of the moments.
  EnergyFlow(const Sensor& sensor, SeriesCursor series, std::int64_t shift_ns = 0)
      : track_(sensor, std::move(series), {}), padded_(track_), shift_ns_(shift_ns), interval_(padded_.next()) {}

  /// Adds to each of `joules` what flowed between two `edges`, one more of them; none lies before the last ones' end.
  void add_to(std::span<double> joules, std::span<const std::int64_t> edges);

 private:
  TrackReader track_;
  PaddedTrack padded_;
  std::int64_t shift_ns_;
  const Interval* interval_;  ///< the one that goes on behind the edges seen so far
};

}  // namespace perun
