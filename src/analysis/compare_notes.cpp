// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/compare_notes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>

namespace perun {

namespace {

/// The domains that a run's total is made of.
std::set<std::string_view> domains_of(const RunSummary& run) {
  std::set<std::string_view> out;
  for (const auto& node : run.nodes)
    for (const auto& d : node.devices)
      if (d.counted && d.kind != Kind::unavailable) out.insert(name(d.domain));
  return out;
}

/// Host and sensor of all that counts: who shares these has the same class errors.
std::set<std::string> meters_of(const Side& side) {
  std::set<std::string> out;
  for (const auto& run : side.runs)
    for (const auto& node : run.nodes)
      for (const auto& d : node.devices)
        if (d.counted && d.kind != Kind::unavailable) out.insert(node.host + '\n' + d.id);
  return out;
}

double systematic_percent(const Side& side) {
  double most = 0;
  for (const auto& run : side.runs)
    for (const auto& node : run.nodes)
      for (const auto& d : node.devices)
        if (d.counted && d.kind == Kind::measured) most = std::max(most, d.systematic_percent);
  return most;
}

std::string spelled(const std::set<std::string_view>& domains) {
  return domains.empty() ? "nothing" : fmt::format("{}", fmt::join(domains, ", "));
}

std::string run_name(const Side& side, const RunSummary& run) {
  return run.number < 0 ? side.name : fmt::format("run {} of {}", run.number, side.file.empty() ? side.name : side.file);
}

/// Runs that did not end well, or that are on both sides.
void about_runs(const Side& base, const Side& other, std::vector<std::string>& notes) {
  for (const Side* side : {&base, &other})
    for (const auto& run : side->runs) {
      if (!run.origin.empty()) continue;  // nobody saw how it ended
      if (!run.outcome.finished)
        notes.push_back(run_name(*side, run) + " was cut off: what it used up to then is compared");
      else if (run.outcome.exit_code != 0)
        notes.push_back(fmt::format("{} ended with exit status {}", run_name(*side, run), run.outcome.exit_code));
    }
  for (const auto& a : base.runs)
    for (const auto& b : other.runs)
      if (!a.id.empty() && a.id == b.id) notes.push_back(run_name(base, a) + " is on both sides");
}

/// What the intervals hold and what they do not.
void about_intervals(const Comparison& c, std::vector<std::string>& notes) {
  const Basis basis = c.changes.front().basis == Basis::none ? c.changes[1].basis : c.changes.front().basis;
  if (basis == Basis::readings)
    notes.push_back(
        "one run a side: intervals and verdicts are about these two runs and how well they were read, not about how runs "
        "vary; for that compare several (perun monitor --rounds 10)");
  if (basis == Basis::one_side) notes.push_back("the side with one run is taken to vary from run to run like the other side");
}

void about_kinds(const Comparison& c, std::vector<std::string>& notes) {
  const Change& energy = c.changes.front();
  if (energy.kind == Kind::estimated || energy.kind == Kind::mixed)
    notes.push_back("energies are wholly or in part estimates of a model, which never pass or fail a --fail-if");
  if (energy.kind == Kind::unavailable) notes.push_back("energy is not available on both sides");
}

}  // namespace

std::string what_is_not_alike(const Side& base, const Side& other) {
  const auto of_base = domains_of(base.runs.front());
  for (const Side* side : {&base, &other})
    for (const auto& run : side->runs)
      if (const auto domains = domains_of(run); domains != of_base)
        return fmt::format("the totals are of different things: {} counts {}, {} counts {}", run_name(base, base.runs.front()),
                           spelled(of_base), run_name(*side, run), spelled(domains));
  return {};
}

std::vector<std::string> compare_notes(const Side& base, const Side& other, const Comparison& c) {
  std::vector<std::string> notes;
  if (!c.not_alike.empty()) notes.push_back(c.not_alike);
  about_kinds(c, notes);
  about_intervals(c, notes);
  about_runs(base, other, notes);
  const double percent = std::max(systematic_percent(base), systematic_percent(other));
  if (c.changes.front().kind == Kind::measured && percent > 0 && meters_of(base) != meters_of(other))
    notes.push_back(fmt::format(
        "not all sensors are the same ones on both sides: what each errs by itself (up to {:g} %) is not in the intervals",
        percent));
  if (c.regions_apart > 0)
    notes.push_back(fmt::format("{} {} not on both sides in every run", c.regions_apart,
                                c.regions_apart == 1 ? "region is" : "regions are"));
  return notes;
}

}  // namespace perun
