// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <perun/perun.h>

#include <cstdint>
#include <span>
#include <vector>

#include "launch/energy_curve.hpp"
#include "model/sensor.hpp"

namespace perun {

/// What each energy sensor of a node used since its first reading, kept up to date reading by reading in bounded memory: the
/// answer to a program that asks while it runs. The report's figures come from the analysis of all readings.
class LiveEnergy {
 public:
  explicit LiveEnergy(std::vector<Sensor> sensors);

  /// More sensors than before, and another total; the first are those it had.
  void join(std::vector<Sensor> sensors);

  void add(std::size_t sensor, const Reading& reading);

  /// Whether there is a counter that can be asked at any time.
  [[nodiscard]] bool counts() const noexcept;

  /// Everything but begin_ns.
  [[nodiscard]] perun_energy now() const noexcept;

  /// Of a stretch of time. What lies before the first reading has no energy.
  [[nodiscard]] perun_energy between(std::int64_t from_ns, std::int64_t to_ns) const noexcept;

 private:
  struct Meter {
    double joules = 0;
    double watts = 0;           ///< over the newest interval
    std::int64_t since_ns = 0;  ///< length of that
    std::int64_t t_ns = 0, raw = 0;
    std::uint64_t readings = 0;  ///< good ones
    EnergyCurve curve = {};
  };
  template <class Of>
  [[nodiscard]] perun_energy sum_up(Of of) const noexcept;

  std::vector<Sensor> sensors_;
  std::vector<Meter> meters_;
};

}  // namespace perun
