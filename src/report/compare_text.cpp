// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "report/compare_report.hpp"
#include "report/compare_words.hpp"
#include "report/layout.hpp"
#include "report/markdown.hpp"
#include "report/text_page.hpp"

namespace perun {

namespace {

using layout::printable;
using namespace compare_words;

constexpr std::size_t most_regions = 6;

layout::Table table_of(const Changes& changes, const std::string& other, const std::string& interval) {
  using layout::Align;
  layout::Table table({{"", Align::left}, {"A"}, {other}, {"Ratio"}, {interval}, {"Verdict", Align::left}});
  for (const Change& c : changes)
    table.add({std::string(title(c.metric)), value_cell(c.metric, c.base), value_cell(c.metric, c.other),
               c.kind == Kind::unavailable ? "" : ratio_cell(c.ratio), interval_cell(c), verdict_cell(c)});
  return table;
}

std::string more_regions(const Comparison& c) {
  return c.regions.size() > most_regions
             ? fmt::format("and {} regions more; --format json has all", c.regions.size() - most_regions)
             : "";
}

void add_comparison(Page& page, const CompareReport& report, const Comparison& c) {
  const Side &base = report.sides.front(), &other = report.sides[c.other];
  page.raw(fmt::format("perun: {} compared with A ({} intervals)\n", letter(c.other), percent(report.confidence)));
  const Change &energy = c.changes[0], &time = c.changes[1];
  page.field("A", about(base, energy.base, time.base));
  page.field(letter(c.other), about(other, energy.other, time.other));
  page.block(table_of(c.changes, letter(c.other), "Interval").text(2, Page::widest));
  for (std::size_t i = 0; i < std::min(c.regions.size(), most_regions); ++i) {
    page.gap();
    page.field("Region", printable(c.regions[i].name));
    page.raw(table_of(c.regions[i].changes, letter(c.other), "Interval").text(2, Page::widest));
  }
  if (const auto more = more_regions(c); !more.empty()) page.raw("  " + more + "\n");
  bool gap = true;
  const auto field = [&](std::string_view label, const std::string& text) {
    if (gap) page.gap();
    gap = false;
    page.field(label, text);
  };
  if (const auto text = bootstrapped(c.changes); !text.empty()) field("Bootstrap", text);
  for (const auto& gate : report.gates)
    if (gate.other == c.other)
      field("Gate", fmt::format("{}: {}; {}", printable(gate.condition.text),
                                gate_names[static_cast<std::size_t>(gate.judgement.gate)], printable(gate.judgement.reason)));
  for (const auto& note : c.notes) field("Note", printable(note));
}

}  // namespace

std::string compare_text(const CompareReport& report, const Style& style) {
  Page page(style.width);
  for (const Comparison& c : report.comparisons) {
    if (&c != &report.comparisons.front()) page.gap();
    add_comparison(page, report, c);
  }
  return page.finished(style);
}

std::string compare_markdown(const CompareReport& report) {
  std::string out;
  for (const Comparison& c : report.comparisons) {
    const Side &base = report.sides.front(), &other = report.sides[c.other];
    const Change &energy = c.changes[0], &time = c.changes[1];
    if (!out.empty()) out += "\n";
    out += fmt::format("### {} compared with A\n\n", letter(c.other));
    out += fmt::format("- A: {}\n- {}: {}\n\n", markdown::inline_text(about(base, energy.base, time.base)), letter(c.other),
                       markdown::inline_text(about(other, energy.other, time.other)));
    const auto table = [&](const Changes& changes) {
      return markdown::table(table_of(changes, letter(c.other), percent(report.confidence) + " interval"));
    };
    out += table(c.changes);
    for (std::size_t i = 0; i < std::min(c.regions.size(), most_regions); ++i)
      out += "\nRegion " + markdown::inline_text(c.regions[i].name) + "\n\n" + table(c.regions[i].changes);
    if (const auto more = more_regions(c); !more.empty()) out += "\n" + markdown::inline_text(more) + "\n";
    std::string list;
    for (const auto& gate : report.gates)
      if (gate.other == c.other)
        list += fmt::format("- Gate {}: **{}**; {}\n", markdown::inline_text(gate.condition.text),
                            gate_names[static_cast<std::size_t>(gate.judgement.gate)],
                            markdown::inline_text(gate.judgement.reason));
    for (const auto& note : c.notes) list += "- Note: " + markdown::inline_text(note) + "\n";
    if (!list.empty()) out += "\n" + list;
  }
  return out;
}

std::string compare_lines(const CompareReport& report) {
  std::string out;
  for (const Comparison& c : report.comparisons) {
    out += fmt::format("perun: {} / A", letter(c.other));
    for (const Change& one : c.changes)
      out += fmt::format("{} {} {}", &one == &c.changes.front() ? "" : ",", name(one.metric),
                         one.kind == Kind::unavailable
                             ? "n/a"
                             : fmt::format("{} ({}) {}", ratio_cell(one.ratio), interval_cell(one), verdict_cell(one)));
    out += "\n";
  }
  return out;
}

}  // namespace perun
