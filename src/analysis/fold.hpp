// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "model/readings.hpp"
#include "model/run.hpp"

namespace perun {

/// A factor that changes with time: each value holds from its time to the next one's.
struct FactorSeries {
  std::vector<FactorStep> values;  ///< ascending; the last one says how far the series goes and is empty

  /// The value that holds at a moment; nothing outside of the series and in its gaps.
  [[nodiscard]] std::optional<double> at(std::int64_t real_ns) const noexcept;
};

/// The mean of a factor over a run, each value weighted by the energy that was used while it held.
struct Folded {
  double mean = 0;     ///< of what is covered; 0 when nothing is
  double covered = 0;  ///< share of the run's energy (without any: of its time) that the series knows a value for
  /// What held from the begin of the run to its end, of whichever node begins first and ends last; empty where that is one
  /// value, or nothing.
  std::vector<FactorStep> steps = {};
};

/// Energy is that of the counted sensors and of `run.factors.overhead_power_W`. Readings as in summarize().
[[nodiscard]] Folded fold(const Run& run, std::span<Readings* const> readings, const FactorSeries& series);
[[nodiscard]] Folded fold(const Run& run, const FactorSeries& series);

}  // namespace perun
