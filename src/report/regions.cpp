// SPDX-License-Identifier: BSD-3-Clause
#include "report/regions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "base/units.hpp"
#include "report/document.hpp"
#include "report/layout.hpp"
#include "report/wording.hpp"

namespace perun {

namespace {

using layout::printable;

/// The keys of an energy that need not be there.
void add_amount(Json& out, const char* before, const Amount& a, bool available) {
  const std::string name(before);
  const bool known = available && a.kind != Kind::unavailable;
  const auto figure = [&](double value) { return known ? json_number(value) : Json(nullptr); };
  out[name + "energy_J"] = figure(a.joules());
  out[name + "uncertainty_J"] = figure(a.uncertainty_J);
  out[name + "bounds_J"] = known ? Json::array({json_number(a.lower_J), json_number(a.upper_J)}) : Json(nullptr);
}

Json thread_of(const RegionThread& t, bool energy) {
  Json out;
  out["rank"] = t.rank;
  out["pid"] = t.pid;
  out["tid"] = t.tid;
  out["calls"] = t.calls;
  out["time_s"] = json_number(t.time_s);
  out["exclusive_s"] = json_number(t.exclusive_s);
  out["energy_J"] = energy ? json_number(t.energy_J) : Json(nullptr);
  out["exclusive_energy_J"] = energy ? json_number(t.exclusive_J) : Json(nullptr);
  return out;
}

/// What the threads of each rank did together, by rank.
std::map<int, RegionThread> ranks_of(const RegionSummary& r) {
  std::map<int, RegionThread> ranks;
  for (const RegionThread& t : r.threads) {
    RegionThread& sum = ranks[t.rank];
    sum.rank = t.rank;
    sum.calls += t.calls;
    sum.time_s += t.time_s;
    sum.exclusive_s += t.exclusive_s;
    sum.energy_J += t.energy_J;
    sum.exclusive_J += t.exclusive_J;
  }
  return ranks;
}

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

/// What a rank took for something.
struct AtRank {
  int rank;
  double seconds, joules;  ///< joules: NaN where nothing is known
};

std::vector<AtRank> at_ranks(const RegionSummary& r) {
  std::vector<AtRank> out;
  for (const auto& [number, rank] : ranks_of(r))
    out.push_back({number, rank.time_s, r.energy.kind == Kind::unavailable ? unknown : rank.energy_J});
  return out;
}

/// From begin to end, where both were seen.
std::vector<AtRank> whole_ranks(const RunSummary& run) {
  std::vector<AtRank> out;
  for (std::size_t i = 0; i < run.job->ranks.size(); ++i) {
    const RankRecord& r = run.job->ranks[i];
    if (r.begin.mono_ns == 0 || r.end.mono_ns == 0) continue;
    const double joules =
        i < run.rank_energies_J.size() && run.usage.energy.kind != Kind::unavailable ? run.rank_energies_J[i] : unknown;
    out.push_back({r.rank, static_cast<double>(r.end.mono_ns - r.begin.mono_ns) * 1e-9, joules});
  }
  return out;
}

/// "3 ms, sensor updates every 100 ms"
std::string too_short(const RegionSummary& r) {
  if (r.energy.kind == Kind::unavailable && r.update_s <= 0) return "no sensor";
  return fmt::format("{}, sensor updates every {}", units::si(r.call_s, "s", 2), units::si(r.update_s, "s", 2));
}

Json region_of(const RegionSummary& r, ByRank by_rank) {
  Json out;
  out["name"] = json_words(r.name);
  out["kind"] = name(r.energy.kind);
  out["calls"] = r.calls;
  out["time_s"] = json_number(r.time_s);
  out["exclusive_s"] = json_number(r.exclusive_s);
  out["wall_s"] = json_number(r.wall_s);
  out["resolved"] = r.resolved;
  add_amount(out, "", r.energy, r.resolved);
  add_amount(out, "exclusive_", r.exclusive, true);
  out["power_mean_W"] = r.resolved ? json_number(r.power_mean_W) : Json(nullptr);
  out["share"] = r.resolved ? json_number(r.share) : Json(nullptr);
  out["pooled_energy_J"] = r.pooled ? json_number(r.pooled->joules()) : Json(nullptr);
  out["pooled_uncertainty_J"] = r.pooled ? json_number(r.pooled->uncertainty_J) : Json(nullptr);
  out["not_resolved"] = r.resolved ? Json(nullptr) : Json(too_short(r));
  const CallSpread& s = r.spread;
  const auto seen = [&](double value) { return s.calls > 0 && value > 0 ? json_number(value) : Json(nullptr); };
  Json call;
  call["mean_s"] = json_number(r.call_s);
  call["min_s"] = seen(s.shortest_s);
  call["median_s"] = seen(s.median_s);
  call["p95_s"] = seen(s.p95_s);
  call["max_s"] = seen(s.longest_s);
  call["mean_J"] = r.resolved && r.calls > 0 ? json_number(r.energy.joules() / static_cast<double>(r.calls)) : Json(nullptr);
  call["min_J"] = r.resolved && s.calls > 0 ? json_number(s.least_J) : Json(nullptr);
  call["max_J"] = r.resolved && s.calls > 0 ? json_number(s.most_J) : Json(nullptr);
  out["per_call"] = std::move(call);
  out["threads"] = Json::array();
  const bool energy = r.energy.kind != Kind::unavailable;
  for (const auto& t : r.threads) out["threads"].push_back(thread_of(t, energy));
  if (by_rank == ByRank::yes) {
    out["ranks"] = Json::array();
    for (const auto& [number, rank] : ranks_of(r)) {
      Json one = thread_of(rank, energy);
      one.erase("pid");
      one.erase("tid");
      out["ranks"].push_back(std::move(one));
    }
  }
  return out;
}

}  // namespace

Json regions_document(const RegionReport& report, ByRank by_rank) {
  Json out;
  out["regions"] = Json::array();
  for (const auto& r : report.regions) out["regions"].push_back(region_of(r, by_rank));
  Json unmarked;
  add_amount(unmarked, "", report.unmarked, true);
  unmarked["time_s"] = json_number(report.unmarked_s);
  out["unmarked"] = std::move(unmarked);
  out["work"] = Json::array();
  for (const auto& w : report.work) {
    const bool known = w.joules_per_unit > 0;
    Json one;
    one["name"] = json_words(w.name);
    one["amount"] = json_number(w.amount);
    one["from"] = w.stated ? "user" : "program";
    one["energy_per_unit_J"] = known ? json_number(w.joules_per_unit) : Json(nullptr);
    one["uncertainty_J"] = known ? json_number(w.uncertainty_J) : Json(nullptr);
    out["work"].push_back(std::move(one));
  }
  const MarkLosses& l = report.losses;
  Json marks;
  marks["complete"] = !report.holes;
  marks["moments"] = report.moments;
  marks["lost"] = l.marks;
  marks["lost_names"] = l.names;
  marks["lost_threads"] = l.threads;
  marks["too_deep"] = l.deep;
  marks["unmatched_ends"] = l.unmatched;
  marks["left_open"] = l.unended;
  out["marks"] = std::move(marks);
  return out;
}

tables::Block tables::regions(const RunSummary& run) {
  constexpr std::size_t shown = 12;
  const RegionReport& report = run.regions;
  if (report.regions.empty()) return {};
  const bool pooled = std::any_of(report.regions.begin(), report.regions.end(),
                                  [](const auto& r) { return !r.resolved && r.energy.kind != Kind::unavailable; });
  using layout::Align;
  std::vector<layout::Table::Column> header{
      {"Region", Align::left, 16}, {"Calls"}, {"Time"}, {"Energy", Align::point}, {"+-"}, {"Share"}, {"Mean"}};
  if (pooled)
    header.push_back({"All calls together", Align::left});
  else
    header.push_back({"per call"});
  layout::Table table(header);
  for (std::size_t i = 0; i < std::min(shown, report.regions.size()); ++i) {
    const RegionSummary& r = report.regions[i];
    const Amount& e = r.energy;
    const auto known = [&](std::string text) { return r.resolved ? std::move(text) : std::string(); };
    std::string last;
    if (!pooled && r.calls > 0)
      last = known(wording::joules(e.joules() / static_cast<double>(r.calls)));
    else if (!r.resolved)
      last = r.pooled ? fmt::format("{} +- {}{}", wording::joules(r.pooled->joules()),
                                    units::si(r.pooled->uncertainty_J, "J", 2), wording::tag(r.pooled->kind))
                      : fmt::format("n/a ({})", too_short(r));
    table.add({printable(r.name), fmt::format("{}", r.calls), units::si(r.wall_s, "s", 3),
               r.resolved ? wording::joules(e.joules()) : "n/a",
               known(e.kind == Kind::measured ? units::si(e.uncertainty_J, "J", 2) : ""), known(wording::percent(r.share)),
               known(wording::watts(r.power_mean_W, 3)), last});
  }
  const Amount& rest = report.unmarked;
  const double total = run.usage.energy.joules();
  if (rest.kind != Kind::unavailable)
    table.add({"(no region)", "", units::si(report.unmarked_s, "s", 3), wording::joules(rest.joules()), "",
               total > 0 ? wording::percent(rest.joules() / total) : "", "", ""});
  Block out{std::move(table)};
  if (report.regions.size() > shown)
    out.remarks.push_back(fmt::format("and {} regions more; --format json has all", report.regions.size() - shown));
  if (run.usage.energy.kind == Kind::estimated || run.usage.energy.kind == Kind::mixed)
    out.remarks.push_back(
        fmt::format("energies of regions are{} estimated", run.usage.energy.kind == Kind::mixed ? " partly" : ""));
  return out;
}

tables::Block tables::ranks(const RunSummary& run) {
  constexpr std::size_t shown = 6;
  if (!run.job || run.job->size < 2) return {};
  using layout::Align;
  layout::Table table({{"By rank", Align::left, 14},
                       {"Time: least"},
                       {"mean"},
                       {"most"},
                       {"(rank)", Align::left},
                       {"Energy: least"},
                       {"most"}});
  std::size_t lines = 0;
  const auto add = [&](const std::string& name, const std::vector<AtRank>& ranks) {
    const auto [least, most] = std::ranges::minmax_element(ranks, {}, &AtRank::seconds);
    double sum_s = 0, low_J = unknown, high_J = unknown;
    for (const AtRank& r : ranks) {
      sum_s += r.seconds;
      low_J = std::fmin(low_J, r.joules);  // of what is known
      high_J = std::fmax(high_J, r.joules);
    }
    const auto joules = [&](double j) { return std::isfinite(j) ? wording::joules(j) : std::string(); };
    table.add({name, units::si(least->seconds, "s", 3), units::si(sum_s / static_cast<double>(ranks.size()), "s", 3),
               units::si(most->seconds, "s", 3), fmt::format("({})", most->rank), joules(low_J), joules(high_J)});
    ++lines;
  };
  if (const auto whole = whole_ranks(run); whole.size() > 1) add("(whole rank)", whole);
  for (const RegionSummary& r : run.regions.regions)
    if (const auto ranks = at_ranks(r); ranks.size() > 1 && lines <= shown) add(printable(r.name), ranks);
  if (lines == 0) return {};
  return {std::move(table)};
}

std::string wording::work(const WorkSummary& work, Kind kind) {
  std::string out = fmt::format("{} {}", units::significant(work.amount, work.amount < 1e6 ? 6 : 9), printable(work.name));
  // Whole numbers without a tail of zeros.
  if (work.amount == static_cast<double>(static_cast<std::int64_t>(std::clamp(work.amount, -9e15, 9e15))))
    out = fmt::format("{:.0f} {}", work.amount, printable(work.name));
  if (work.joules_per_unit <= 0) return out;
  out += ": " + wording::joules(work.joules_per_unit);
  if (kind == Kind::measured) out += " +- " + units::si(work.uncertainty_J, "J", 2);
  return out + " each" + std::string(tag(kind));
}

}  // namespace perun
