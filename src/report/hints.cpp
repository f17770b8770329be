// SPDX-License-Identifier: BSD-3-Clause
#include "report/hints.hpp"

#include <fmt/format.h>

#include "base/units.hpp"
#include "report/layout.hpp"
#include "report/tables.hpp"
#include "report/wording.hpp"

namespace perun {

namespace {

/// GPUs that take a good part of the energy and wait most of the time.
std::string waiting_gpus(const RunSummary& run) {
  constexpr double busy_enough = 0.5, worth_it = 0.2;
  double busy = 0, nodes = 0;
  for (const auto& node : run.nodes)
    if (node.activity.gpu_utilization) busy += *node.activity.gpu_utilization, nodes += 1;
  if (nodes == 0 || busy / nodes >= busy_enough) return "";
  for (const auto& part : tables::domains(run))
    if (part.name == "GPU" && part.share >= worth_it)
      return fmt::format("the GPUs were busy {} of the time and used {} of the energy ({})", wording::percent(busy / nodes),
                         wording::percent(part.share), wording::joules(part.energy.joules()));
  return "";
}

/// A run of which most is the idle machine.
std::string idle_machine(const RunSummary& run) {
  constexpr double most = 0.7;
  const double joules = run.usage.energy.joules();
  if (!run.net || joules <= 0 || run.net->baseline_J < most * joules) return "";
  return fmt::format("the idle machine alone would have used {} of this ({}): the same work in less time saves most",
                     wording::percent(run.net->baseline_J / joules), wording::joules(run.net->baseline_J));
}

/// A program whose marks leave out much of it.
std::string unmarked(const RunSummary& run) {
  constexpr double much = 0.2;
  const double joules = run.usage.energy.joules(), rest = run.regions.unmarked.joules();
  if (run.regions.regions.empty() || run.regions.unmarked.kind == Kind::unavailable || joules <= 0 || rest < much * joules)
    return "";
  return fmt::format("{} of the energy ({}, {}) is in no region", wording::percent(rest / joules), wording::joules(rest),
                     units::si(run.regions.unmarked_s, "s", 3));
}

/// A run of which the sensors could not tell much.
std::string wide_interval(const RunSummary& run) {
  constexpr double wide = 0.05;
  const Amount& e = run.usage.energy;
  if (!run.outcome.finished || e.kind != Kind::measured || e.joules() <= 0 || e.uncertainty_J < wide * e.joules()) return "";
  return fmt::format("{} are known to +- {} only, from {}: a longer run, or several with --rounds, tells more",
                     wording::joules(e.joules()), wording::percent(e.uncertainty_J / e.joules()),
                     units::duration(run.usage.duration_s));
}

}  // namespace

std::vector<std::string> hints(const RunSummary& run) {
  std::vector<std::string> out;
  for (auto* rule : {&wide_interval, &waiting_gpus, &idle_machine, &unmarked})
    if (auto hint = rule(run); !hint.empty()) out.push_back(std::move(hint));
  return out;
}

}  // namespace perun
