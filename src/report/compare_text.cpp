// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <string_view>

#include "base/text.hpp"
#include "base/units.hpp"
#include "report/compare_report.hpp"
#include "report/layout.hpp"
#include "report/markdown.hpp"
#include "report/text_page.hpp"
#include "report/wording.hpp"

namespace perun {

namespace {

using layout::printable;

constexpr std::array<std::string_view, 4> titles{"Energy", "Time", "Power", "EDP"};
constexpr std::size_t most_regions = 6;

/// "A", "B", ... "Z", "A1", ...
std::string letter(std::size_t side) {
  constexpr std::size_t letters = 26;
  std::string out(1, static_cast<char>('A' + side % letters));
  return side < letters ? out : out + std::to_string(side / letters);
}

/// "95 %"
std::string percent_of(const CompareReport& report) {
  return text::shortest(std::round(report.confidence * 1e6) / 1e4) + " %";
}

std::string value_cell(Metric metric, const Figure& f) {
  if (f.kind == Kind::unavailable) return "n/a";
  if (metric == Metric::time && f.mean >= 999.95) return units::significant(f.mean) + " s";
  if (metric == Metric::power) return wording::watts(f.mean);
  return units::si(f.mean, metric_units[static_cast<std::size_t>(metric)]);
}

/// Four places behind the point up to 10, four digits beyond.
std::string ratio_cell(double ratio) {
  return ratio < 9.99995 && ratio >= 0.01 ? fmt::format("{:.4f}", ratio) : units::significant(ratio);
}

std::string interval_cell(const Change& c) {
  return c.kind == Kind::unavailable ? "" : ratio_cell(c.interval.lower) + ".." + ratio_cell(c.interval.upper);
}

std::string verdict_cell(const Change& c) {
  const auto by = [&] { return units::significant(std::abs(c.ratio - 1) * 100, 3); };
  switch (c.verdict) {
    case Verdict::not_known:
      return "n/a";
    case Verdict::no_difference:
      return "no detectable difference" + std::string(wording::tag(c.kind));
    case Verdict::lower:
      return fmt::format("{} % lower{}", by(), wording::tag(c.kind));
    case Verdict::higher:
      return fmt::format("{} % higher{}", by(), wording::tag(c.kind));
  }
  return "";
}

/// "0 to 9", "3", "0, 2, 5", "12 runs".
std::string numbers(const Side& side) {
  constexpr std::size_t most = 5;
  std::vector<int> all;
  for (const auto& run : side.runs) all.push_back(run.number);
  if (all.front() < 0) return "";
  const bool row = all.back() - all.front() == static_cast<int>(all.size()) - 1 && std::ranges::is_sorted(all);
  if (row && all.size() > 1) return fmt::format(" runs {} to {}", all.front(), all.back());
  if (all.size() > most) return fmt::format(" {} runs", all.size());
  return fmt::format(" {} {}", all.size() == 1 ? "run" : "runs", fmt::join(all, ", "));
}

/// "results/train.hdf5 runs 0 to 9: train on gpu07; from run to run energy +- 0.75 %, time +- 0.42 %"
std::string about(const Side& side, const Figure& energy, const Figure& time) {
  std::set<std::string> hosts;
  for (const auto& run : side.runs)
    for (const auto& node : run.nodes) hosts.insert(printable(node.host));
  std::string out =
      printable(side.file.empty() ? side.name : side.file) + numbers(side) + ": " + printable(side.runs.front().app);
  if (hosts.size() == 1) out += " on " + *hosts.begin();
  if (hosts.size() > 1) out += fmt::format(" on {} nodes", hosts.size());
  if (side.runs.size() < 2) return out;
  out += "; from run to run";
  if (energy.kind != Kind::unavailable) out += fmt::format(" energy +- {} %,", units::significant(energy.spread * 100, 2));
  return out + fmt::format(" time +- {} %", units::significant(time.spread * 100, 2));
}

layout::Table table_of(const Changes& changes, const std::string& other, const std::string& interval) {
  using layout::Align;
  layout::Table table({{"", Align::left}, {"A"}, {other}, {"Ratio"}, {interval}, {"Verdict", Align::left}});
  for (const Change& c : changes)
    table.add({std::string(titles[static_cast<std::size_t>(c.metric)]), value_cell(c.metric, c.base),
               value_cell(c.metric, c.other), c.kind == Kind::unavailable ? "" : ratio_cell(c.ratio), interval_cell(c),
               verdict_cell(c)});
  return table;
}

/// "energy 0.9705..0.9869, time ...": the intervals by another way. Empty with too few runs.
std::string bootstrapped(const Changes& changes) {
  std::string out;
  for (const Change& c : changes)
    if (c.bootstrapped)
      out += fmt::format("{}{} {}..{}", out.empty() ? "" : ", ", name(c.metric), ratio_cell(c.bootstrapped->lower),
                         ratio_cell(c.bootstrapped->upper));
  return out;
}

std::string more_regions(const Comparison& c) {
  return c.regions.size() > most_regions
             ? fmt::format("and {} regions more; --format json has all", c.regions.size() - most_regions)
             : "";
}

void add_comparison(Page& page, const CompareReport& report, const Comparison& c) {
  const Side &base = report.sides.front(), &other = report.sides[c.other];
  page.raw(fmt::format("perun: {} compared with A ({} intervals)\n", letter(c.other), percent_of(report)));
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
      return markdown::table(table_of(changes, letter(c.other), percent_of(report) + " interval"));
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
