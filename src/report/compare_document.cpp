// SPDX-License-Identifier: BSD-3-Clause
#include "base/units.hpp"
#include "report/compare_report.hpp"
#include "report/document.hpp"

namespace perun {

namespace {

Json limits_of(const statistics::Limits& limits) {
  return Json::array({json_number(limits.lower), json_number(limits.upper)});
}

Json figure_of(const Figure& f) {
  const bool known = f.kind != Kind::unavailable;
  const auto if_known = [&](double value) { return known ? json_number(value) : Json(nullptr); };
  Json out;
  out["kind"] = name(f.kind);
  out["runs"] = f.runs;
  out["mean"] = if_known(f.mean);
  out["spread"] = known && f.runs > 1 ? json_number(f.spread) : Json(nullptr);
  out["reading_uncertainty"] = if_known(f.uncertainty);
  return out;
}

Json change_of(const Change& c) {
  const bool known = c.kind != Kind::unavailable;
  Json out;
  out["unit"] = metric_units[static_cast<std::size_t>(c.metric)];
  out["kind"] = name(c.kind);
  out["base"] = figure_of(c.base);
  out["other"] = figure_of(c.other);
  out["ratio"] = known ? json_number(c.ratio) : Json(nullptr);
  out["interval"] = known ? limits_of(c.interval) : Json(nullptr);
  out["interval_from"] = basis_names[static_cast<std::size_t>(c.basis)];
  out["bootstrap_interval"] = c.bootstrapped ? limits_of(*c.bootstrapped) : Json(nullptr);
  out["p_value"] = c.p_value ? json_number(*c.p_value) : Json(nullptr);
  out["verdict"] = verdict_names[static_cast<std::size_t>(c.verdict)];
  return out;
}

Json changes_of(const Changes& changes) {
  Json out;
  for (const Change& c : changes) out[std::string(name(c.metric))] = change_of(c);
  return out;
}

Json side_of(const Side& side) {
  Json out;
  out["name"] = json_words(side.name);
  out["file"] = side.file.empty() ? Json(nullptr) : Json(json_words(side.file));
  out["runs"] = Json::array();
  for (const auto& run : side.runs) {
    const bool known = run.usage.energy.kind != Kind::unavailable;
    Json one;
    one["number"] = run.number < 0 ? Json(nullptr) : Json(run.number);
    one["id"] = json_words(run.id);
    one["app"] = json_words(run.app);
    one["begin"] = units::iso8601(run.begin_real_ns);
    one["kind"] = name(run.usage.energy.kind);
    one["energy_J"] = known ? json_number(run.usage.energy.joules()) : Json(nullptr);
    one["uncertainty_J"] = known ? json_number(run.usage.energy.uncertainty_J) : Json(nullptr);
    one["time_s"] = json_number(run.usage.duration_s);
    out["runs"].push_back(std::move(one));
  }
  return out;
}

Json comparison_of(const Comparison& c) {
  Json out;
  out["base"] = 0;
  out["other"] = c.other;
  out["comparable"] = c.not_alike.empty();
  out["metrics"] = changes_of(c.changes);
  out["regions"] = Json::array();
  for (const auto& region : c.regions)
    out["regions"].push_back({{"name", json_words(region.name)}, {"metrics", changes_of(region.changes)}});
  out["regions_apart"] = c.regions_apart;
  out["notes"] = Json::array();
  for (const auto& note : c.notes) out["notes"].push_back(json_words(note));
  return out;
}

}  // namespace

Json compare_document(const CompareReport& report) {
  Json out;
  out["schema"] = "perun-compare/1";
  out["confidence"] = json_number(report.confidence);
  out["sides"] = Json::array();
  for (const auto& side : report.sides) out["sides"].push_back(side_of(side));
  out["comparisons"] = Json::array();
  for (const auto& c : report.comparisons) out["comparisons"].push_back(comparison_of(c));
  out["gates"] = Json::array();
  for (const auto& gate : report.gates) {
    Json one;
    one["condition"] = json_words(gate.condition.text);
    one["other"] = gate.other;
    one["result"] = gate_names[static_cast<std::size_t>(gate.judgement.gate)];
    one["reason"] = json_words(gate.judgement.reason);
    out["gates"].push_back(std::move(one));
  }
  return out;
}

}  // namespace perun
