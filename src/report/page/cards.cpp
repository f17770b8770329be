// SPDX-License-Identifier: BSD-3-Clause
#include "report/page/cards.hpp"

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "analysis/sci.hpp"
#include "base/text.hpp"
#include "base/units.hpp"
#include "report/facts.hpp"
#include "report/page/words.hpp"
#include "report/regions.hpp"
#include "report/wording.hpp"

namespace perun::page {

namespace {

Json card(std::string_view label, std::string_view value, std::string_view error, Kind kind, std::vector<std::string> lines) {
  Json out;
  out["label"] = label;
  out["value"] = value;
  out["error"] = error;
  out["kind"] = name(kind);
  out["tag"] = wording::tag(kind);
  std::erase(lines, "");
  out["lines"] = std::move(lines);
  return out;
}

/// What the text report says under that label; empty when nothing.
std::string said(const RunSummary& run, std::string_view label) {
  for (const auto& fact : facts::figures(run))
    if (fact.label == label) return clean(fact.text);
  return "";
}

/// CO2e, cost and the facility's energy, with what they are computed from.
void add_footprint(Json& out, const RunSummary& run) {
  const Footprint& figure = *run.footprint;
  const Factors& f = run.factors;
  const Kind kind = footprint_kind(run.usage.energy.kind, run.overhead_J);
  const double joules = run.usage.energy.joules() + run.overhead_J;
  const double part = joules > 0 ? run.usage.energy.uncertainty_J / joules : 0;
  const auto error = [&](const std::string& text) { return kind == Kind::measured ? "± " + text : ""; };
  const std::string assumed = f.overhead_power_W > 0
                                  ? fmt::format("with {} assumed at {} a node for parts without a sensor",
                                                wording::joules(run.overhead_J), wording::watts(f.overhead_power_W))
                                  : "";
  out.push_back(
      card("CO2e", wording::co2e(figure.co2e_kg), error(wording::co2e(part * figure.co2e_kg, 2)), kind,
           {with_source("at " + units::significant(f.emissions_kg_per_kWh * 1000, 3) + " g/kWh", f.emissions_source)}));
  out.push_back(card("Cost", wording::cost(figure.cost_cent), error(wording::cost(part * figure.cost_cent, 2)), kind,
                     {with_source("at " + units::significant(f.price_cent_per_kWh, 4) + " ct/kWh", f.price_source)}));
  out.push_back(card("With PUE", units::si(figure.facility_kWh * 1000, "Wh"),
                     error(units::si(part * figure.facility_kWh * 1000, "Wh", 2)), kind,
                     {with_source("at " + units::significant(f.pue, 3), f.pue_source), assumed}));
}

/// Software carbon intensity, per run and per unit of work.
void add_score(Json& out, const RunSummary& run) {
  const auto score = sci_of(run);
  if (!score) return;
  const Kind kind = footprint_kind(run.usage.energy.kind, run.overhead_J);
  std::vector<std::string> lines{"a run, ISO/IEC 21031: CO2e and " + wording::co2e(score->embodied_kg) + " embodied"};
  for (const auto& unit : score->per_unit) lines.push_back(fmt::format("{} per {}", wording::co2e(unit.kg), clean(unit.unit)));
  out.push_back(card("SCI", wording::co2e(score->run_kg), "", kind, std::move(lines)));
}

Json formula(std::string_view what, std::string_view rule, std::string_view numbers, std::string_view source = "") {
  Json out;
  out["name"] = what;
  out["formula"] = rule;
  out["numbers"] = numbers;
  out["source"] = source;
  return out;
}

std::string sum_of_devices(const RunSummary& run) {
  constexpr std::size_t most = 6;
  std::vector<std::string> terms;
  for (const auto& node : run.nodes)
    for (const auto& d : node.devices)
      if (d.counted && d.kind != Kind::unavailable) terms.push_back(wording::joules(d.usage.energy.joules()));
  const std::string total = wording::joules(run.usage.energy.joules());
  if (terms.size() == 1) return "one device: " + total;
  if (terms.size() > most) return fmt::format("{} devices together: {}", terms.size(), total);
  return fmt::format("{} = {}", fmt::join(terms, " + "), total);
}

/// From energy to the facility's, CO2e and cost.
void add_footprint_formulas(Json& out, const RunSummary& run) {
  const Factors& f = run.factors;
  const std::string tag(wording::tag(footprint_kind(run.usage.energy.kind, run.overhead_J)));
  std::string used = wording::joules(run.usage.energy.joules());
  if (run.overhead_J > 0) {
    const std::string assumed = wording::joules(run.overhead_J);
    out.push_back(formula("Assumed", "O = power × time of the nodes, for parts without a sensor",
                          fmt::format("{} × {} = {}", wording::watts(f.overhead_power_W),
                                      units::si(run.overhead_J / f.overhead_power_W, "s"), assumed),
                          clean(f.overhead_source)));
    used = fmt::format("({} + {} assumed)", used, assumed);
  }
  const std::string facility = units::si(run.footprint->facility_kWh * 1000, "Wh");
  out.push_back(formula("With PUE", run.overhead_J > 0 ? "W = (E + O) × PUE" : "W = E × PUE",
                        fmt::format("{} × {} = {}{}", used, units::significant(f.pue, 4), facility, tag), clean(f.pue_source)));
  out.push_back(formula("CO2e",
                        f.emissions_over_time.empty() ? "CO2e = W × emission factor" : "CO2e = W × mean emission factor",
                        fmt::format("{} × {} g/kWh = {}{}", facility, units::significant(f.emissions_kg_per_kWh * 1000, 4),
                                    wording::co2e(run.footprint->co2e_kg), tag),
                        clean(f.emissions_source)));
  out.push_back(formula("Cost", f.price_over_time.empty() ? "cost = W × price" : "cost = W × mean price",
                        fmt::format("{} × {} ct/kWh = {}{}", facility, units::significant(f.price_cent_per_kWh, 4),
                                    wording::cost(run.footprint->cost_cent), tag),
                        clean(f.price_source)));
}

void add_score_formulas(Json& out, const RunSummary& run) {
  const auto score = sci_of(run);
  if (!score) return;
  const Factors& f = run.factors;
  const std::string tag(wording::tag(footprint_kind(run.usage.energy.kind, run.overhead_J)));
  const std::string embodied = wording::co2e(score->embodied_kg), both = wording::co2e(score->run_kg);
  out.push_back(
      formula("Embodied", "M = CO2e of making a node × time of the nodes / lifespan × share",
              fmt::format("{} × {} / {} years × {} = {}", wording::co2e(f.embodied_kg), units::si(score->node_s, "s"),
                          text::shortest(f.lifespan_years), text::shortest(f.resource_share), embodied),
              clean(fmt::format("{}; lifespan: {}; share: {}", f.embodied_source, f.lifespan_source, f.resource_source))));
  std::vector<std::string> results{
      fmt::format("({} + {}) / 1 run = {}{}", wording::co2e(score->operational_kg), embodied, both, tag)};
  for (const auto& unit : score->per_unit)
    results.push_back(fmt::format("{} / {} {} = {}{}", both, units::significant(unit.amount, 4), clean(unit.unit),
                                  wording::co2e(unit.kg), tag));
  out.push_back(formula("SCI", "SCI = (CO2e + M) / R", fmt::format("{}", fmt::join(results, "; ")), "ISO/IEC 21031:2024"));
}

}  // namespace

Json cards(const RunSummary& run) {
  Json out = Json::array();
  const Amount& e = run.usage.energy;
  if (e.kind == Kind::unavailable) {
    out.push_back(card("Energy", "n/a", "", e.kind, {"no sensor told it"}));
  } else {
    out.push_back(card("Energy", wording::joules(e.joules()), error(e), e.kind,
                       {units::si(e.joules() / 3600, "Wh"), said(run, ""), said(run, "of")}));
    const double error_W = run.usage.duration_s > 0 ? e.uncertainty_J / run.usage.duration_s : 0;
    out.push_back(card("Mean power", wording::watts(run.usage.power_mean_W),
                       e.kind == Kind::measured ? "± " + units::si(error_W, "W", 2) : "", e.kind,
                       {"peak " + wording::watts(run.usage.power_max_W)}));
  }
  if (run.footprint) add_footprint(out, run);
  add_score(out, run);
  out.push_back(card("Runtime", units::duration(run.usage.duration_s), "", Kind::measured,
                     {run.outcome.finished && run.origin.empty()
                          ? fmt::format("CPU time {} user, {} system", units::duration(run.outcome.user_s),
                                        units::duration(run.outcome.system_s))
                          : ""}));
  if (run.net)
    out.push_back(card("Net of idle", wording::joules(run.net->net_J), "± " + units::si(run.net->uncertainty_J, "J", 2), e.kind,
                       {"baseline " + said(run, "Baseline")}));
  for (const WorkSummary& work : run.regions.work)
    if (work.joules_per_unit > 0)
      out.push_back(card("Per " + clean(work.name), wording::joules(work.joules_per_unit),
                         e.kind == Kind::measured ? "± " + units::si(work.uncertainty_J, "J", 2) : "", e.kind,
                         {clean(wording::work(work, e.kind))}));
  return out;
}

Json formulas(const RunSummary& run) {
  Json out = Json::array();
  const Amount& e = run.usage.energy;
  if (e.kind == Kind::unavailable) return out;
  const std::string tag(wording::tag(e.kind));
  const std::string joules = wording::joules(e.joules());
  out.push_back(formula("Energy", "E = sum of all devices in the total, each joule once", sum_of_devices(run) + tag));
  out.push_back(formula("Mean power", "P = E / t",
                        fmt::format("{} / {} = {}{}", joules, units::si(run.usage.duration_s, "s"),
                                    wording::watts(run.usage.power_mean_W), tag)));
  if (e.kind == Kind::measured)
    out.push_back(formula("Interval", "± holds the true value in 95 % of such runs; the bounds hold it always",
                          fmt::format("{} ± {}; bounds {} to {}", joules, units::si(e.uncertainty_J, "J", 2),
                                      wording::joules(e.lower_J), wording::joules(e.upper_J))));
  if (run.net)
    out.push_back(formula(
        "Net", "net = E - baseline",
        fmt::format("{} - {} = {}{}", joules, wording::joules(run.net->baseline_J), wording::joules(run.net->net_J), tag)));
  if (!run.footprint) return out;
  add_footprint_formulas(out, run);
  add_score_formulas(out, run);
  return out;
}

}  // namespace perun::page
