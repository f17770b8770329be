// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/compare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "analysis/compare_notes.hpp"

namespace perun {

namespace {

constexpr std::size_t most_bootstrapped = 100;  ///< regions, so that thousands of them take no minutes
constexpr double z95 = 1.959963984540054;

/// What a run or a region of it used, as far as it is known.
struct Used {
  Amount energy;
  double seconds = 0;
};

/// A metric of the runs of one side.
struct Values {
  Figure figure;
  std::vector<double> logs;
};

double value_of(Metric metric, const Used& u) noexcept {
  const double joules = u.energy.joules();
  switch (metric) {
    case Metric::energy:
      return joules;
    case Metric::time:
      return u.seconds;
    case Metric::power:
      return joules / u.seconds;
    case Metric::edp:
      return joules * u.seconds;
  }
  return 0;
}

Kind together(Kind a, Kind b) noexcept {
  if (a == Kind::unavailable || b == Kind::unavailable) return Kind::unavailable;
  return a == b ? a : Kind::mixed;
}

Values values_of(Metric metric, const std::vector<Used>& used) {
  Values out;
  double squares = 0;
  bool first = true;
  for (const Used& u : used) {
    const Kind kind = metric == Metric::time ? Kind::measured : u.energy.kind;
    const double value = value_of(metric, u), joules = u.energy.joules();
    const bool known = kind != Kind::unavailable && std::isfinite(value) && value > 0;
    const Kind seen = known ? kind : Kind::unavailable;
    out.figure.kind = first ? seen : together(out.figure.kind, seen);
    first = false;
    if (!known) continue;
    out.logs.push_back(std::log(value));
    const double reading = metric == Metric::time ? 0 : u.energy.uncertainty_J / joules;
    squares += reading * reading;
  }
  out.figure.runs = used.size();
  if (out.figure.kind == Kind::unavailable || out.logs.empty()) {
    out.figure.kind = Kind::unavailable;
    return out;
  }
  const auto sample = statistics::sample_of(out.logs);
  out.figure.mean = std::exp(sample.mean);
  out.figure.spread = std::sqrt(sample.variance);
  out.figure.uncertainty = std::sqrt(squares / static_cast<double>(used.size()));
  return out;
}

/// Variance of the mean of the logarithms. Runs vary at least as readings do: with so few of them the seen spread may be
/// small by luck. `lent`: the spread of the other side, for a side of one run.
statistics::Spread spread_of(const Figure& f, const Figure& lent) noexcept {
  const double n = static_cast<double>(f.runs), reading = f.uncertainty / z95;
  const Figure& seen = f.runs > 1 ? f : lent;
  const statistics::Spread of_readings{reading * reading / n, statistics::certain};
  if (seen.runs < 2) return of_readings;
  const statistics::Spread of_runs{seen.spread * seen.spread / n, static_cast<double>(seen.runs - 1)};
  return of_runs.variance < of_readings.variance ? of_readings : of_runs;
}

/// What the runs of a side vary by. Few runs beside many may be alike by luck, which makes Welch's test too sure: such a side
/// varies at least as both together do.
statistics::Spread spread_beside(const Figure& f, const Figure& other) noexcept {
  auto spread = spread_of(f, other);
  if (f.runs < 2 || other.runs <= 2 * f.runs) return spread;
  const double n = static_cast<double>(f.runs), m = static_cast<double>(other.runs);
  const double both = ((n - 1) * f.spread * f.spread + (m - 1) * other.spread * other.spread) / (n + m - 2);
  return both / n > spread.variance ? statistics::Spread{both / n, n + m - 2} : spread;
}

Basis basis_of(const Figure& base, const Figure& other) noexcept {
  if (base.runs > 1 && other.runs > 1) return Basis::runs;
  return base.runs > 1 || other.runs > 1 ? Basis::one_side : Basis::readings;
}

Verdict verdict_of(const statistics::Limits& ratio) noexcept {
  if (ratio.lower > 1) return Verdict::higher;
  return ratio.upper < 1 ? Verdict::lower : Verdict::no_difference;
}

enum class Bootstrap : unsigned char { no, yes };

Change change_of(Metric metric, const std::vector<Used>& base, const std::vector<Used>& other, double confidence,
                 Bootstrap wanted) {
  const Values a = values_of(metric, base), b = values_of(metric, other);
  Change c{.metric = metric, .base = a.figure, .other = b.figure, .kind = together(a.figure.kind, b.figure.kind)};
  if (c.kind == Kind::unavailable) return c;
  c.basis = basis_of(c.base, c.other);
  const auto spread = statistics::welch(spread_beside(c.base, c.other), spread_beside(c.other, c.base));
  const double difference = statistics::sample_of(b.logs).mean - statistics::sample_of(a.logs).mean;
  const double error = std::sqrt(spread.variance);
  const double reach = error > 0 ? statistics::student_quantile(confidence, spread.freedom) * error : 0;
  c.ratio = std::exp(difference);
  c.interval = {std::exp(difference - reach), std::exp(difference + reach)};
  if (c.basis != Basis::readings)
    c.p_value = error > 0 ? statistics::student_tails(difference / error, spread.freedom) : difference == 0 ? 1 : 0;
  c.verdict = verdict_of(c.interval);
  if (wanted == Bootstrap::yes && std::min(c.base.runs, c.other.runs) >= enough_runs) {
    const auto limits = statistics::bootstrap(a.logs, b.logs, confidence);
    c.bootstrapped = {std::exp(limits.lower), std::exp(limits.upper)};
  }
  return c;
}

Changes changes_of(const std::vector<Used>& base, const std::vector<Used>& other, double confidence, Bootstrap wanted) {
  Changes out;
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = change_of(static_cast<Metric>(i), base, other, confidence, wanted);
  return out;
}

std::vector<Used> runs_of(const Side& side) {
  std::vector<Used> out;
  for (const auto& run : side.runs) out.push_back({run.usage.energy, run.usage.duration_s});
  return out;
}

/// The regions of each run by name; those that not every run has are left out.
std::vector<std::pair<std::string, std::vector<Used>>> regions_of(const Side& side) {
  std::vector<std::pair<std::string, std::vector<Used>>> out;
  if (side.runs.empty()) return out;
  const auto used = [](const RegionSummary& r) { return Used{r.resolved ? r.energy : Amount{}, r.wall_s}; };
  std::map<std::string_view, std::size_t> places;
  for (const auto& r : side.runs.front().regions.regions) {
    if (!places.emplace(r.name, out.size()).second) continue;
    out.push_back({r.name, {used(r)}});
  }
  for (std::size_t i = 1; i < side.runs.size(); ++i)
    for (const auto& r : side.runs[i].regions.regions)
      if (const auto found = places.find(r.name); found != places.end() && out[found->second].second.size() == i)
        out[found->second].second.push_back(used(r));
  std::erase_if(out, [&](const auto& region) { return region.second.size() != side.runs.size(); });
  return out;
}

void compare_regions(const Side& base, const Side& other, double confidence, Comparison& out) {
  const auto a = regions_of(base), b = regions_of(other);
  std::map<std::string_view, const std::vector<Used>*> by_name;
  for (const auto& [name, used] : b) by_name.emplace(name, &used);
  for (const auto& [name, used] : a) {
    const auto found = by_name.find(name);
    if (found == by_name.end()) continue;
    const auto wanted = out.regions.size() < most_bootstrapped ? Bootstrap::yes : Bootstrap::no;
    out.regions.push_back({name, changes_of(used, *found->second, confidence, wanted)});
  }
  out.regions_apart = a.size() + b.size() - 2 * out.regions.size();
}

}  // namespace

Change compare(Metric metric, const Side& base, const Side& other, double confidence) {
  return change_of(metric, runs_of(base), runs_of(other), confidence, Bootstrap::yes);
}

Comparison compare(const Side& base, const Side& other, double confidence) {
  Comparison out;
  out.changes = changes_of(runs_of(base), runs_of(other), confidence, Bootstrap::yes);
  compare_regions(base, other, confidence, out);
  out.not_alike = what_is_not_alike(base, other);
  out.notes = compare_notes(base, other, out);
  return out;
}

}  // namespace perun
