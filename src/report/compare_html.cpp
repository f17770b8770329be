// SPDX-License-Identifier: BSD-3-Clause
// A comparison as one page: cells as in the text, and the numbers that its drawings need.
#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/units.hpp"
#include "report/compare_report.hpp"
#include "report/compare_words.hpp"
#include "report/document.hpp"
#include "report/page/template.hpp"
#include "report/page/words.hpp"

#ifdef PERUN_PAGE_TEMPLATE
// The template as it stands; g++ 12 has no #embed.
asm(R"(
  .pushsection .rodata
  .global perun_compare_page_begin
  .global perun_compare_page_end
perun_compare_page_begin:
  .incbin ")" PERUN_PAGE_TEMPLATE R"("
perun_compare_page_end:
  .popsection
)");
extern "C" const char perun_compare_page_begin[], perun_compare_page_end[];
#endif

namespace perun {

namespace {

using namespace compare_words;
using page::clean;

Json row_of(const Change& c) {
  const bool known = c.kind != Kind::unavailable;
  Json out;
  out["title"] = title(c.metric);
  out["base"] = value_cell(c.metric, c.base);
  out["other"] = value_cell(c.metric, c.other);
  out["verdict"] = verdict_cell(c);
  out["tone"] = verdict_names[static_cast<std::size_t>(c.verdict)];
  if (!known) return out;
  out["ratio"] = ratio_cell(c.ratio);
  out["interval"] = interval_cell(c);
  out["at"] = json_number(c.ratio);
  out["from"] = json_number(c.interval.lower);
  out["to"] = json_number(c.interval.upper);
  return out;
}

Json rows_of(const Changes& changes) {
  Json out = Json::array();
  for (const Change& c : changes) out.push_back(row_of(c));
  return out;
}

Json lines_of(const CompareReport& report, const Comparison& c) {
  Json out = Json::array();
  if (const auto text = bootstrapped(c.changes); !text.empty()) out.push_back({"Bootstrap", text});
  for (const auto& gate : report.gates)
    if (gate.other == c.other)
      out.push_back(
          {"Gate", clean(fmt::format("{}: {}; {}", gate.condition.text,
                                     gate_names[static_cast<std::size_t>(gate.judgement.gate)], gate.judgement.reason))});
  for (const auto& note : c.notes) out.push_back({"Note", clean(note)});
  return out;
}

/// The energies of each run, for those who want to see them.
Json runs_of(const Side& side) {
  Json out = Json::array();
  for (const auto& run : side.runs) {
    const auto& energy = run.usage.energy;
    if (energy.kind == Kind::unavailable) continue;
    Json one;
    one["joules"] = json_number(energy.joules());
    one["error"] = json_number(energy.uncertainty_J);
    one["name"] = clean(run.number < 0 ? run.id : fmt::format("run {}", run.number));
    out.push_back(std::move(one));
  }
  return out;
}

/// The least and the greatest energy of all runs; 0 where none is known.
std::pair<double, double> reach_of(const Side& base, const Side& other) {
  std::vector<double> all;
  for (const Side* side : {&base, &other})
    for (const auto& run : side->runs)
      if (run.usage.energy.kind != Kind::unavailable) all.push_back(run.usage.energy.joules());
  if (all.empty()) return {0, 0};
  const auto [least, most] = std::minmax_element(all.begin(), all.end());
  return {*least, *most};
}

[[maybe_unused]] Json comparison_of(const CompareReport& report, const Comparison& c) {
  const Side &base = report.sides.front(), &other = report.sides[c.other];
  const Change &energy = c.changes[0], &time = c.changes[1];
  Json out;
  out["letter"] = letter(c.other);
  out["about"] = {about(base, energy.base, time.base), about(other, energy.other, time.other)};
  out["runs"] = {runs_of(base), runs_of(other)};
  const auto [lowest_J, highest_J] = reach_of(base, other);
  out["lowest"] = units::si(lowest_J, "J");
  out["highest"] = units::si(highest_J, "J");
  out["whole"] = rows_of(c.changes);
  out["regions"] = Json::array();
  for (const auto& region : c.regions)
    out["regions"].push_back({{"name", clean(region.name)}, {"rows", rows_of(region.changes)}});
  out["lines"] = lines_of(report, c);
  return out;
}

}  // namespace

Result<std::string> compare_html(const CompareReport& report) {
#ifdef PERUN_PAGE_TEMPLATE
  std::string title = "Comparison";
  for (const auto& side : report.sides)
    title += fmt::format("{}{}", &side == &report.sides.front() ? " of " : ", ", clean(side.name));
  Json data;
  data["confidence"] = percent(report.confidence);
  data["title"] = title;
  data["comparisons"] = Json::array();
  for (const Comparison& c : report.comparisons) data["comparisons"].push_back(comparison_of(report, c));
  const std::pair<std::string_view, std::string> places[] = {
      {"@TITLE@", page::escaped(title)},
      {"@TEXT@", page::escaped(compare_text(report, Style{}))},
      {"@META@", page::embedded(data)},
  };
  return page::filled({perun_compare_page_begin, static_cast<std::size_t>(perun_compare_page_end - perun_compare_page_begin)},
                      places);
#else
  static_cast<void>(report);
  return Error{Errc::unsupported, "this perun was built without its pages",
               "build it where npm can be had, or take --format md"};
#endif
}

}  // namespace perun
