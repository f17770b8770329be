// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "model/readings.hpp"
#include "model/run.hpp"

namespace perun {

/// A factor that changes with time, such as a grid's gCO2e per kWh: each value holds from its time to the next one's.
struct FactorSeries {
  struct Value {
    std::int64_t real_ns = 0;          ///< CLOCK_REALTIME
    std::optional<double> value = {};  ///< empty: not known from here on
  };
  std::vector<Value> values;  ///< ascending; the last one says how far the series goes and is empty

  /// The value that holds at a moment; nothing outside of the series and in its gaps.
  [[nodiscard]] std::optional<double> at(std::int64_t real_ns) const noexcept;
};

/// The mean of a factor over a run, each value weighted by the energy that was used while it held.
struct Folded {
  double mean = 0;     ///< of what is covered; 0 when nothing is
  double covered = 0;  ///< share of the run's energy (without any: of its time) that the series knows a value for
};

/// Energy is that of the counted sensors and of `run.factors.overhead_power_W`. Readings as in summarize().
[[nodiscard]] Folded fold(const Run& run, std::span<Readings* const> readings, const FactorSeries& series);
[[nodiscard]] Folded fold(const Run& run, const FactorSeries& series);

}  // namespace perun
