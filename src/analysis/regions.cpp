// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/regions.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "analysis/region_energy.hpp"
#include "analysis/region_pool.hpp"
#include "analysis/region_updates.hpp"
#include "model/mpi_calls.h"

namespace perun {

namespace {

constexpr double enough_resolved = 0.9;
constexpr std::size_t most_pooled = 24;

double seconds(std::int64_t ns) noexcept {
  return static_cast<double>(ns) * 1e-9;
}

/// All counted sensors of a node, one after the other.
class NodeRegions {
 public:
  NodeRegions(const NodeRecord& node, Window window, Readings& readings)
      : node_(node),
        readings_(readings),
        marks_(node.marks),
        story_(node.marks, window),
        regions_(std::max<std::size_t>(node.marks.names.size(), 1)) {
    call_J_.resize(story_.calls().size());
    for (std::size_t i = 0; i < regions_.size(); ++i)
      regions_[i].name = i < marks_.names.size() ? marks_.names[i] : std::string(other_names);
  }

  RegionReport report(std::span<const Metered> metered, const Amount& total) {
    out_.losses = marks_.losses;
    out_.holes = !marks_.holes.empty() || marks_.losses.marks > 0;
    count_calls();
    take_times();
    if (out_.holes) take_sums();
    for (const Metered& m : metered)
      if (m.sensor->counted && m.energy.available) take_sensor(m);
    take_counters();
    finish(total);
    return std::move(out_);
  }

 private:
  using Cell = std::pair<std::uint16_t, std::uint32_t>;

  [[nodiscard]] bool known(std::uint32_t name) const noexcept { return name < regions_.size(); }
  RegionThread& cell(std::uint16_t thread, std::uint32_t name) {
    const auto [it, fresh] = cells_.try_emplace(Cell{thread, name});
    if (fresh && thread < marks_.threads.size()) {
      const MarkedThread& t = marks_.threads[thread];
      it->second.rank = t.rank;
      it->second.pid = t.pid;
      it->second.tid = t.tid;
    }
    return it->second;
  }

  void count_calls() {
    for (const Call& c : story_.calls()) {
      if (!known(c.name) || !c.counted) continue;
      ++regions_[c.name].calls;
      ++cell(c.thread, c.name).calls;
    }
    for (const Mark& m : marks_.timeline) out_.moments += m.kind == MarkKind::moment ? 1 : 0;
  }

  void take_times() {
    story_.tell({.piece = [&](const Piece& p) {
      double none = 1;
      std::map<std::uint32_t, double> without;
      for (const Active& a : p.active) {
        if (!known(a.name)) continue;
        RegionThread& c = cell(a.thread, a.name);
        c.time_s += a.present * p.seconds();
        c.exclusive_s += a.innermost * p.seconds();
        const auto [it, fresh] = without.try_emplace(a.name, 1.0);
        it->second *= 1 - a.present;
      }
      for (const auto& [name, w] : without) {
        regions_[name].wall_s += (1 - w) * p.seconds();
        none = std::min(none, w);
      }
      out_.unmarked_s += (p.active.empty() ? 1 : p.unmarked) * p.seconds();
    }});
  }

  /// Where single marks are missing, what the program summed up itself is complete.
  void take_sums() {
    if (marks_.sums.empty()) return;
    for (auto& r : regions_) r.calls = 0;
    for (auto& [key, c] : cells_) c.calls = 0;
    for (const MarkSums& s : marks_.sums) {
      if (!known(s.name) || s.calls == 0) continue;
      RegionThread& c = cell(s.thread, s.name);
      c.calls = s.calls;
      c.time_s = seconds(s.inclusive_ns);
      c.exclusive_s = seconds(s.exclusive_ns);
      RegionSummary& r = regions_[s.name];
      r.calls += s.calls;
      r.wall_s = std::max(r.wall_s, c.time_s);
    }
  }

  void take_sensor(const Metered& m) {
    const auto index = static_cast<std::size_t>(m.sensor - node_.sensors.data());
    const Updates seen = updates(*m.sensor, readings_.cursor(index), story_);
    const RegionEnergies e = share_out_regions(story_, regions_.size(), seen);
    for (std::size_t i = 0; i < regions_.size(); ++i) {
      RegionSummary& r = regions_[i];
      const bool resolved = e.inclusive[i].seen_s > 0 && e.inclusive[i].resolved_s >= enough_resolved * e.inclusive[i].seen_s;
      if (!resolved) r.update_s = std::max(r.update_s, seen.period_s);
      if (e.inclusive[i].seen_s <= 0) continue;
      r.energy += amount(*m.sensor, e.inclusive[i]);
      r.exclusive += amount(*m.sensor, e.exclusive[i]);
    }
    out_.unmarked += amount(*m.sensor, e.unmarked);
    for (const auto& [key, joules] : e.cells) {
      RegionThread& c = cell(key.first, key.second);
      c.energy_J += joules.first;
      c.exclusive_J += joules.second;
    }
    for (std::size_t i = 0; i < call_J_.size(); ++i) call_J_[i] += e.call_J[i];
    pool(*m.sensor, e, seen);
  }

  static Amount amount(const Sensor& sensor, const Portion& p) {
    Amount a;
    a.kind = sensor.kind;
    (sensor.kind == Kind::estimated ? a.estimated_J : a.measured_J) = p.joules;
    a.uncertainty_J = p.uncertainty_J();
    a.lower_J = p.lower_J;
    a.upper_J = p.upper_J;
    return a;
  }

  /// Regions whose calls this sensor cannot tell one by one.
  void pool(const Sensor& sensor, const RegionEnergies& e, const Updates& seen) {
    std::vector<std::uint32_t> columns;
    bool wanted = false;
    for (std::uint32_t i = 0; i < regions_.size(); ++i) {
      if (e.exclusive[i].seen_s <= 0) continue;
      wanted = wanted || e.inclusive[i].resolved_s < enough_resolved * e.inclusive[i].seen_s;
      columns.push_back(i);
    }
    if (!wanted) {
      for (const std::uint32_t i : columns) pooled_[i] += amount(sensor, e.exclusive[i]);
      return;
    }
    std::stable_sort(columns.begin(), columns.end(),
                     [&](auto a, auto b) { return e.exclusive[a].seen_s > e.exclusive[b].seen_s; });
    if (columns.size() > most_pooled) columns.resize(most_pooled);
    Pool pool(columns);
    each_row(story_, seen, [&](const auto& x, const auto& row) { pool.add(x, row); });
    const bool solved = pool.solve();
    if (solved) {
      story_.tell({.piece = [&](const Piece& p) { pool.share(p); }});
      each_row(story_, seen, [&](const auto& x, const auto& row) { pool.check(x, row); });
    }
    for (std::size_t k = 0; k < columns.size(); ++k) {
      const Portion& p = e.exclusive[columns[k]];
      const auto energy = solved ? pool.energy(k) : std::nullopt;
      if (!energy) {
        unpooled_[columns[k]] = true;
        continue;
      }
      Amount a;
      a.kind = sensor.kind;
      (sensor.kind == Kind::estimated ? a.estimated_J : a.measured_J) = energy->joules;
      a.uncertainty_J = std::hypot(energy->uncertainty_J, limits_of(sensor).step_W * p.seen_s);
      a.lower_J = p.lower_J;
      a.upper_J = p.upper_J;
      pooled_[columns[k]] += a;
    }
  }

  void take_counters() {
    std::map<std::uint32_t, double> sums;
    for (const MarkSums& s : marks_.sums)
      if (s.sum != 0) sums[s.name] += s.sum;
    if (marks_.sums.empty())
      for (const Mark& m : marks_.timeline)
        if (m.kind == MarkKind::counter) sums[m.name] += m.value;
    for (const auto& [name, sum] : sums) {
      if (!known(name)) continue;
      if (marks_.names[name] == PERUN_MPI_TOGETHER) continue;  // no amount
      if (marks_.names[name] == PERUN_MPI_SPAWNED)
        out_.spawned += static_cast<std::uint64_t>(std::max(0.0, sum));
      else
        out_.work.push_back({.name = marks_.names[name], .amount = sum});
    }
  }

  void finish(const Amount& total) {
    take_spreads();
    for (auto& [key, c] : cells_) {
      RegionSummary& r = regions_[key.second];
      r.time_s += c.time_s;
      r.exclusive_s += c.exclusive_s;
      r.threads.push_back(c);
    }
    for (std::uint32_t i = 0; i < regions_.size(); ++i) {
      RegionSummary& r = regions_[i];
      if (r.threads.empty()) continue;
      std::stable_sort(r.threads.begin(), r.threads.end(), [](const auto& a, const auto& b) { return a.time_s > b.time_s; });
      r.call_s = r.calls > 0 ? r.time_s / static_cast<double>(r.calls) : 0;
      r.resolved = r.energy.kind != Kind::unavailable && r.update_s == 0;
      r.power_mean_W = r.wall_s > 0 ? r.energy.joules() / r.wall_s : 0;
      if (total.joules() > 0) r.share = r.energy.joules() / total.joules();
      const auto pooled = pooled_.find(i);
      if (!r.resolved && pooled != pooled_.end() && !unpooled_[i] && is_worth_telling(pooled->second))
        r.pooled = pooled->second;
      if (!r.resolved) r.spread.least_J = r.spread.most_J = 0;
      out_.regions.push_back(std::move(r));
    }
    std::stable_sort(out_.regions.begin(), out_.regions.end(),
                     [](const auto& a, const auto& b) { return a.energy.joules() > b.energy.joules(); });
  }
  static bool is_worth_telling(const Amount& a) noexcept { return a.joules() > 0 && a.uncertainty_J <= 0.5 * a.joules(); }

  void take_spreads() {
    std::map<std::uint32_t, std::vector<double>> lengths;
    for (std::size_t i = 0; i < story_.calls().size(); ++i) {
      const Call& c = story_.calls()[i];
      if (!c.whole || !known(c.name)) continue;
      CallSpread& s = regions_[c.name].spread;
      s.least_J = s.calls == 0 ? call_J_[i] : std::min(s.least_J, call_J_[i]);
      s.most_J = std::max(s.most_J, call_J_[i]);
      ++s.calls;
      lengths[c.name].push_back(seconds(c.to_ns - c.from_ns));
    }
    for (auto& [name, all] : lengths) {
      std::sort(all.begin(), all.end());
      const auto at = [&sorted = all](double q) {
        return sorted[static_cast<std::size_t>(std::lround(q * static_cast<double>(sorted.size() - 1)))];
      };
      CallSpread& s = regions_[name].spread;
      s.shortest_s = all.front();
      s.median_s = at(0.5);
      s.p95_s = at(0.95);
      s.longest_s = all.back();
    }
  }

  const NodeRecord& node_;
  Readings& readings_;
  const Marks& marks_;
  Story story_;
  std::vector<RegionSummary> regions_;  ///< by name
  std::map<Cell, RegionThread> cells_;
  std::map<std::uint32_t, Amount> pooled_;
  std::map<std::uint32_t, bool> unpooled_;
  std::vector<double> call_J_;
  RegionReport out_;
};

/// The same region on another node.
void merge(RegionSummary& to, const RegionSummary& from) {
  if (!to.resolved || !from.resolved) {
    to.pooled.reset();
    to.resolved = false;
  }
  const auto calls = to.calls + from.calls;
  to.calls = calls;
  to.time_s += from.time_s;
  to.exclusive_s += from.exclusive_s;
  to.wall_s = std::max(to.wall_s, from.wall_s);
  to.energy += from.energy;
  to.exclusive += from.exclusive;
  to.update_s = std::max(to.update_s, from.update_s);
  to.call_s = calls > 0 ? to.time_s / static_cast<double>(calls) : 0;
  CallSpread& s = to.spread;
  const CallSpread& o = from.spread;
  if (o.calls > 0) {
    s.shortest_s = s.calls > 0 ? std::min(s.shortest_s, o.shortest_s) : o.shortest_s;
    s.longest_s = std::max(s.longest_s, o.longest_s);
    s.least_J = s.calls > 0 ? std::min(s.least_J, o.least_J) : o.least_J;
    s.most_J = std::max(s.most_J, o.most_J);
    s.median_s = s.p95_s = 0;  // not to be had of those of the nodes
    s.calls += o.calls;
  }
  to.threads.insert(to.threads.end(), from.threads.begin(), from.threads.end());
}

void add_work(RegionReport& out, const WorkSummary& w) {
  const auto same = [&](const WorkSummary& o) { return o.name == w.name; };
  const auto there = std::find_if(out.work.begin(), out.work.end(), same);
  if (there == out.work.end())
    out.work.push_back(w);
  else if (w.stated)
    *there = w;  // what the user says is what counts
  else
    there->amount += w.amount;
}

}  // namespace

RegionReport regions_of(const NodeRecord& node, Window window, std::span<const Metered> metered, Readings& readings,
                        const Amount& total) {
  if (node.marks.empty()) return {};
  return NodeRegions(node, window, readings).report(metered, total);
}

RegionReport regions_of_run(const std::vector<NodeSummary>& nodes, const std::vector<std::pair<std::string, double>>& stated,
                            const Amount& total) {
  RegionReport out;
  if (nodes.size() == 1) {
    out = nodes.front().regions;
  } else {
    for (const NodeSummary& node : nodes) {
      for (const RegionSummary& r : node.regions.regions) {
        const auto there =
            std::find_if(out.regions.begin(), out.regions.end(), [&](const auto& o) { return o.name == r.name; });
        there == out.regions.end() ? out.regions.push_back(r) : merge(*there, r);
      }
      out.unmarked += node.regions.empty() ? node.usage.energy : node.regions.unmarked;
      out.unmarked_s = std::max(out.unmarked_s, node.regions.empty() ? node.usage.duration_s : node.regions.unmarked_s);
      for (const WorkSummary& w : node.regions.work) add_work(out, w);
      Marks losses, more;
      losses.losses = out.losses;
      more.losses = node.regions.losses;
      losses.add(more);
      out.losses = losses.losses;
      out.holes = out.holes || node.regions.holes;
      out.moments += node.regions.moments;
      out.spawned += node.regions.spawned;
    }
    for (RegionSummary& r : out.regions) {
      r.power_mean_W = r.wall_s > 0 ? r.energy.joules() / r.wall_s : 0;
      r.share = total.joules() > 0 ? r.energy.joules() / total.joules() : 0;
    }
    std::stable_sort(out.regions.begin(), out.regions.end(),
                     [](const auto& a, const auto& b) { return a.energy.joules() > b.energy.joules(); });
  }
  for (const auto& [name, amount] : stated) add_work(out, {.name = name, .amount = amount, .stated = true});
  for (WorkSummary& w : out.work) {
    if (w.amount <= 0 || total.kind == Kind::unavailable) continue;
    w.joules_per_unit = total.joules() / w.amount;
    w.uncertainty_J = total.uncertainty_J / w.amount;
  }
  return out;
}

}  // namespace perun
