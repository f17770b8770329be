// SPDX-License-Identifier: BSD-3-Clause
#include <array>
#include <cmath>
#include <map>

#include "base/json.hpp"
#include "base/text.hpp"
#include "exchange/table.hpp"

namespace perun {

namespace {

constexpr std::array columns{"run",
                             "node",
                             "rank",
                             "region",
                             "calls",
                             "time_s",
                             "exclusive_s",
                             "wall_s",
                             "kind",
                             "energy_J",
                             "uncertainty_J",
                             "lower_J",
                             "upper_J",
                             "exclusive_J",
                             "exclusive_uncertainty_J",
                             "power_mean_W",
                             "share",
                             "pooled_J",
                             "pooled_uncertainty_J"};

using Take = std::function<void(const Json&)>;

Json number(double value, bool known = true) {
  return known && std::isfinite(value) ? Json(value) : Json(nullptr);
}

/// What a rank did with a region, or all threads of the node together.
void times(Json& row, const RegionThread& t, bool energy) {
  row["calls"] = t.calls;
  row["time_s"] = number(t.time_s);
  row["exclusive_s"] = number(t.exclusive_s);
  row["energy_J"] = number(t.energy_J, energy);
  row["exclusive_J"] = number(t.exclusive_J, energy);
}

void each_rank(const Json& region, const RegionSummary& r, const Take& take) {
  std::map<int, RegionThread> ranks;
  for (const RegionThread& t : r.threads) {
    RegionThread& sum = ranks[t.rank];
    sum.calls += t.calls;
    sum.time_s += t.time_s;
    sum.exclusive_s += t.exclusive_s;
    sum.energy_J += t.energy_J;
    sum.exclusive_J += t.exclusive_J;
  }
  for (const auto& [rank, sum] : ranks) {
    Json row = region;
    row["rank"] = rank;
    times(row, sum, r.resolved);
    take(row);
  }
}

void each_region(int number_of_run, const NodeSummary& node, bool by_rank, const Take& take) {
  const Json place{{"run", number_of_run}, {"node", text::to_utf8(node.host)}};
  const RegionReport& report = node.regions;
  for (const RegionSummary& r : report.regions) {
    Json region = place;
    region["region"] = text::to_utf8(r.name);
    region["kind"] = name(r.energy.kind);
    Json row = region;
    const bool known = r.energy.kind != Kind::unavailable;
    times(row,
          {.calls = r.calls,
           .time_s = r.time_s,
           .exclusive_s = r.exclusive_s,
           .energy_J = r.energy.joules(),
           .exclusive_J = r.exclusive.joules()},
          known && r.resolved);
    row["exclusive_J"] = number(r.exclusive.joules(), known);
    row["wall_s"] = number(r.wall_s);
    row["uncertainty_J"] = number(r.energy.uncertainty_J, r.resolved);
    row["lower_J"] = number(r.energy.lower_J, known && r.resolved);
    row["upper_J"] = number(r.energy.upper_J, known && r.resolved);
    row["exclusive_uncertainty_J"] = number(r.exclusive.uncertainty_J, known);
    row["power_mean_W"] = number(r.power_mean_W, r.resolved);
    row["share"] = number(r.share, r.resolved);
    if (r.pooled) row["pooled_J"] = number(r.pooled->joules());
    if (r.pooled) row["pooled_uncertainty_J"] = number(r.pooled->uncertainty_J);
    take(row);
    if (by_rank) each_rank(region, r, take);
  }
  if (report.regions.empty() || report.unmarked.kind == Kind::unavailable) return;
  Json rest = place;
  rest["kind"] = name(report.unmarked.kind);
  rest["wall_s"] = number(report.unmarked_s);
  rest["exclusive_J"] = number(report.unmarked.joules());
  rest["exclusive_uncertainty_J"] = number(report.unmarked.uncertainty_J);
  take(rest);
}

Status each_row(const Source& source, std::span<const int> numbers, const SummarizeRun& summarize, Sink& out,
                const Take& take) {
  for (const int number : numbers) {
    if (out.failed()) break;
    const auto run = source.load(number);
    if (!run) return run.error();
    const RunSummary summary = summarize(*run);
    for (const auto& node : summary.nodes) each_region(number, node, summary.job.has_value(), take);
  }
  return Ok{};
}

}  // namespace

Status write_csv_regions(const Source& source, std::span<const int> numbers, const SummarizeRun& summarize, Sink& out) {
  for (const char* column : columns) out.text(column == columns.front() ? "" : ",").text(column);
  out.text("\n");
  return each_row(source, numbers, summarize, out, [&](const Json& row) {
    for (const char* column : columns) {
      if (column != columns.front()) out.text(",");
      const auto value = row.find(column);
      if (value == row.end() || value->is_null()) continue;
      if (value->is_string())
        out.text(csv_cell(value->get<std::string>()));
      else if (value->is_number_float())
        out.number(value->get<double>());
      else
        out.text(value->dump());
    }
    out.text("\n");
  });
}

Status write_jsonl_regions(const Source& source, std::span<const int> numbers, const SummarizeRun& summarize, Sink& out) {
  return each_row(source, numbers, summarize, out, [&](const Json& row) {
    Json line{{"type", row.contains("region") ? "region" : "unmarked"}};
    for (const char* column : columns)
      if (row.contains(column)) line[column] = row[column];
    out.text(line.dump()).text("\n");
  });
}

}  // namespace perun
