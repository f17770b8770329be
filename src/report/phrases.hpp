// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>

#include "model/summary.hpp"

/// What a report says of a run beside its figures, each in a line of text without a full stop; the same in every format for
/// people. Fit for a terminal.
namespace perun::phrases {

/// "gpu07, 2 CPU (64 threads) + 4 GPU, 8 power sensors, 2026-11-22 18:04:11 UTC"
[[nodiscard]] std::string where_and_when(const RunSummary& run);

/// The user's own words for it: "first try with Adam [adam, gpu]"
[[nodiscard]] std::string called(const RunSummary& run);

/// Length and, where the program was seen to end, its processor time and memory.
[[nodiscard]] std::string runtime(const RunSummary& run);

/// Where the error of the energy comes from, each part with its number.
[[nodiscard]] std::string accuracy(const RunSummary& run);

/// "of it 3.980 MJ measured on 60 nodes, 330 kJ (estimated) on 4 nodes"
[[nodiscard]] std::string split_energy(const RunSummary& run);

/// What the total is made of: "cpu:0 package, dram (estimated)". With many devices the table says it.
[[nodiscard]] std::string parts(const RunSummary& run);

/// "20.00 W +- 0.5 W of spread, measured before the run for 10 s"
[[nodiscard]] std::string baseline(const RunSummary& run);

/// "attributed by CPU time: this run 120 J +- 3 J, others 80 J, idle 60 J, not attributed 36 J"
[[nodiscard]] std::string share(const Attribution& share);

/// Utilisation, clock, temperature, memory and traffic, as far as they are known.
[[nodiscard]] std::string activity(const RunSummary& run);

/// How the sampling went; of several nodes the worst.
[[nodiscard]] std::string quality(const RunSummary& run);

/// What perun itself took while the program ran; of several nodes the most, and their joules together.
[[nodiscard]] std::string overhead(const RunSummary& run);

/// All runs of the file together; empty when there is only one.
[[nodiscard]] std::string total(const Summary& summary);

}  // namespace perun::phrases
