// SPDX-License-Identifier: BSD-3-Clause
#include "report/page/tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/units.hpp"
#include "report/document.hpp"
#include "report/page/words.hpp"
#include "report/wording.hpp"

namespace perun::page {

namespace {

constexpr std::size_t most_rows = 2000;

struct Column {
  std::string_view title;
  bool number;
};

/// A table as it grows; rows beyond most_rows are only counted.
class Table {
 public:
  explicit Table(std::initializer_list<Column> columns) {
    for (const auto& [title, number] : columns) add_column({title, number});
  }
  void add_column(Column column) {
    Json one;
    one["title"] = column.title;
    one["number"] = column.number;
    columns_.push_back(std::move(one));
  }
  void add(std::string_view key, Kind kind, Json cells) {
    if (rows_.size() >= most_rows) {
      ++left_out_;
      return;
    }
    Json row;
    row["key"] = key;
    row["kind"] = name(kind);
    row["tag"] = wording::tag(kind);
    row["cells"] = std::move(cells);
    rows_.push_back(std::move(row));
  }
  [[nodiscard]] Json json() && {
    if (rows_.empty()) return nullptr;
    Json out;
    out["columns"] = std::move(columns_);
    out["rows"] = std::move(rows_);
    out["left_out"] = left_out_;
    return out;
  }

 private:
  Json columns_ = Json::array(), rows_ = Json::array();
  std::size_t left_out_ = 0;
};

Json share_cell(bool known, double share) {
  return known ? cell(wording::percent(share), share) : cell("");
}

Json error_cell(const Amount& e) {
  const std::string text = error(e);
  return text.empty() ? cell("") : cell(text, e.uncertainty_J);
}

std::string when(std::int64_t real_ns) {
  std::string time = units::iso8601(real_ns).substr(0, 19);
  std::replace(time.begin(), time.end(), 'T', ' ');
  return time + " UTC";
}

}  // namespace

Json devices_table(const RunSummary& run) {
  const bool several = run.nodes.size() > 1;
  Table table({{"Device", false}});
  if (several) table.add_column({"Node", false});
  for (const auto& [title, number] : std::initializer_list<Column>{{"Energy", true},
                                                                   {"±", true},
                                                                   {"Share", true},
                                                                   {"Mean", true},
                                                                   {"Max", true},
                                                                   {"Source", false},
                                                                   {"In total", false},
                                                                   {"Wraps", true},
                                                                   {"Failed", true}})
    table.add_column({title, number});
  for (std::size_t n = 0; n < run.nodes.size(); ++n)
    for (const DeviceSummary& d : run.nodes[n].devices) {
      const bool known = d.kind != Kind::unavailable;
      Json cells = Json::array({cell(clean(d.label))});
      if (several) cells.push_back(cell(clean(run.nodes[n].host)));
      cells.push_back(energy_cell(d.usage.energy));
      cells.push_back(error_cell(d.usage.energy));
      cells.push_back(share_cell(d.counted && known, d.share));
      cells.push_back(power_cell(d.kind, d.usage.power_mean_W));
      cells.push_back(power_cell(d.kind, d.usage.power_max_W));
      cells.push_back(cell(clean(d.source)));
      cells.push_back(cell(d.counted ? "yes" : d.part_of.empty() ? "no" : "no, part of " + clean(d.part_of)));
      cells.push_back(cell(fmt::format("{}", d.wraps), static_cast<double>(d.wraps)));
      cells.push_back(cell(fmt::format("{}", d.read_errors + d.invalid), static_cast<double>(d.read_errors + d.invalid)));
      table.add(fmt::format("{}/{}", n, clean(d.id)), d.kind, std::move(cells));
    }
  return std::move(table).json();
}

Json nodes_table(const RunSummary& run) {
  if (run.nodes.size() < 2) return nullptr;
  Table table({{"Node", false}, {"Energy", true}, {"±", true}, {"Share", true}, {"Mean", true}, {"Max", true}, {"CPU", true}});
  const double total = run.usage.energy.joules();
  for (std::size_t n = 0; n < run.nodes.size(); ++n) {
    const NodeSummary& node = run.nodes[n];
    const Amount& e = node.usage.energy;
    table.add(fmt::format("{}", n), e.kind,
              Json::array({cell(clean(node.host)), energy_cell(e), error_cell(e),
                           share_cell(e.kind != Kind::unavailable && total > 0, total > 0 ? e.joules() / total : 0),
                           power_cell(e.kind, node.usage.power_mean_W), power_cell(e.kind, node.usage.power_max_W),
                           share_cell(node.activity.cpu_utilization.has_value(), node.activity.cpu_utilization.value_or(0))}));
  }
  return std::move(table).json();
}

Json regions_table(const RunSummary& run) {
  Table table({{"Region", false},
               {"Calls", true},
               {"Time", true},
               {"Energy", true},
               {"±", true},
               {"Share", true},
               {"Mean", true},
               {"Per call", true}});
  for (const RegionSummary& r : run.regions.regions) {
    const Amount& e = r.energy;
    const auto known = [&](Json value) { return r.resolved ? std::move(value) : cell(""); };
    Json energy = energy_cell(e), error = known(error_cell(e));
    if (!r.resolved) {
      energy = cell("n/a (too short for the sensors)");
      if (r.pooled) {  // what all calls together tell
        energy = cell(wording::joules(r.pooled->joules()) + ", all calls together", r.pooled->joules());
        error = error_cell(*r.pooled);
      }
    }
    table.add(clean(r.name), e.kind,
              Json::array({cell(clean(r.name)), cell(fmt::format("{}", r.calls), static_cast<double>(r.calls)),
                           cell(units::si(r.wall_s, "s", 3), r.wall_s), std::move(energy), std::move(error),
                           known(share_cell(true, r.share)), known(power_cell(e.kind, r.power_mean_W)),
                           known(r.calls > 0 ? cell(wording::joules(e.joules() / static_cast<double>(r.calls)),
                                                    e.joules() / static_cast<double>(r.calls))
                                             : cell(""))}));
  }
  const Amount& rest = run.regions.unmarked;
  const double total = run.usage.energy.joules();
  if (!run.regions.regions.empty() && rest.kind != Kind::unavailable)
    table.add("", rest.kind,
              Json::array({cell("(no region)"), cell(""),
                           cell(units::si(run.regions.unmarked_s, "s", 3), run.regions.unmarked_s), energy_cell(rest), cell(""),
                           share_cell(total > 0, total > 0 ? rest.joules() / total : 0), cell(""), cell("")}));
  return std::move(table).json();
}

Json threads_table(const RunSummary& run) {
  Table table({{"Rank", true},
               {"Process", true},
               {"Thread", true},
               {"Region", false},
               {"Calls", true},
               {"Time", true},
               {"Energy", true}});
  for (const RegionSummary& r : run.regions.regions)
    for (const RegionThread& t : r.threads)
      table.add(
          clean(r.name), r.energy.kind,
          Json::array({cell(fmt::format("{}", t.rank), t.rank), cell(fmt::format("{}", t.pid), t.pid),
                       cell(fmt::format("{}", t.tid), t.tid), cell(clean(r.name)),
                       cell(fmt::format("{}", t.calls), static_cast<double>(t.calls)),
                       cell(units::si(t.time_s, "s", 3), t.time_s),
                       r.energy.kind == Kind::unavailable ? cell("n/a") : cell(wording::joules(t.energy_J), t.energy_J)}));
  return std::move(table).json();
}

Json ranks_table(const RunSummary& run) {
  if (!run.job) return nullptr;
  Table table({{"Rank", true},
               {"Node", false},
               {"End", false},
               {"Exit status", true},
               {"Energy", true},
               {"CPU time", true},
               {"Memory", true}});
  for (std::size_t number = 0; number < run.job->ranks.size(); ++number) {
    const RankRecord& r = run.job->ranks[number];
    const bool energy = number < run.rank_energies_J.size() && std::isfinite(run.rank_energies_J[number]);
    const auto i = static_cast<std::size_t>(r.node);
    const bool ended = r.status == RankStatus::ok || r.status == RankStatus::failed;
    const double cpu_s = r.user_s + r.system_s;
    const auto bytes = static_cast<double>(r.max_rss_bytes);
    table.add(
        fmt::format("{}", r.rank), Kind::measured,
        Json::array(
            {cell(fmt::format("{}", r.rank), r.rank), cell(r.node >= 0 && i < run.nodes.size() ? clean(run.nodes[i].host) : ""),
             cell(name(r.status)), ended ? cell(fmt::format("{}", r.exit_code), r.exit_code) : cell(""),
             energy ? cell(wording::joules(run.rank_energies_J[number]), run.rank_energies_J[number]) : cell("n/a"),
             ended ? cell(units::duration(cpu_s), cpu_s) : cell(""), ended ? cell(wording::bytes(bytes), bytes) : cell("")}));
  }
  return std::move(table).json();
}

Json history_table(const Summary& summary) {
  Table table(
      {{"Run", true}, {"Begin", false}, {"Runtime", true}, {"Energy", true}, {"±", true}, {"Mean", true}, {"Title", false}});
  // The newest are kept where there are too many.
  const std::size_t first = summary.history.size() - std::min(summary.history.size(), most_rows);
  for (std::size_t i = first; i < summary.history.size(); ++i) {
    const PastRun& run = summary.history[i];
    const Usage& usage = run.usage;
    table.add(
        fmt::format("{}", run.number), usage.energy.kind,
        Json::array({run.number < 0 ? cell("not stored") : cell(fmt::format("{}", run.number), run.number),
                     cell(when(run.begin_real_ns) + (run.finished ? "" : ", interrupted")),
                     cell(units::duration(usage.duration_s), usage.duration_s), energy_cell(usage.energy),
                     error_cell(usage.energy), power_cell(usage.energy.kind, usage.power_mean_W), cell(clean(run.title))}));
  }
  Json out = std::move(table).json();
  if (!out.is_null()) out["left_out"] = first;
  return out;
}

Json parts(const RunSummary& run) {
  std::vector<std::pair<std::string_view, Amount>> rows;
  for (const auto& node : run.nodes)
    for (const auto& d : node.devices) {
      if (!d.counted || d.kind == Kind::unavailable) continue;
      const auto part = wording::part(d.domain);
      auto row = std::ranges::find(rows, part, &std::pair<std::string_view, Amount>::first);
      if (row == rows.end()) row = rows.insert(rows.end(), {part, Amount{}});
      row->second += d.usage.energy;
    }
  std::ranges::stable_sort(rows, [](const auto& a, const auto& b) { return a.second.joules() > b.second.joules(); });
  const double total = run.usage.energy.joules();
  Json out = Json::array();
  for (const auto& [part, energy] : rows) {
    const double share = total > 0 ? std::min(energy.joules() / total, 1.0) : 0;
    Json one;
    one["name"] = part;
    one["energy"] = wording::joules(energy.joules());
    one["share"] = json_number(share);
    one["share_text"] = wording::percent(share);
    one["kind"] = name(energy.kind);
    one["tag"] = wording::tag(energy.kind);
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace perun::page
