// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <vector>

#include "model/summary.hpp"

/// What a report for people says of a run beside its tables, in words; how it looks is the format's.
namespace perun::facts {

/// "Energy", "919.0 J +- 370 mJ = 255.3 mWh". Without a label it goes on with the one before.
struct Fact {
  std::string label, text;
};
using Facts = std::vector<Fact>;

/// "gpu07, 2 CPU (64 threads) + 4 GPU, 8 power sensors, 2026-11-22 18:04:11 UTC"
[[nodiscard]] std::string where_and_when(const RunSummary& run);

/// The user's own words for it: "first try with Adam [adam, gpu]"; may be empty.
[[nodiscard]] std::string called(const RunSummary& run);

/// Runtime, energy and what follows from it.
[[nodiscard]] Facts figures(const RunSummary& run);

/// Work, activity, quality, notes, hints.
[[nodiscard]] Facts remarks(const RunSummary& run);

/// What all runs of the file add up to; nothing when there is but one.
[[nodiscard]] Facts total(const Summary& summary);

}  // namespace perun::facts
