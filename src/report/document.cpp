// SPDX-License-Identifier: BSD-3-Clause
#include "report/document.hpp"

#include <fmt/format.h>

#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/sci.hpp"
#include "base/text.hpp"
#include "base/units.hpp"
#include "model/domains.hpp"
#include "model/outside.hpp"
#include "report/job_document.hpp"
#include "report/mpi.hpp"
#include "report/regions.hpp"

namespace perun {

namespace {

Json number(double value) {
  return json_number(value);
}

Json number(const std::optional<double>& value) {
  return value ? number(*value) : Json(nullptr);
}

std::string words(std::string_view s) {
  return json_words(s);
}

Json words_or_null(std::string_view s) {
  return s.empty() ? Json(nullptr) : Json(words(s));
}

/// The keys that every object with figures has.
void add_usage(Json& out, const Usage& usage) {
  const Amount& e = usage.energy;
  const bool available = e.kind != Kind::unavailable;
  const auto figure = [&](double value) { return available ? number(value) : Json(nullptr); };
  out["kind"] = name(e.kind);
  out["energy_J"] = figure(e.joules());
  if (e.kind == Kind::mixed) {
    out["measured_J"] = number(e.measured_J);
    out["estimated_J"] = number(e.estimated_J);
  }
  out["uncertainty_J"] = figure(e.uncertainty_J);
  out["bounds_J"] = available ? Json::array({number(e.lower_J), number(e.upper_J)}) : Json(nullptr);
  out["duration_s"] = number(usage.duration_s);
  out["power_mean_W"] = figure(usage.power_mean_W);
  out["power_max_W"] = figure(usage.power_max_W);
}

/// Class error of the sources in joules: one source's error is the same in every reading, so they add up.
double systematic_J(const NodeSummary& node) {
  double sum = 0;
  for (const auto& d : node.devices)
    if (d.counted) sum += d.usage.energy.joules() * d.systematic_percent / 100;
  return sum;
}

Json net_of(const std::optional<Net>& net) {
  if (!net) return nullptr;
  Json out;
  out["baseline_J"] = number(net->baseline_J);
  out["baseline_uncertainty_J"] = number(net->baseline_uncertainty_J);
  out["net_J"] = number(net->net_J);
  out["net_uncertainty_J"] = number(net->uncertainty_J);
  return out;
}

Json attributed_of(const std::optional<Attribution>& share) {
  if (!share) return nullptr;
  Json out;
  out["kind"] = name(share->kind);
  out["by"] = "CPU time";
  out["idle_from"] = share->by_baseline ? "baseline" : "CPU time";
  out["run_J"] = number(share->run_J);
  out["run_uncertainty_J"] = number(share->run_uncertainty_J);
  out["others_J"] = number(share->others_J);
  out["idle_J"] = number(share->idle_J);
  out["unattributed_J"] = number(share->unattributed_J);
  out["run_cpu_s"] = number(share->run_cpu_s);
  out["others_cpu_s"] = number(share->others_cpu_s);
  out["idle_cpu_s"] = number(share->idle_cpu_s);
  return out;
}

Json baseline_of(const std::optional<Baseline>& baseline) {
  if (!baseline) return nullptr;
  const Baseline& b = *baseline;
  const auto if_measured = [&](Json value) { return b.stated() ? Json(nullptr) : std::move(value); };
  Json out;
  out["origin"] = words(b.origin);
  out["kind"] = if_measured(name(b.kind));
  out["power_W"] = number(b.power_W);
  out["cpu_W"] = number(b.cpu_W);
  out["spread_W"] = if_measured(number(b.spread_W));
  out["blocks"] = if_measured(b.blocks);
  out["duration_s"] = if_measured(number(b.seconds));
  out["cpu_utilization"] = number(b.cpu_busy);
  out["measured_at"] = if_measured(units::iso8601(b.real_ns));
  return out;
}

Json scope_of(const std::optional<CpuScope>& scope) {
  if (!scope) return nullptr;
  Json out;
  out["measured"] = "node";
  out["node_cpus"] = scope->node_cpus > 0 ? Json(scope->node_cpus) : Json(nullptr);
  out["usable_cpus"] = scope->usable_cpus > 0 ? Json(scope->usable_cpus) : Json(nullptr);
  out["quota_cpus"] = scope->quota_cpus > 0 ? number(scope->quota_cpus) : Json(nullptr);
  out["cgroup"] = words_or_null(scope->cgroup);
  return out;
}

Json overhead_of(double joules, const Factors& f) {
  if (f.overhead_power_W == 0) return nullptr;
  Json out;
  out["kind"] = name(Kind::estimated);
  out["energy_J"] = number(joules);
  out["node_power_W"] = number(f.overhead_power_W);
  out["source"] = words(f.overhead_source);
  return out;
}

Json footprint_of(const std::optional<Footprint>& footprint, const Amount& energy, double overhead_J) {
  if (!footprint) return nullptr;
  const auto figures = [&](double part) {
    Json out;
    out["facility_kWh"] = number(part * footprint->facility_kWh);
    out["co2e_kg"] = number(part * footprint->co2e_kg);
    out["cost_cent"] = number(part * footprint->cost_cent);
    return out;
  };
  Json out{{"kind", name(footprint_kind(energy.kind, overhead_J))}};
  out.update(figures(1));
  const double joules = energy.joules() + overhead_J;
  out["uncertainty"] = figures(joules > 0 ? energy.uncertainty_J / joules : 0);
  return out;
}

Json factors_of(const Factors& f) {
  Json out;
  out["pue"] = number(f.pue);
  out["pue_source"] = words(f.pue_source);
  out["emissions_kg_per_kWh"] = number(f.emissions_kg_per_kWh);
  out["emissions_source"] = words(f.emissions_source);
  out["price_cent_per_kWh"] = number(f.price_cent_per_kWh);
  out["price_source"] = words(f.price_source);
  out["overhead_power_W"] = number(f.overhead_power_W);
  out["overhead_source"] = words(f.overhead_source);
  if (f.embodied_kg == 0) return out;
  out["embodied_kg"] = number(f.embodied_kg);
  out["embodied_source"] = words(f.embodied_source);
  out["lifespan_years"] = number(f.lifespan_years);
  out["lifespan_source"] = words(f.lifespan_source);
  out["resource_share"] = number(f.resource_share);
  out["resource_source"] = words(f.resource_source);
  return out;
}

Json sci_json(const Sci& sci, Kind kind) {
  Json out;
  out["kind"] = name(kind);
  out["operational_kg"] = number(sci.operational_kg);
  out["embodied_kg"] = number(sci.embodied_kg);
  out["run_kg"] = number(sci.run_kg);
  out["per_unit"] = Json::array();
  for (const auto& unit : sci.per_unit)
    out["per_unit"].push_back({{"unit", words(unit.unit)}, {"amount", number(unit.amount)}, {"kg", number(unit.kg)}});
  return out;
}

/// How much perun saw of the program: nothing in other tools' files, its status only from outside.
enum class Watched : unsigned char { not_at_all, status, itself };

Json outcome_of(const Outcome& o, Watched watched) {
  const auto if_seen = [&](Json value) { return watched == Watched::itself ? std::move(value) : Json(nullptr); };
  Json out;
  out["finished"] = o.finished;
  if (o.running) out["running"] = true;
  out["exit_code"] = watched == Watched::not_at_all ? Json(nullptr) : Json(o.exit_code);
  out["signal"] = o.signal == 0 ? Json(nullptr) : Json(o.signal);
  out["interrupted_by"] = words_or_null(o.interrupted_by);
  out["user_s"] = if_seen(number(o.user_s));
  out["system_s"] = if_seen(number(o.system_s));
  out["max_rss_bytes"] = if_seen(o.max_rss_bytes);
  return out;
}

Json device_of(const DeviceSummary& d) {
  Json out;
  out["id"] = words(d.id);
  out["label"] = words(d.label);
  out["source"] = words(d.source);
  out["domain"] = name(d.domain);
  out["counted"] = d.counted;
  out["part_of"] = words_or_null(d.part_of);
  add_usage(out, d.usage);
  out["share"] = d.counted && d.kind != Kind::unavailable ? number(d.share) : Json(nullptr);
  out["share_uncertainty"] = d.counted && d.kind != Kind::unavailable ? number(d.share_uncertainty) : Json(nullptr);
  out["systematic_percent"] = number(d.systematic_percent);
  out["wraps"] = d.wraps;
  out["read_errors"] = d.read_errors;
  out["invalid_intervals"] = d.invalid;
  out["note"] = words_or_null(d.note);
  return out;
}

Json activity_of(const Activity& a) {
  Json out;
  out["cpu_utilization"] = number(a.cpu_utilization);
  out["memory_used_max_bytes"] = number(a.memory_used_max_bytes);
  out["disk_read_bytes"] = number(a.disk_read_bytes);
  out["disk_written_bytes"] = number(a.disk_written_bytes);
  out["network_received_bytes"] = number(a.network_received_bytes);
  out["network_sent_bytes"] = number(a.network_sent_bytes);
  out["cpu_frequency_mean_Hz"] = number(a.cpu_frequency_mean_Hz);
  out["cpu_temperature_max_C"] = number(a.cpu_temperature_max_C);
  out["cpu_power_limit_W"] = number(a.cpu_power_limit_W);
  out["throttle_events"] = number(a.throttle_events);
  const auto if_known = [&](const char* key, const std::optional<double>& value) {
    if (value) out[key] = number(value);
  };
  if_known("gpu_utilization", a.gpu_utilization);
  if_known("gpu_memory_used_max_bytes", a.gpu_memory_used_max_bytes);
  if_known("gpu_temperature_max_C", a.gpu_temperature_max_C);
  if_known("gpu_power_capped", a.gpu_power_capped);
  if_known("gpu_slowed", a.gpu_slowed);
  return out;
}

Json quality_of(const NodeSummary& node) {
  Json out;
  out["ticks"] = node.quality.ticks;
  out["late"] = node.quality.late;
  out["lost"] = node.quality.lost;
  out["frequency_achieved_Hz"] = number(node.frequency_achieved_hz);
  out["longest_gap_s"] = number(node.longest_gap_s);
  out["reading_s"] = number(static_cast<double>(node.quality.reading_ns) * 1e-9);
  out["agent_cpu_s"] = number(static_cast<double>(node.quality.agent_cpu_ns) * 1e-9);
  out["launcher_cpu_s"] = number(static_cast<double>(node.quality.launcher_cpu_ns) * 1e-9);
  out["own_energy_J"] = number(node.own_energy_J);
  out["latency_p50_s"] = number(static_cast<double>(node.quality.latency_p50_ns) * 1e-9);
  out["latency_p99_s"] = number(static_cast<double>(node.quality.latency_p99_ns) * 1e-9);
  out["period_begin_s"] = number(static_cast<double>(node.quality.period_begin_ns) * 1e-9);
  out["period_s"] = number(static_cast<double>(node.quality.period_ns) * 1e-9);
  out["readings"] = node.readings;
  out["repeated"] = node.repeated;
  return out;
}

/// What the node's total is made of, and what of the node has no sensor.
Json coverage_of(const NodeSummary& node) {
  Json out{{"counted", Json::array()}, {"estimated", Json::array()}, {"without_sensor", Json::array()}};
  std::vector<Domain> measured;
  for (const auto& d : node.devices) {
    if (!d.counted || d.kind == Kind::unavailable) continue;
    out["counted"].push_back(words(d.id));
    if (d.kind == Kind::estimated)
      out["estimated"].push_back(words(d.id));
    else
      measured.push_back(d.domain);
  }
  for (const auto what : without_sensor(measured)) out["without_sensor"].push_back(what);
  return out;
}

Json node_of(const NodeSummary& node) {
  Json out;
  out["host"] = words(node.host);
  add_usage(out, node.usage);
  out["systematic_J"] = node.usage.energy.kind == Kind::unavailable ? Json(nullptr) : number(systematic_J(node));
  out["coverage"] = coverage_of(node);
  out["baseline"] = baseline_of(node.baseline);
  out["net"] = net_of(node.net);
  out["attributed"] = attributed_of(node.attributed);
  out["scope"] = scope_of(node.scope);
  if (node.inside) {
    Json inside;
    inside["devices"] = Json::array();
    for (const auto& id : node.inside->devices) inside["devices"].push_back(words(id));
    inside["energy_J"] = number(node.inside->joules);
    inside["uncertainty_J"] = number(node.inside->uncertainty_J);
    inside["other_J"] = number(node.usage.energy.joules() - node.inside->joules);
    out["inside"] = std::move(inside);
  }
  if (node.gpus_visible) {
    Json gpus;
    gpus["gpus"] = node.gpus_visible->gpus;
    gpus["gpus_of_node"] = node.gpus_visible->gpus_of_node;
    gpus["energy_J"] = number(node.gpus_visible->joules);
    gpus["energy_of_node_J"] = number(node.gpus_visible->joules_of_node);
    out["gpus_visible"] = std::move(gpus);
  }
  out["devices"] = Json::array();
  for (const auto& d : node.devices) out["devices"].push_back(device_of(d));
  out["activity"] = activity_of(node.activity);
  out["quality"] = quality_of(node);
  out["blocked"] = Json::array();
  for (const auto& b : node.blocked) {
    Json blocked;
    blocked["backend"] = words(b.backend);
    blocked["reason"] = words(b.reason);
    blocked["hint"] = words_or_null(b.hint);
    out["blocked"].push_back(std::move(blocked));
  }
  out["attributes"] = Json::object();
  for (const auto& [key, value] : node.attributes) out["attributes"][words(key)] = words(value);
  return out;
}

Json run_of(const RunSummary& run) {
  Json out;
  out["number"] = run.number < 0 ? Json(nullptr) : Json(run.number);
  out["id"] = words(run.id);
  out["title"] = words_or_null(run.title);
  out["tags"] = Json::array();
  for (const auto& tag : run.tags) out["tags"].push_back(words(tag));
  out["perun_version"] = words(run.perun_version);
  out["command"] = Json::array();
  for (const auto& word : run.command) out["command"].push_back(words(word));
  out["cwd"] = words(run.cwd);
  out["round_id"] = words_or_null(run.round_id);
  out["round"] = run.round;
  out["begin"] = units::iso8601(run.begin_real_ns);
  out["end"] = units::iso8601(run.end_real_ns);
  out["frequency_Hz"] = number(run.frequency_hz);
  add_usage(out, run.usage);
  double systematic = 0;
  for (const auto& node : run.nodes) systematic += systematic_J(node);
  out["systematic_J"] = run.usage.energy.kind == Kind::unavailable ? Json(nullptr) : number(systematic);
  out["net"] = net_of(run.net);
  out["attributed"] = attributed_of(run.attributed);
  out["overhead"] = overhead_of(run.overhead_J, run.factors);
  out["footprint"] = footprint_of(run.footprint, run.usage.energy, run.overhead_J);
  out["factors"] = factors_of(run.factors);
  if (const auto sci = sci_of(run)) out["sci"] = sci_json(*sci, footprint_kind(run.usage.energy.kind, run.overhead_J));
  out["postprocessed"] = words_or_null(run.postprocessed);
  const bool inside = !run.job || !from_outside(*run.job);
  out["outcome"] = outcome_of(run.outcome, !run.origin.empty() ? Watched::not_at_all
                                           : inside            ? Watched::itself
                                                               : Watched::status);
  out["provenance"] = Json::object();
  for (const auto& [key, value] : run.provenance) out["provenance"][words(key)] = words(value);
  const ByRank by_rank = run.job ? ByRank::yes : ByRank::no;
  if (!run.regions.empty()) out["regions"] = regions_document(run.regions, by_rank);
  if (const auto mpi = mpi_of(run.regions)) out["mpi"] = mpi_document(*mpi, run);
  if (run.job) out["job"] = job_of(run);
  out["nodes"] = Json::array();
  for (const auto& node : run.nodes) {
    out["nodes"].push_back(node_of(node));
    if (run.nodes.size() > 1 && !node.regions.empty()) out["nodes"].back()["regions"] = regions_document(node.regions, by_rank);
  }
  out["notes"] = Json::array();
  for (const auto& note : run.notes) {
    Json n;
    n["caveat"] = name(note.caveat);
    n["text"] = words(note.text);
    out["notes"].push_back(std::move(n));
  }
  return out;
}

}  // namespace

Json json_number(double value) {
  if (!std::isfinite(value)) return nullptr;
  return text::number(fmt::format("{:.12g}", value)).value_or(0.0);
}

std::string json_words(std::string_view s) {
  std::string out = text::to_utf8(s);
  for (std::size_t i = out.find('\xEF'); i != std::string::npos; i = out.find('\xEF', i + 1)) {
    const auto second = static_cast<unsigned char>(out[i + 1]), third = static_cast<unsigned char>(out[i + 2]);
    if ((second == 0xBF && third >= 0xBE) || (second == 0xB7 && third >= 0x90 && third <= 0xAF))
      out.replace(i, 3, "\xEF\xBF\xBD");
  }
  return out;
}

Json document(const Summary& summary) {
  Json out;
  out["schema"] = "perun-report/1";
  out["app"] = words(summary.app);
  out["file"] = words_or_null(summary.file);
  out["runs_in_file"] = summary.runs_in_file;
  out["runs"] = Json::array();
  for (const auto& run : summary.runs) out["runs"].push_back(run_of(run));
  Json total;
  add_usage(total, summary.total);
  total["footprint"] = footprint_of(summary.total_footprint, summary.total.energy, 0);
  out["total"] = std::move(total);
  return out;
}

}  // namespace perun
