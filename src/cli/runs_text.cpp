// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"
#include "base/units.hpp"
#include "cli/runs.hpp"
#include "report/layout.hpp"
#include "report/wording.hpp"

namespace perun {

namespace {

constexpr std::size_t width = 100;

/// "2026-11-22 18:04:11"
std::string date(std::int64_t real_ns) {
  std::string out = units::iso8601(real_ns).substr(0, 19);
  std::replace(out.begin(), out.end(), 'T', ' ');
  return out;
}

std::string energy(const Usage& usage) {
  if (usage.energy.kind == Kind::unavailable) return "n/a";
  return wording::joules(usage.energy.joules()) + std::string(wording::tag(usage.energy.kind));
}

/// "[adam, gpu] second try"
std::string called(const StoredRun& run) {
  std::string out = run.tags.empty() ? "" : fmt::format("[{}]", fmt::join(run.tags, ", "));
  if (!run.title.empty()) out += (out.empty() ? "" : " ") + run.title;
  return layout::printable(out);
}

Json figure(const Usage& usage, double value) {
  return usage.energy.kind == Kind::unavailable ? Json(nullptr) : Json(value);
}

Json json_of(const StoredRun& run) {
  const auto texts = [](const std::vector<std::string>& all) {
    Json out = Json::array();
    for (const auto& one : all) out.push_back(text::to_utf8(one));
    return out;
  };
  const auto or_null = [](const std::string& s) { return s.empty() ? Json(nullptr) : Json(text::to_utf8(s)); };
  Json out;
  out["number"] = run.number;
  out["id"] = text::to_utf8(run.id);
  out["title"] = or_null(run.title);
  out["tags"] = texts(run.tags);
  out["command"] = texts(run.command);
  out["nodes"] = texts(run.nodes);
  out["begin"] = units::iso8601(run.begin_real_ns);
  out["duration_s"] = run.usage.duration_s;
  out["finished"] = run.outcome.finished;
  out["exit_code"] = run.foreign ? Json(nullptr) : Json(run.outcome.exit_code);
  out["kind"] = name(run.usage.energy.kind);
  out["energy_J"] = figure(run.usage, run.usage.energy.joules());
  out["uncertainty_J"] = figure(run.usage, run.usage.energy.uncertainty_J);
  out["power_mean_W"] = figure(run.usage, run.usage.power_mean_W);
  out["co2e_kg"] = run.footprint ? Json(run.footprint->co2e_kg) : Json(nullptr);
  out["cost_cent"] = run.footprint ? Json(run.footprint->cost_cent) : Json(nullptr);
  return out;
}

/// Lines "name  value", only where there is a value.
class Facts {
 public:
  void add(std::string_view name, const std::string& value) {
    if (!value.empty()) text_ += fmt::format("  {:<14} {}\n", name, layout::printable(value));
  }
  void raw(const std::string& line) { text_ += line; }
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  std::string text_;
};

void add_factors(const Factors& f, Facts& facts) {
  const auto add = [&](std::string_view name, double value, std::string_view unit, const std::string& source) {
    facts.add(name, fmt::format("{}{} ({})", text::shortest(value), unit, source));
  };
  add("PUE", f.pue, "", f.pue_source);
  add("emissions", f.emissions_kg_per_kWh, " kg/kWh", f.emissions_source);
  add("price", f.price_cent_per_kWh, " ct/kWh", f.price_source);
  if (f.overhead_power_W != 0) add("overhead", f.overhead_power_W, " W a node", f.overhead_source);
  if (f.embodied_kg == 0) return;
  add("embodied", f.embodied_kg, " kg a node", f.embodied_source);
  add("lifespan", f.lifespan_years, " years", f.lifespan_source);
  add("share", f.resource_share, " of a node", f.resource_source);
}

void add_node(const NodeRecord& node, Facts& facts) {
  facts.raw(fmt::format("\n  node {}\n", layout::printable(node.host)));
  for (const auto& [key, value] : node.attributes) facts.add(layout::printable(key), value);
  layout::Table table(
      {{"sensor", layout::Align::left, 40}, {"source", layout::Align::left, 24}, {"readings"}, {"unit"}, {"total"}});
  for (std::size_t i = 0; i < node.sensors.size() && i < node.series.size(); ++i) {
    const Sensor& s = node.sensors[i];
    table.add({layout::printable(s.id), layout::printable(s.source), std::to_string(node.series[i].size()),
               std::string(unit(s.quantity)), s.counted ? std::string(name(s.kind)) : "no"});
  }
  facts.raw(table.text(2, width));
}

}  // namespace

bool RunFilter::takes(const StoredRun& run) const {
  if (run.begin_real_ns < since_ns || run.begin_real_ns > until_ns) return false;
  return std::ranges::all_of(tags, [&](const std::string& wanted) {
    return std::ranges::any_of(run.tags, [&](const std::string& tag) { return text::glob(wanted, tag); });
  });
}

std::string runs_text(const std::vector<ListedFile>& files) {
  std::string out;
  for (const auto& listed : files) {
    const auto all = listed.runs_in_file == 1 ? std::string("1 run") : fmt::format("{} runs", listed.runs_in_file);
    const bool some = static_cast<int>(listed.runs.size()) != listed.runs_in_file;
    out += fmt::format("{}{}: {}, {}{}\n", out.empty() ? "" : "\n", layout::printable(listed.file.string()),
                       layout::printable(listed.app), some ? fmt::format("{} of ", listed.runs.size()) : "", all);
    if (listed.runs.empty()) continue;
    layout::Table table({{"run"},
                         {"begin (UTC)", layout::Align::left},
                         {"runtime"},
                         {"energy"},
                         {"end", layout::Align::left},
                         {"tags, title", layout::Align::left, 60}});
    for (const auto& run : listed.runs)
      table.add({std::to_string(run.number), date(run.begin_real_ns), units::duration(run.usage.duration_s), energy(run.usage),
                 run.foreign ? "" : wording::ending(run.outcome), called(run)});
    out += table.text(2, width);
  }
  return out;
}

Json runs_json(const std::vector<ListedFile>& files) {
  Json out;
  out["schema"] = "perun-runs/1";
  out["files"] = Json::array();
  for (const auto& listed : files) {
    Json file;
    file["file"] = text::to_utf8(listed.file.string());
    file["app"] = text::to_utf8(listed.app);
    file["runs_in_file"] = listed.runs_in_file;
    file["runs"] = Json::array();
    for (const auto& run : listed.runs) file["runs"].push_back(json_of(run));
    out["files"].push_back(std::move(file));
  }
  return out;
}

std::string run_text(const Run& run, const std::filesystem::path& file) {
  Facts facts;
  facts.raw(fmt::format("run {} of {} in {}\n", run.number, layout::printable(run.app), layout::printable(file.string())));
  facts.add("id", run.id);
  facts.add("title", run.title);
  facts.add("tags", fmt::format("{}", fmt::join(run.tags, ", ")));
  facts.add("command", text::shell_quote(run.command));
  facts.add("cwd", run.cwd);
  facts.add("begin", units::iso8601(run.begin.real_ns));
  facts.add("end", units::iso8601(run.end.real_ns));
  if (run.origin.empty()) facts.add("ended", wording::ending(run.outcome));
  facts.add("interrupted by", run.outcome.interrupted_by);
  if (!run.round_id.empty()) facts.add("round", fmt::format("{} of {}", run.round, run.round_id));
  facts.add("frequency", text::shortest(run.frequency_hz) + " Hz");
  facts.add("perun", run.perun_version);
  add_factors(run.factors, facts);
  facts.add("postprocessed", run.postprocessed);
  facts.add("origin", run.origin);
  for (const auto& [key, value] : run.provenance) facts.add(layout::printable(key), value);
  for (const auto& node : run.nodes) add_node(node, facts);
  return facts.text();
}

}  // namespace perun
