// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "model/sensor.hpp"

namespace perun::live {

/// Energy of one meter, reading by reading, in bounded memory. A difference that no power makes (a reset, nonsense) adds
/// nothing.
class Meter {
 public:
  explicit Meter(const Sensor& sensor) : sensor_(&sensor) {}

  void add(const Reading& reading);

  [[nodiscard]] double joules() const noexcept { return joules_; }
  [[nodiscard]] std::int64_t t_ns() const noexcept { return t_ns_; }
  /// Mean over about the last second; nothing before the second reading, or when none came for longer than its rate explains.
  [[nodiscard]] std::optional<double> watts(std::int64_t now_ns) const noexcept;

 private:
  struct Point {
    std::int64_t t_ns;
    double joules;
  };
  const Sensor* sensor_;
  std::int64_t t_ns_ = 0, raw_ = 0;
  bool any_ = false;
  double joules_ = 0;
  std::deque<Point> recent_;  ///< about a tenth of a second apart, the first at least a second old if there is one
};

/// The newest value of a gauge, or rate of a counter, that is no meter.
class Gauge {
 public:
  void add(const Reading& reading);
  [[nodiscard]] std::optional<Reading> newest() const noexcept { return newest_; }
  [[nodiscard]] std::optional<Reading> before() const noexcept { return before_; }  ///< about a second earlier

 private:
  std::optional<Reading> newest_, before_, next_;
};

}  // namespace perun::live
