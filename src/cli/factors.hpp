// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "analysis/fold.hpp"
#include "config/config.hpp"

namespace perun {

using LoadRun = std::function<Result<Run>()>;

/// The factors that the configuration asks for, with its series of CSV files read.
class FactorChoice {
 public:
  /// Those set in `weakest` or a stronger place. Errors: of reading a series.
  static Result<FactorChoice> of(const Resolved& resolved, Layer weakest);

  /// `own` with those replaced that are asked for. Only a series needs the run, which is loaded then. Errors: of loading;
  /// invalid (a series knows nothing of the run's time).
  [[nodiscard]] Result<Factors> replace(const Factors& own, const LoadRun& load) const;

  /// Those of a run that begins now: a series' value of that moment stands in until folded(). Errors: invalid.
  [[nodiscard]] Result<Factors> at(std::int64_t real_ns) const;

  /// Whether there is a series.
  [[nodiscard]] bool folds() const noexcept { return emissions_.values || price_.values; }

  /// The run's factors with the means of series over it, and what they are the means of. What a series does not know of
  /// leaves them as they are. Readings as in summarize().
  [[nodiscard]] Factors folded(const Run& run, std::span<Readings* const> readings) const;
  [[nodiscard]] Factors folded(const Run& run) const;

 private:
  struct Series {
    std::string name, place;
    std::optional<FactorSeries> values = {};  ///< empty: no series is asked for
  };
  Resolved resolved_;
  Layer weakest_ = Layer::built_in;
  Series emissions_, price_;
};

}  // namespace perun
