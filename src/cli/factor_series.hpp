// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "analysis/fold.hpp"
#include "base/result.hpp"

namespace perun {

enum class FactorKind : std::uint8_t { emissions, price };

/// CSV text of a factor over time: a line of titles, then lines of a time (ISO 8601, UTC if it names no zone, or seconds since
/// 1970) in the first column and values. The column is the first whose title names a unit of the kind: g/kWh, kg/kWh, ct/kWh,
/// EUR/kWh or EUR/MWh; of several emission columns one that says "life cycle" goes first. Values become kg/kWh or ct/kWh. Empty
/// cells are gaps, and a value holds for no longer than twice the most common distance of lines. Errors: format, with the line.
[[nodiscard]] Result<FactorSeries> parse_factor_series(std::string_view csv, FactorKind kind);

/// The same of a file. Errors also: not_found, denied, io.
[[nodiscard]] Result<FactorSeries> read_factor_series(const std::filesystem::path& file, FactorKind kind);

}  // namespace perun
