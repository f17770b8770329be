// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>

#include "base/json.hpp"
#include "base/units.hpp"
#include "model/factor_steps.hpp"
#include "model/summary_text.hpp"
#include "store/datasets.hpp"
#include "store/job.hpp"
#include "store/layout.hpp"
#include "store/regions.hpp"
#include "store/write.hpp"

namespace perun::h5 {

namespace {

namespace attr = layout::attr;
constexpr double joules_per_kWh = 3.6e6;
constexpr std::size_t most_kept = 2 << 20;  ///< readings of all nodes that need not be read back

void write_identity(AttributeWriter& a, const Run& run, int number, const std::vector<std::string>& nodes) {
  a.text(attr::nx_class, "NXentry").text(attr::default_child, nodes.empty() ? "" : nodes.front());
  a.text(attr::run_id, run.id).text(attr::app, run.app).integer(attr::number, number);
  a.text(attr::nodes, json_texts(nodes)).text(attr::command, json_texts(run.command)).text(attr::cwd, run.cwd);
  a.text(attr::version, run.perun_version).number(attr::frequency, run.frequency_hz);
  a.text(attr::round_id, run.round_id).integer(attr::round, run.round).text(attr::config, run.config_ini);
  Json work = Json::array();
  for (const auto& [what, amount] : run.work) work.push_back({what, amount});
  if (!run.work.empty()) a.text(attr::work, work.dump(-1, ' ', false, Json::error_handler_t::replace));
}

/// What most runs have nothing to say of is left out.
void write_circumstances(AttributeWriter& a, const Run& run) {
  if (!run.title.empty()) a.text(attr::run_title, run.title);
  if (!run.tags.empty()) a.text(attr::tags, json_texts(run.tags));
  if (!run.postprocessed.empty()) a.text(attr::postprocessed, run.postprocessed);
  if (!run.origin.empty()) a.text(attr::origin, run.origin);
  if (run.provenance.empty()) return;
  Json facts = Json::object();
  for (const auto& [key, value] : run.provenance) facts[key] = value;
  a.text(attr::provenance, facts.dump(-1, ' ', false, Json::error_handler_t::replace));
}

void write_times(AttributeWriter& a, const Run& run) {
  a.text(attr::start_time, units::iso8601(run.begin.real_ns)).text(attr::end_time, units::iso8601(run.end.real_ns));
  a.integer(attr::begin_mono, run.begin.mono_ns).integer(attr::begin_real, run.begin.real_ns);
  a.integer(attr::end_mono, run.end.mono_ns).integer(attr::end_real, run.end.real_ns);
}

void write_outcome(AttributeWriter& a, const Outcome& o) {
  a.integer(attr::finished, o.finished ? 1 : 0).integer(attr::exit_code, o.exit_code).integer(attr::ended_by_signal, o.signal);
  a.text(attr::interrupted_by, o.interrupted_by).number(attr::user_s, o.user_s).number(attr::system_s, o.system_s);
  a.integer(attr::max_rss, o.max_rss_bytes);
}

}  // namespace

void write_factors(AttributeWriter& a, const Factors& f) {
  a.number(attr::pue, f.pue).text(attr::pue_source, f.pue_source);
  a.number(attr::emissions, f.emissions_kg_per_kWh).text(attr::emissions_source, f.emissions_source);
  a.number(attr::price, f.price_cent_per_kWh).text(attr::price_source, f.price_source);
  a.number(attr::overhead_power, f.overhead_power_W).text(attr::overhead_source, f.overhead_source);
  a.number(attr::embodied, f.embodied_kg).text(attr::embodied_source, f.embodied_source);
  a.number(attr::lifespan, f.lifespan_years).text(attr::lifespan_source, f.lifespan_source);
  a.number(attr::resource_share, f.resource_share).text(attr::resource_source, f.resource_source);
  const auto over_time = [&](const char* attribute, const std::vector<FactorStep>& steps) {
    a.remove(attribute);
    if (!steps.empty()) a.text(attribute, json_of(steps).dump());
  };
  over_time(attr::emissions_over_time, f.emissions_over_time);
  over_time(attr::price_over_time, f.price_over_time);
}

void write_figures(AttributeWriter& a, const RunSummary& s) {
  write_usage(a, s.usage);
  a.number(attr::run_runtime, s.usage.duration_s).number(attr::overhead, s.overhead_J);
  if (s.usage.energy.kind != Kind::unavailable)
    a.number(attr::run_power, s.usage.power_mean_W / 1e3).number(attr::run_energy, s.usage.energy.joules() / joules_per_kWh);
  if (s.footprint)
    a.number(attr::facility_energy, s.footprint->facility_kWh)
        .number(attr::run_co2e, s.footprint->co2e_kg)
        .number(attr::run_price, s.footprint->cost_cent / 100);
  write_related(a, s.net, s.attributed);
}

void write_usage(AttributeWriter& a, const Usage& usage) {
  a.text(attr::kind, name(usage.energy.kind));
  if (usage.energy.kind == Kind::unavailable) return;
  a.number(attr::energy, usage.energy.joules()).number(attr::uncertainty, usage.energy.uncertainty_J);
  a.number(attr::measured, usage.energy.measured_J).number(attr::estimated, usage.energy.estimated_J);
  a.number(attr::lower, usage.energy.lower_J).number(attr::upper, usage.energy.upper_J);
  a.number(attr::power_mean, usage.power_mean_W).number(attr::power_max, usage.power_max_W);
}

void write_related(AttributeWriter& a, const std::optional<Net>& net, const std::optional<Attribution>& attributed) {
  if (net) {
    a.number(attr::baseline_energy, net->baseline_J).number(attr::baseline_uncertainty, net->baseline_uncertainty_J);
    a.number(attr::net, net->net_J).number(attr::net_uncertainty, net->uncertainty_J);
  }
  if (attributed) {
    a.number(attr::attributed_run, attributed->run_J).number(attr::attributed_run_uncertainty, attributed->run_uncertainty_J);
    a.number(attr::attributed_others, attributed->others_J).number(attr::attributed_idle, attributed->idle_J);
    a.number(attr::unattributed, attributed->unattributed_J);
  }
}

std::string link_name(std::string_view wanted, std::string_view also_allowed, std::set<std::string>& taken) {
  const auto plain = [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           also_allowed.find(c) != std::string_view::npos;
  };
  std::string base(wanted);
  std::replace_if(
      base.begin(), base.end(), [&](char c) { return !plain(c); }, '_');
  if (base.empty() || base.find_first_not_of('.') == std::string::npos) base += '_';
  std::string unique = base;
  for (int i = 2; !taken.insert(unique).second; ++i) unique = base + '_' + std::to_string(i);
  return unique;
}

std::string json_texts(const std::vector<std::string>& texts) {
  return Json(texts).dump(-1, ' ', false, Json::error_handler_t::replace);
}

Status write_summary(const Types& types, hid_t run_group, const RunSummary& summary) {
  return write_text(types, run_group, layout::summary, encode(summary));
}

namespace {

/// What is computed from the readings once they are in the file; regions keep their marks and figures in one group.
Status write_all_figures(const Types& types, hid_t group, const Run& run, const RunSummary& summary,
                         const std::vector<std::string>& nodes) {
  AttributeWriter attributes(types, group);
  write_factors(attributes, summary.factors);  // which may be means over the readings
  write_figures(attributes, summary);
  if (auto written = attributes.status(); !written) return written;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const Group node(H5Gopen2(group, nodes[i].c_str(), H5P_DEFAULT));
    if (!node) return failure(Errc::io, "cannot open the group '" + nodes[i] + "'");
    const NodeRecord& record = run.nodes[i];
    const NodeSummary* known = i < summary.nodes.size() ? &summary.nodes[i] : nullptr;
    const Moment& anchor = record.clock.empty() ? run.begin : record.clock.front();
    const RegionReport* regions = known == nullptr ? nullptr : &known->regions;
    if (auto written = write_regions(types, node.get(), record.marks, regions, anchor); !written) return written;
    if (known == nullptr) continue;
    AttributeWriter figures(types, node.get());
    write_figures(figures, *known);
    if (auto written = figures.status(); !written) return written;
  }
  return write_summary(types, group, summary);
}

}  // namespace

Result<RunSummary> write_run(const Types& types, hid_t application, const Run& run, const Summarize& summarize, int number) {
  const std::string name = layout::run_group(number);
  // Linked last: should the list of names have to grow, then nothing that is allocated later takes its old place.
  const Group group(H5Gcreate_anon(application, H5P_DEFAULT, H5P_DEFAULT));
  if (!group) return failure(Errc::io, "cannot make the group '" + name + "'");

  std::set<std::string> taken{layout::summary};
  if (run.job) taken.insert(layout::ranks);
  std::vector<std::string> nodes;
  for (const auto& node : run.nodes) nodes.push_back(link_name(node.host, "-.", taken));

  AttributeWriter attributes(types, group.get());
  write_identity(attributes, run, number, nodes);
  write_circumstances(attributes, run);
  write_times(attributes, run);
  write_outcome(attributes, run.outcome);
  if (auto written = attributes.status(); !written) return written.error();

  std::vector<std::unique_ptr<Readings>> stored;
  std::size_t room = most_kept;
  std::vector<Readings*> readings;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    auto node = write_node(types, group.get(), nodes[i], run.nodes[i], run.begin, room);
    if (!node) return node.error();
    readings.push_back(stored.emplace_back(std::move(*node)).get());
  }
  if (run.job)
    if (auto written = write_job(types, group.get(), *run.job); !written) return written.error();
  RunSummary summary = summarize(run, readings);
  for (const auto& node : stored)
    if (auto read = node->status(); !read) return read.error();
  if (auto written = write_all_figures(types, group.get(), run, summary, nodes); !written) return written.error();
  if (H5Olink(group.get(), application, name.c_str(), H5P_DEFAULT, H5P_DEFAULT) < 0)
    return failure(Errc::io, "cannot add the group '" + name + "'");
  return summary;
}

}  // namespace perun::h5
