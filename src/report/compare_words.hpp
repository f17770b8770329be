// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "analysis/compare.hpp"

/// Words and cells of a comparison, the same in every format that people read.
namespace perun::compare_words {

/// "Energy", "Time", "Power", "EDP".
[[nodiscard]] std::string_view title(Metric metric) noexcept;

/// Of a side: "A", "B", ... "Z", "A1", ...
[[nodiscard]] std::string letter(std::size_t side);

/// "95 %"
[[nodiscard]] std::string percent(double confidence);

/// "24.50 kJ", or "n/a".
[[nodiscard]] std::string value_cell(Metric metric, const Figure& figure);

/// Four places behind the point up to 10, four digits beyond.
[[nodiscard]] std::string ratio_cell(double ratio);

/// "0.8521..0.8702", empty where nothing is known.
[[nodiscard]] std::string interval_cell(const Change& change);

/// "13.9 % lower", "no detectable difference", "n/a"; with what stands behind estimates.
[[nodiscard]] std::string verdict_cell(const Change& change);

/// "results/train.hdf5 runs 0 to 9: train on gpu07; from run to run energy +- 0.75 %, time +- 0.42 %"
[[nodiscard]] std::string about(const Side& side, const Figure& energy, const Figure& time);

/// "energy 0.9705..0.9869, time ...": the intervals by another way. Empty with too few runs.
[[nodiscard]] std::string bootstrapped(const Changes& changes);

}  // namespace perun::compare_words
