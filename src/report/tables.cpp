// SPDX-License-Identifier: BSD-3-Clause
#include "report/tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <sstream>
#include <string_view>
#include <utility>
#include <vector>

#include "report/layout.hpp"
#include "report/wording.hpp"

namespace perun::tables {

namespace {

using layout::Align;
using layout::printable;

/// A figure of a device or group that may not be there.
std::string energy_cell(const Amount& e) {
  return e.kind == Kind::unavailable ? "n/a" : wording::joules(e.joules());
}
std::string power_cell(Kind kind, double W) {
  return kind == Kind::unavailable ? "" : wording::watts(W, 3);
}

std::string source_cell(const DeviceSummary& d) {
  return printable(d.source) + std::string(wording::tag(d.kind)) + (d.counted ? "" : ", not in total");
}

/// Devices of one type, on all nodes.
struct Group {
  const DeviceSummary* first;
  std::size_t count = 0;
  Amount energy;
  double least_W = 0, sum_W = 0, most_W = 0;
};

std::vector<Group> groups_of(const RunSummary& run) {
  std::vector<Group> groups;
  for (const auto& node : run.nodes)
    for (const auto& d : node.devices) {
      auto same = std::find_if(groups.begin(), groups.end(), [&](const Group& g) {
        return g.first->domain == d.domain && g.first->source == d.source && g.first->kind == d.kind &&
               g.first->counted == d.counted;
      });
      if (same == groups.end()) same = groups.insert(groups.end(), Group{&d, 0, {}, d.usage.power_mean_W, 0, 0});
      ++same->count;
      same->energy += d.usage.energy;
      same->least_W = std::min(same->least_W, d.usage.power_mean_W);
      same->sum_W += d.usage.power_mean_W;
      same->most_W = std::max(same->most_W, d.usage.power_mean_W);
    }
  std::stable_sort(groups.begin(), groups.end(), [](const Group& a, const Group& b) {
    return a.first->counted != b.first->counted ? a.first->counted : a.energy.joules() > b.energy.joules();
  });
  return groups;
}

Block grouped(const RunSummary& run) {
  layout::Table table({{"Devices", Align::left, 16},
                       {"Energy", Align::point},
                       {"Share"},
                       {"Least"},
                       {"Mean"},
                       {"Most"},
                       {"Source", Align::left}});
  const double total = run.usage.energy.joules();
  for (const Group& g : groups_of(run)) {
    const Kind kind = g.first->kind;
    const bool part = g.first->counted && kind != Kind::unavailable && total > 0;
    table.add({fmt::format("{} x {}", wording::part(g.first->domain), g.count), energy_cell(g.energy),
               part ? wording::percent(g.energy.joules() / total) : "", power_cell(kind, g.least_W),
               power_cell(kind, g.sum_W / static_cast<double>(g.count)), power_cell(kind, g.most_W), source_cell(*g.first)});
  }
  return {std::move(table)};
}

}  // namespace

std::string Block::text(std::size_t width) const {
  if (!table) return "";
  constexpr std::size_t indent = 2;
  std::string out = table->text(indent, width);
  for (const auto& remark : remarks)
    for (const auto& line : layout::wrapped(remark, width - indent)) out += "  " + line + "\n";
  return out;
}

std::vector<Part> domains(const RunSummary& run) {
  std::vector<Part> parts;
  for (const auto& node : run.nodes)
    for (const auto& d : node.devices) {
      if (!d.counted || d.kind == Kind::unavailable) continue;
      auto part = std::find_if(parts.begin(), parts.end(), [&](const Part& p) { return p.name == wording::part(d.domain); });
      if (part == parts.end()) part = parts.insert(parts.end(), Part{std::string(wording::part(d.domain)), {}, 0});
      part->energy += d.usage.energy;
    }
  const double total = run.usage.energy.joules();
  if (parts.size() < 2 || !(total > 0)) return {};
  std::stable_sort(parts.begin(), parts.end(),
                   [](const Part& a, const Part& b) { return a.energy.joules() > b.energy.joules(); });
  for (Part& part : parts) part.share = std::min(part.energy.joules() / total, 1.0);
  return parts;
}

std::string domain_bars(const RunSummary& run, std::size_t width) {
  const auto parts = domains(run);
  if (parts.empty()) return "";
  constexpr std::size_t tags = 20;  // room for the longest tag behind a full bar
  layout::Table table({{"", Align::left, 16}, {"", Align::point}, {""}, {"", Align::left}});
  for (const Part& part : parts)
    table.add({part.name, wording::joules(part.energy.joules()), wording::percent(part.share), ""});
  std::istringstream rows(table.text(2, width));
  std::string out, row;
  std::getline(rows, row);  // the titles, all empty
  std::size_t before = 0;
  std::vector<std::string> lines;
  while (std::getline(rows, row)) before = std::max(before, row.size()), lines.push_back(row);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const double share = parts[i].share;
    const auto bar = static_cast<std::size_t>(std::lround(share * static_cast<double>(width - before - 2 - tags)));
    std::string line =
        fmt::format("{:<{}}  {}{}", lines[i], before, std::string(std::max<std::size_t>(bar, share > 0 ? 1 : 0), '#'),
                    wording::tag(parts[i].energy.kind));
    out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return out;
}

Block nodes(const RunSummary& run) {
  constexpr std::size_t shown = 5;
  if (run.nodes.size() < 2) return {};
  std::vector<const NodeSummary*> sorted;
  for (const auto& node : run.nodes) sorted.push_back(&node);
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto* a, const auto* b) { return a->usage.energy.joules() > b->usage.energy.joules(); });
  const double total = run.usage.energy.joules();
  layout::Table table(
      {{"Node", Align::left, 18}, {"Energy", Align::point}, {"Share"}, {"Mean"}, {"Max"}, {"CPU"}, {"", Align::left}});
  for (std::size_t i = 0; i < std::min(shown, sorted.size()); ++i) {
    const NodeSummary& n = *sorted[i];
    const Kind kind = n.usage.energy.kind;
    table.add({printable(n.host), energy_cell(n.usage.energy),
               kind != Kind::unavailable && total > 0 ? wording::percent(n.usage.energy.joules() / total) : "",
               power_cell(kind, n.usage.power_mean_W), power_cell(kind, n.usage.power_max_W),
               n.activity.cpu_utilization ? wording::percent(*n.activity.cpu_utilization) : "",
               std::string(wording::tag(kind)).substr(kind == Kind::mixed || kind == Kind::estimated ? 1 : 0)});
  }
  Block out{std::move(table)};
  if (sorted.size() > shown) out.remarks.push_back(fmt::format("and {} more", sorted.size() - shown));
  const double mean = total / static_cast<double>(sorted.size());
  if (mean > 0)
    out.remarks.push_back(fmt::format("{} used {:.1f} % more than the mean of all nodes{}", printable(sorted.front()->host),
                                      std::max(0.0, sorted.front()->usage.energy.joules() / mean - 1) * 100,
                                      wording::tag(run.usage.energy.kind)));
  return out;
}

Block devices(const RunSummary& run) {
  std::size_t count = 0;
  for (const auto& node : run.nodes) count += node.devices.size();
  if (count == 0) return {};
  if (run.nodes.size() > 1 || count > 8) return grouped(run);
  layout::Table table({{"Device", Align::left, 20},
                       {"Energy", Align::point},
                       {"Share"},
                       {"Mean", Align::point},
                       {"Max", Align::point},
                       {"Source", Align::left}});
  for (const auto& d : run.nodes.front().devices)
    table.add({printable(d.label), energy_cell(d.usage.energy),
               d.counted && d.kind != Kind::unavailable ? wording::percent(d.share) : "",
               power_cell(d.kind, d.usage.power_mean_W), power_cell(d.kind, d.usage.power_max_W), source_cell(d)});
  return {std::move(table)};
}

}  // namespace perun::tables
