// SPDX-License-Identifier: BSD-3-Clause
#include "report/trace/figure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <vector>

#include "report/layout.hpp"
#include "report/trace/lines.hpp"
#include "report/wording.hpp"

namespace perun::trace {

namespace {

constexpr std::size_t most_stretches = 1000;  // about a point for each pixel
constexpr std::size_t most_bands = 200, most_lines = 12;

/// A text of gnuplot that nothing is done to: within '' only ' has a meaning.
std::string literal(std::string_view text) {
  std::string out = "'";
  for (const char c : layout::printable(text)) out += c == '\'' ? std::string("''") : std::string(1, c);
  return out + "'";
}

double seconds(std::int64_t us) noexcept {
  return static_cast<double>(us) * 1e-6;
}

void bands(std::string& out, const Timeline& timeline) {
  std::size_t drawn = 0;
  std::vector<std::uint32_t> named;
  for (const RegionCall& call : timeline.calls) {
    if (call.lane != 0 || call.depth != 0 || call.name >= timeline.names.size()) continue;
    if (drawn++ == most_bands) return;
    const auto known = std::ranges::find(named, call.name);
    const bool first = known == named.end();
    const auto place = known - named.begin();
    if (first) named.push_back(call.name);
    fmt::format_to(
        std::back_inserter(out),
        "set object rectangle from {:.6f}, graph 0 to {:.6f}, graph 1 behind fillcolor rgb '{}' fillstyle solid noborder\n",
        seconds(call.from_us), seconds(call.to_us), place % 2 == 0 ? "#f0f0f0" : "#dfebf5");
    if (!first) continue;
    fmt::format_to(std::back_inserter(out), "set label {} at {:.6f}, graph 0.97 left noenhanced font ',9'\n",
                   literal(layout::clipped(timeline.names[call.name], 24)), seconds(call.from_us));
  }
}

}  // namespace

std::string figure(const RunSummary& run, const Timeline& timeline, std::string_view terminal) {
  auto lines = power_lines(run, timeline, most_stretches);
  std::erase_if(lines, [](const PowerLine& line) { return line.name.find("(not in the total)") != std::string::npos; });
  const std::size_t left_out = lines.size() - std::min(lines.size(), most_lines);
  if (left_out > 0) {  // totals tell more than single meters
    std::ranges::stable_sort(lines, [](const PowerLine& a, const PowerLine& b) { return a.total && !b.total; });
    lines.resize(most_lines);
  }
  std::string out = fmt::format("set terminal {}\nset encoding utf8\n", terminal);
  out +=
      "set xlabel 'time (s)'\nset ylabel 'power (W)'\nset yrange [0:*]\nset grid ytics linecolor rgb '#cccccc'\nset border 3\n"
      "set tics nomirror out\nset key outside below horizontal noenhanced\n";
  out += fmt::format("set xrange [0:{:.6f}]\n", std::max(seconds(timeline.length_us), 1e-3));
  const auto more = left_out > 0 ? fmt::format("; {} more meters not drawn", left_out) : "";
  out += fmt::format("set title {} noenhanced\n",
                     literal(fmt::format("{}: {}{}, {}{}", run.app, wording::joules(run.usage.energy.joules()),
                                         wording::tag(run.usage.energy.kind), wording::watts(run.usage.power_mean_W), more)));
  bands(out, timeline);
  // Colours of Okabe and Ito.
  constexpr std::string_view colours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999999"};
  std::string plot;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const PowerLine& line = lines[i];
    const auto name = run.nodes.size() > 1 ? run.nodes[line.node].host + " " + line.name : line.name;
    out += fmt::format("$line{} << END_OF_DATA\n", i);
    for (std::size_t k = 0; k < line.steps.stretches(); ++k)
      fmt::format_to(std::back_inserter(out), "{:.6f} {:.6g}\n", seconds(line.steps.t_us[k]), line.steps.watts(k));
    fmt::format_to(std::back_inserter(out), "{:.6f} {:.6g}\nEND_OF_DATA\n", seconds(line.steps.t_us.back()),
                   line.steps.watts(line.steps.stretches() - 1));
    plot +=
        fmt::format("{}$line{} using 1:2 with steps linewidth {} linecolor rgb '{}' title {}", plot.empty() ? "plot " : ", ", i,
                    line.total ? 2 : 1, line.total ? "#000000" : colours[i % std::size(colours)], literal(name));
  }
  return out + plot + "\n";
}

}  // namespace perun::trace
