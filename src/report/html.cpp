// SPDX-License-Identifier: BSD-3-Clause
// One page that needs nothing but a browser: the template that web/build.mjs made, with what is to be shown as data in it.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.hpp"
#include "base/units.hpp"
#include "report/document.hpp"
#include "report/facts.hpp"
#include "report/job_text.hpp"
#include "report/page/cards.hpp"
#include "report/page/columns.hpp"
#include "report/page/tables.hpp"
#include "report/page/template.hpp"
#include "report/page/timeline.hpp"
#include "report/page/words.hpp"
#include "report/wording.hpp"
#include "report/writer.hpp"

// The template as it stands; g++ 12 has no #embed.
asm(R"(
  .pushsection .rodata
  .global perun_page_begin
  .global perun_page_end
perun_page_begin:
  .incbin ")" PERUN_PAGE_TEMPLATE R"("
perun_page_end:
  .popsection
)");
extern "C" const char perun_page_begin[], perun_page_end[];

namespace perun {

extern const ReportWriter txt_writer;

namespace {

using page::clean;
using page::embedded;
using page::escaped;

Json line(std::string_view name, std::string_view text) {
  return Json::array({name, text});
}

/// What the text report says beside the figures that have a card.
Json quality(const RunSummary& run) {
  constexpr std::string_view elsewhere[] = {"Runtime", "Energy", "",        "of",   "Power",    "with PUE",
                                            "CO2e",    "Cost",   "Assumed", "Note", "Embodied", "SCI"};
  Json out = Json::array();
  for (const auto& facts : {facts::figures(run), facts::remarks(run)})
    for (const auto& [label, text] : facts)
      if (std::ranges::find(elsewhere, label) == std::end(elsewhere)) out.push_back(line(label, clean(text)));
  return out;
}

Json notes(const RunSummary& run) {
  Json out = Json::array();
  for (const Note& note : run.notes) out.push_back(line(name(note.caveat), clean(note.text)));
  for (const auto& node : run.nodes)
    for (const auto& b : node.blocked)
      if (!b.hint.empty()) out.push_back(line("hint", clean(fmt::format("{}: {}", b.backend, b.hint))));
  return out;
}

/// What the run ran on: one table for the run, one for each node.
Json environment(const RunSummary& run) {
  Json rows = Json::array();
  const auto say = [&](std::string_view name, std::string_view text) {
    if (!text.empty()) rows.push_back(line(clean(name), clean(text)));
  };
  say("command", text::shell_quote(run.command));
  say("working directory", run.cwd);
  say("begin", units::iso8601(run.begin_real_ns));
  say("end", units::iso8601(run.end_real_ns));
  say("run id", run.id);
  say("perun", run.perun_version);
  say("measured by", run.origin);
  say("factors replaced", run.postprocessed);
  for (const auto& [key, value] : run.provenance) say(key, value);
  Json out = Json::array();
  const auto put = [&](std::string_view title) {
    Json table;
    table["title"] = title;
    table["rows"] = std::exchange(rows, Json::array());
    out.push_back(std::move(table));
  };
  put("Run");
  for (const auto& node : run.nodes) {
    for (const auto& [key, value] : node.attributes) say(key, value);
    put("Node " + clean(node.host));
  }
  return out;
}

/// What a factor was from when on: [seconds of the run's wall clock, value or null].
Json steps(const RunSummary& run, const std::vector<FactorStep>& of) {
  Json out = Json::array();
  for (const FactorStep& step : of)
    out.push_back(Json::array(
        {static_cast<double>(step.real_ns - run.begin_real_ns) * 1e-9, step.value ? json_number(*step.value) : Json(nullptr)}));
  return out;
}

Json factors(const RunSummary& run) {
  const Factors& f = run.factors;
  Json out;
  out["pue"] = f.pue;
  out["kg_per_kWh"] = f.emissions_kg_per_kWh;
  out["kg_per_kWh_over_time"] = steps(run, f.emissions_over_time);
  out["ct_per_kWh"] = f.price_cent_per_kWh;
  out["ct_per_kWh_over_time"] = steps(run, f.price_over_time);
  out["overhead_W"] = f.overhead_power_W;
  return out;
}

Json devices(const RunSummary& run) {
  Json out = Json::object();
  for (std::size_t n = 0; n < run.nodes.size(); ++n)
    for (const DeviceSummary& d : run.nodes[n].devices) {
      Json one;
      one["label"] = clean(d.label);
      one["part"] = wording::part(d.domain);
      one["counted"] = d.counted && d.kind != Kind::unavailable;
      one["kind"] = name(d.kind);
      out[fmt::format("{}/{}", n, clean(d.id))] = std::move(one);
    }
  return out;
}

Json run_of(const Summary& summary, const RunSummary& run, const Timeline& timeline, page::Columns& columns) {
  Json out;
  out["number"] = run.number;
  out["app"] = clean(run.app.empty() ? summary.app : run.app);
  out["heading"] = run.number < 0 ? "" : fmt::format("run {}", run.number);
  out["command"] = clean(text::shell_quote(run.command));
  out["where"] = clean(facts::where_and_when(run));
  out["called"] = clean(facts::called(run));
  out["ending"] = run.origin.empty() ? job_text::ending(run) : "";
  out["well"] = run.outcome.finished && run.outcome.exit_code == 0;
  out["cards"] = page::cards(run);
  out["parts"] = page::parts(run);
  out["devices"] = devices(run);
  out["hosts"] = Json::array();
  for (const auto& node : run.nodes) out["hosts"].push_back(clean(node.host));
  out["devices_table"] = page::devices_table(run);
  out["nodes_table"] = page::nodes_table(run);
  out["regions_table"] = page::regions_table(run);
  out["threads_table"] = page::threads_table(run);
  out["ranks_table"] = page::ranks_table(run);
  out["quality"] = quality(run);
  out["notes"] = notes(run);
  out["formulas"] = page::formulas(run);
  out["environment"] = environment(run);
  out["factors"] = factors(run);
  out["begin"] = units::iso8601(run.begin_real_ns);
  out["timeline"] = page::timeline(timeline, columns);
  return out;
}

std::string write(const Summary& summary, const Style&) {
  page::Columns columns;
  Json data;
  data["runs"] = Json::array();
  for (std::size_t i = 0; i < summary.runs.size(); ++i)
    data["runs"].push_back(
        run_of(summary, summary.runs[i], i < summary.timelines.size() ? summary.timelines[i] : Timeline{}, columns));
  data["file"] = clean(summary.file);
  if (!summary.file.empty())
    data["place"] =
        clean(fmt::format("in {} ({} {})", summary.file, summary.runs_in_file, summary.runs_in_file == 1 ? "run" : "runs"));
  data["history"] = page::history_table(summary);
  const auto total = facts::total(summary);
  data["total"] = total.empty() ? "" : clean(total.front().text);
  const std::string title = summary.runs.empty() ? summary.app : summary.runs.back().app;
  const std::pair<std::string_view, std::string> places[] = {
      {"@TITLE@", escaped(clean(title.empty() ? summary.app : title))},
      {"@TEXT@", escaped(txt_writer.write(summary, Style{}))},
      {"@META@", embedded(data)},
      {"@DATA@", columns.base64()},
  };
  return page::filled({perun_page_begin, static_cast<std::size_t>(perun_page_end - perun_page_begin)}, places);
}

}  // namespace

extern const ReportWriter html_writer{"html", "one page with charts, for any browser", &write, true};

}  // namespace perun
