// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "analysis/energy.hpp"
#include "model/readings.hpp"
#include "model/summary.hpp"

namespace perun {

/// Raise it whenever the same run gives another summary: stored ones of another revision are computed anew.
inline constexpr int analysis_revision = 10;

/// What RunSummary::made_by says when this analysis is part of that version of perun.
[[nodiscard]] inline std::string made_by(std::string_view version) {
  return "perun " + std::string(version) + ", analysis " + std::to_string(analysis_revision);
}

/// Pure: the same run and factors always give the same summary. Uses run.factors.
[[nodiscard]] RunSummary summarize(const Run& run);

/// The same of a run whose readings are elsewhere: `readings[i]` are node i's, and its series are not looked at. Needs the
/// same memory whatever the length of the run. Ask their status() afterwards.
[[nodiscard]] RunSummary summarize(const Run& run, std::span<Readings* const> readings);

/// `summary` seen through other factors: as if the run had been summarized with them.
void look_through(RunSummary& summary, const Factors& factors);

/// Energy, CO2e and cost of so many joules under factors: kWh = J / 3.6e6 x PUE; kg = kWh x emissions; ct = kWh x price.
[[nodiscard]] Footprint footprint(double joules, const Factors& factors);

/// What a node's wall clock was ahead of its monotonic one.
[[nodiscard]] std::int64_t ahead_of(const Run& run, const NodeRecord& node) noexcept;

/// The time of a run on a node's own monotonic clock.
[[nodiscard]] Window window_of(const Run& run, const NodeRecord& node);
[[nodiscard]] Window window_of(const Run& run, const NodeRecord& node, Readings& readings);

}  // namespace perun
