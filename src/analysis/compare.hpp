// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/statistics.hpp"
#include "model/summary.hpp"

namespace perun {

/// One side of a comparison: runs that are taken for repetitions of each other.
struct Side {
  std::string name;  ///< as the user named it
  std::string file;
  std::vector<RunSummary> runs;  ///< at least one
};

enum class Metric : std::uint8_t { energy, time, power, edp };
inline constexpr std::array<std::string_view, 4> metric_names{"energy", "time", "power", "edp"};
inline constexpr std::array<std::string_view, 4> metric_units{"J", "s", "W", "Js"};
[[nodiscard]] constexpr std::string_view name(Metric m) noexcept {
  return metric_names[static_cast<std::size_t>(m)];
}

/// What a metric is on one side. Energy and mean power are the run's (or region's); edp is energy times time.
struct Figure {
  Kind kind = Kind::unavailable;  ///< unavailable: some run does not have it, or it is not above 0
  std::size_t runs = 0;
  double mean = 0;         ///< geometric mean over the runs
  double spread = 0;       ///< standard deviation of the runs' logarithms: relative; 0 of a single run
  double uncertainty = 0;  ///< of one run's reading, 95 %, half width, relative
};

/// What an interval is made of.
enum class Basis : std::uint8_t {
  none,      ///< there is none
  readings,  ///< one run a side: only of the readings, not of how runs vary
  one_side,  ///< one run on one side, which is taken to vary like the other side's
  runs,      ///< how the runs of both sides vary
};
inline constexpr std::array<std::string_view, 4> basis_names{"none", "readings", "one_side", "runs"};

enum class Verdict : std::uint8_t { not_known, no_difference, lower, higher };
inline constexpr std::array<std::string_view, 4> verdict_names{"not_known", "no_difference", "lower", "higher"};

/// How a metric of the other side stands to the base: other / base. Formulas: docs/accuracy.md.
struct Change {
  Metric metric = Metric::energy;
  Figure base, other;
  Kind kind = Kind::unavailable;  ///< of both sides together
  Basis basis = Basis::none;
  double ratio = 0;
  statistics::Limits interval = {};                     ///< of the ratio
  std::optional<statistics::Limits> bootstrapped = {};  ///< the same by another way, from enough_runs a side on
  std::optional<double> p_value = {};                   ///< that there is no difference; with more than one run
  Verdict verdict = Verdict::not_known;
};

using Changes = std::array<Change, metric_names.size()>;

struct RegionChanges {
  std::string name;
  Changes changes;
};

struct Comparison {
  std::size_t other = 1;  ///< of the sides; the base is the first
  Changes changes;
  std::vector<RegionChanges> regions;  ///< those that both sides have, by energy of the base
  std::size_t regions_apart = 0;       ///< that only one side has
  std::string not_alike;               ///< why energies cannot be held against each other; empty: they can
  std::vector<std::string> notes;      ///< what a reader must know, plain sentences without a full stop
};

inline constexpr std::size_t enough_runs = 5;  ///< a side, for a bootstrap interval

/// One metric of whole runs.
[[nodiscard]] Change compare(Metric metric, const Side& base, const Side& other, double confidence);

/// `other` held against `base` at a confidence within 0.5 and 1. Pure, and the same for the same runs.
[[nodiscard]] Comparison compare(const Side& base, const Side& other, double confidence);

}  // namespace perun
