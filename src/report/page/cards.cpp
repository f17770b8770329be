// SPDX-License-Identifier: BSD-3-Clause
#include "report/page/cards.hpp"

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

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

}  // namespace

Json cards(const RunSummary& run) {
  Json out = Json::array();
  const Amount& e = run.usage.energy;
  if (e.kind == Kind::unavailable) {
    out.push_back(card("Energy", "n/a", "", e.kind, {"no sensor told it"}));
  } else {
    out.push_back(card("Energy", wording::joules(e.joules()), error(e), e.kind,
                       {units::si(e.joules() / 3600, "Wh"), said(run, ""), said(run, "of")}));
    out.push_back(card("Mean power", wording::watts(run.usage.power_mean_W), "", e.kind,
                       {"peak " + wording::watts(run.usage.power_max_W)}));
  }
  if (run.footprint) add_footprint(out, run);
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
  const Factors& f = run.factors;
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
  const std::string assumed = run.overhead_J > 0 ? " + " + wording::joules(run.overhead_J) + " assumed" : "";
  const std::string facility = units::si(run.footprint->facility_kWh * 1000, "Wh");
  out.push_back(formula("With PUE", "W = E × PUE",
                        fmt::format("({}{}) × {} = {}{}", joules, assumed, units::significant(f.pue, 4), facility, tag),
                        clean(f.pue_source)));
  out.push_back(formula("CO2e", "CO2e = W × emission factor",
                        fmt::format("{} × {} g/kWh = {}{}", facility, units::significant(f.emissions_kg_per_kWh * 1000, 4),
                                    wording::co2e(run.footprint->co2e_kg), tag),
                        clean(f.emissions_source)));
  out.push_back(formula("Cost", "cost = W × price",
                        fmt::format("{} × {} ct/kWh = {}{}", facility, units::significant(f.price_cent_per_kWh, 4),
                                    wording::cost(run.footprint->cost_cent), tag),
                        clean(f.price_source)));
  return out;
}

}  // namespace perun::page
