// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/summarize.hpp"

#include <algorithm>
#include <cmath>
#include <list>
#include <string_view>
#include <utility>

#include "analysis/activity.hpp"
#include "analysis/baseline.hpp"
#include "analysis/caveats.hpp"
#include "analysis/energy.hpp"
#include "analysis/metering.hpp"
#include "analysis/mpi.hpp"
#include "analysis/parts.hpp"
#include "analysis/peak.hpp"
#include "analysis/rank_energy.hpp"
#include "analysis/regions.hpp"
#include "analysis/share.hpp"
#include "analysis/track.hpp"
#include "model/domains.hpp"
#include "model/outside.hpp"

namespace perun {

namespace {

double seconds(std::int64_t ns) noexcept {
  return static_cast<double>(ns) * 1e-9;
}

}  // namespace

std::int64_t ahead_of(const Run& run, const NodeRecord& node) noexcept {
  const Moment& m = node.clock.empty() ? run.begin : node.clock.front();
  return m.real_ns - m.mono_ns;
}

/// A node whose clocks agree with the launcher's is the same machine; any other is aligned by wall time.
Window window_of(const Run& run, const NodeRecord& node, Readings& readings) {
  if (node.begin.mono_ns != 0) return {node.begin.mono_ns, std::max(node.begin.mono_ns, node.end.mono_ns)};
  Window w{run.begin.mono_ns, run.end.mono_ns};
  if (!node.clock.empty()) {
    const Moment &first = node.clock.front(), &last = node.clock.back();
    const std::int64_t apart = (first.real_ns - first.mono_ns) - (run.begin.real_ns - run.begin.mono_ns);
    // An only node in whose time the run began is the launcher's own, though its wall clock was set in between.
    const bool own = run.nodes.size() == 1 && first.mono_ns <= run.begin.mono_ns && run.begin.mono_ns <= last.mono_ns;
    if (!own && std::abs(apart) > 1'000'000'000)
      w = {first.mono_ns + (run.begin.real_ns - first.real_ns), last.mono_ns + (run.end.real_ns - last.real_ns)};
  }
  if (!run.outcome.finished) {
    std::int64_t last_ns = missing;
    for (std::size_t i = 0; i < readings.sensors(); ++i)
      if (auto s = readings.cursor(i); s.size() > 0) last_ns = std::max(last_ns, s[s.size() - 1].t_ns);
    if (last_ns != missing) w.to_ns = last_ns;
  }
  w.to_ns = std::max(w.to_ns, w.from_ns);
  return w;
}

Window window_of(const Run& run, const NodeRecord& node) {
  SeriesInMemory series(node.series);
  return window_of(run, node, series);
}

namespace {

Amount amount_of(const Sensor& sensor, const Energy& e) {
  Amount a;
  if (!e.available) return a;
  a.kind = sensor.kind;
  (sensor.kind == Kind::estimated ? a.estimated_J : a.measured_J) = e.joules;
  a.uncertainty_J = e.uncertainty_J;
  a.lower_J = e.lower_J;
  a.upper_J = e.upper_J;
  return a;
}

Usage usage_of(const Amount& energy, double duration_s, double max_W) {
  Usage u;
  u.energy = energy;
  u.duration_s = duration_s;
  u.power_mean_W = duration_s > 0 ? energy.joules() / duration_s : 0;
  u.power_max_W = energy.kind == Kind::unavailable ? 0 : std::max(u.power_mean_W, max_W);
  return u;
}

DeviceSummary device_of(const Sensor& s, const Energy& e, double duration_s) {
  DeviceSummary d;
  d.id = s.id;
  d.label = s.label;
  d.source = s.source;
  d.note = s.note;
  d.domain = s.domain;
  d.kind = e.available ? s.kind : Kind::unavailable;
  d.counted = s.counted;
  d.part_of = s.part_of;
  d.usage = usage_of(amount_of(s, e), duration_s, e.max_W);
  d.systematic_percent = s.systematic_percent;
  d.wraps = e.wraps;
  d.read_errors = e.missing;
  d.invalid = e.invalid + e.rejected;
  return d;
}

/// CPU time of the run's processes on a node, where wait4 told it of all of them.
std::optional<double> cpu_time_on(const Run& run, const NodeRecord& node) {
  if (!run.job)
    return run.outcome.finished && run.nodes.size() == 1 ? std::optional(run.outcome.user_s + run.outcome.system_s)
                                                         : std::nullopt;
  if (from_outside(*run.job)) return std::nullopt;
  double sum_s = 0;
  for (const RankRecord& r : run.job->ranks) {
    if (r.node != &node - run.nodes.data()) continue;
    if (r.status != RankStatus::ok && r.status != RankStatus::failed) return std::nullopt;
    sum_s += r.user_s + r.system_s;
  }
  return sum_s;
}

/// What follows from the node's total: net of the baseline, and the share of the run's own processes.
void relate(const Run& run, const Seen& seen, NodeSummary& out) {
  if (out.usage.energy.kind == Kind::unavailable) return;
  out.inside = inside_of(seen.node, out.devices);
  out.gpus_visible = visible_gpus(out);
  if (out.baseline) out.net = net_of(out.usage, *out.baseline);
  auto times = node_cpu_times(seen.node, seen.readings, seen.window);
  const auto run_s = cpu_time_on(run, seen.node);
  if (!times || !run_s) return;
  times->run_s = *run_s;
  out.attributed = attribution_of(out, *times);
}

/// Their sum over all nodes; nothing when one has none.
template <class T>
std::optional<T> over_nodes(const std::vector<NodeSummary>& nodes, std::optional<T> NodeSummary::*part) {
  std::optional<T> sum;
  for (const NodeSummary& node : nodes) {
    const auto& one = node.*part;
    if (!one) return std::nullopt;
    sum ? * sum += *one : sum.emplace(*one);
  }
  return sum;
}

/// Rate of the readings and the longest time between two good ones of an energy sensor (of any, where there is none).
class Sampling {
 public:
  void add(const Tally& t) {
    if (t.count > most_ && t.count > 1 && t.last_ns > t.first_ns) {
      most_ = t.count;
      hz_ = static_cast<double>(t.count - 1) / seconds(t.last_ns - t.first_ns);
    }
    longest_gap_s_ = std::max(longest_gap_s_, seconds(t.longest_gap_ns));
    good_ += t.good;
    repeated_ += t.repeated;
  }
  void describe(NodeSummary& out) const {
    out.frequency_achieved_hz = hz_;
    out.longest_gap_s = longest_gap_s_;
    out.readings = good_;
    out.repeated = repeated_;
  }

 private:
  std::size_t most_ = 0;
  double hz_ = 0, longest_gap_s_ = 0;
  std::uint64_t good_ = 0, repeated_ = 0;
};

Tally tally_of(SeriesCursor series, Window window) {
  Tally tally(window);
  for (std::size_t i = 0; i < series.size(); ++i) tally.add(i, series[i]);
  return tally;
}

/// perun's part of the processors' energy, by its part of all processor time, idle included: what others and idling
/// used is theirs. Nothing where either is not known.
std::optional<double> own_energy_J(const Seen& seen, const NodeFindings& found) {
  const auto all_s = seen.increase("proc:cpu_total");
  const Quality& quality = seen.node.quality;
  const double own_s = seconds(quality.agent_cpu_ns + quality.launcher_cpu_ns);
  if (!all_s || own_s <= 0) return std::nullopt;
  Amount processors;
  for (const Metered& m : found.metered)
    if (m.sensor->counted && (m.sensor->domain == Domain::package || m.sensor->domain == Domain::cores))
      processors += amount_of(*m.sensor, m.energy);
  if (processors.kind == Kind::unavailable) return std::nullopt;
  return processors.joules() * own_s / std::max(*all_s, own_s);
}

/// Highest power of all counted sensors together: their energies on the same stretches, none shorter than the
/// slowest of them can resolve.
class Together {
 public:
  void add(const Seen& seen, const NodeFindings& found) {
    for (const Metered& m : found.metered) {
      if (!m.sensor->counted || !m.energy.available) continue;
      const double mean_W = seen.window.seconds() > 0 ? m.energy.joules / seen.window.seconds() : 0;
      shortest_s_ = std::max(shortest_s_, shortest_stretch_s(*m.sensor, mean_W));
      peak_.add(*m.sensor, seen.readings, static_cast<std::size_t>(m.sensor - seen.node.sensors.data()), seen.window);
    }
  }
  [[nodiscard]] double highest_W() const { return peak_.watts(shortest_s_); }

 private:
  PeakTogether peak_;
  double shortest_s_ = 0;
};

/// The device's part of the node. What it has in common with the total it does not err against.
void take_share(DeviceSummary& d, const Amount& total) {
  const Amount& own = d.usage.energy;
  const double others =
      std::sqrt(std::max(0.0, total.uncertainty_J * total.uncertainty_J - own.uncertainty_J * own.uncertainty_J));
  d.share = own.joules() / total.joules();
  d.share_uncertainty = std::hypot((1 - d.share) * own.uncertainty_J, d.share * others) / total.joules();
}

/// The energy sensors one by one, and how they were read.
NodeFindings find(const Seen& seen, Sampling& sampling) {
  NodeFindings found;
  found.window = seen.window;
  const auto& sensors = seen.node.sensors;
  const bool any = std::any_of(sensors.begin(), sensors.end(), is_meter);
  for (std::size_t i = 0; i < seen.sensors(); ++i) {
    if (!any) sampling.add(tally_of(seen.readings.cursor(i), seen.window));
    if (!is_meter(sensors[i])) continue;
    const auto [energy, tally] = meter(sensors[i], seen.readings.cursor(i), seen.window);
    sampling.add(tally);
    found.metered.push_back({&sensors[i], energy, tally.count, tally.first_ns, tally.bracket_s()});
  }
  const auto& clock = seen.node.clock;
  if (clock.size() > 1)
    found.clock_jump_s =
        seconds((clock.back().real_ns - clock.front().real_ns) - (clock.back().mono_ns - clock.front().mono_ns));
  return found;
}

NodeSummary node_of(const Seen& seen, const NodeFindings& found) {
  const NodeRecord& node = seen.node;
  NodeSummary out;
  out.host = node.host;
  out.attributes = node.attributes;
  out.scope = node.scope;
  out.baseline = node.baseline;
  out.blocked = node.blocked;
  out.quality = node.quality;
  out.clock_error_s = node.clock_error_s;
  out.clock_ahead = node.clock_ahead;
  out.activity = activity_of(seen);
  Amount total;
  for (const Metered& m : found.metered) {
    out.devices.push_back(device_of(*m.sensor, m.energy, found.window.seconds()));
    if (m.sensor->counted) total += out.devices.back().usage.energy;
  }
  out.own_energy_J = own_energy_J(seen, found);
  Together together;
  together.add(seen, found);
  out.usage = usage_of(total, found.window.seconds(), together.highest_W());
  for (DeviceSummary& d : out.devices)
    if (d.counted && total.joules() > 0) take_share(d, total);
  out.regions = regions_of(node, found.window, found.metered, seen.readings, total);
  std::stable_sort(out.devices.begin(), out.devices.end(), [](const DeviceSummary& a, const DeviceSummary& b) {
    if (a.counted != b.counted) return a.counted;
    return a.usage.energy.joules() > b.usage.energy.joules();
  });
  return out;
}

}  // namespace

namespace {

/// What the factors assume for parts without a sensor, once for each node.
void assume_overhead(RunSummary& summary) {
  summary.overhead_J = 0;
  for (NodeSummary& node : summary.nodes) {
    node.overhead_J = summary.factors.overhead_power_W * node.usage.duration_s;
    summary.overhead_J += node.overhead_J;
  }
}

}  // namespace

Footprint footprint(double joules, const Factors& factors) {
  Footprint f;
  f.facility_kWh = joules / 3.6e6 * factors.pue;
  f.co2e_kg = f.facility_kWh * factors.emissions_kg_per_kWh;
  f.cost_cent = f.facility_kWh * factors.price_cent_per_kWh;
  return f;
}

void look_through(RunSummary& summary, const Factors& factors) {
  summary.factors = factors;
  assume_overhead(summary);
  if (summary.footprint) summary.footprint = footprint(summary.usage.energy.joules() + summary.overhead_J, factors);
  std::erase_if(summary.notes, [](const Note& n) { return n.caveat == Caveat::default_factors; });
  if (auto note = about_factors(summary)) summary.notes.push_back(*std::move(note));
}

RunSummary summarize(const Run& run, std::span<Readings* const> readings) {
  RunSummary out;
  out.number = run.number;
  out.id = run.id;
  out.app = run.app;
  out.perun_version = run.perun_version;
  out.cwd = run.cwd;
  out.round_id = run.round_id;
  out.title = run.title;
  out.tags = run.tags;
  out.provenance = run.provenance;
  out.postprocessed = run.postprocessed;
  out.origin = run.origin;
  out.command = run.command;
  out.round = run.round;
  out.frequency_hz = run.frequency_hz;
  out.begin_real_ns = run.begin.real_ns;
  out.outcome = run.outcome;
  out.factors = run.factors;

  std::vector<NodeFindings> findings;
  Together together;
  Amount total;
  double duration_s = run.outcome.finished || run.job || run.nodes.empty()
                          ? seconds(std::max(run.end.mono_ns - run.begin.mono_ns, std::int64_t{0}))
                          : 0;
  findings.reserve(run.nodes.size());
  for (std::size_t i = 0; i < run.nodes.size(); ++i) {
    const NodeRecord& node = run.nodes[i];
    const Seen seen{node, *readings[i], window_of(run, node, *readings[i])};
    Sampling sampling;
    const NodeFindings& found = findings.emplace_back(find(seen, sampling));
    NodeSummary& summary = out.nodes.emplace_back(node_of(seen, found));
    sampling.describe(summary);
    relate(run, seen, summary);
    together.add(seen, found);
    total += summary.usage.energy;
    if (!run.outcome.finished && !run.job) duration_s = std::max(duration_s, found.window.seconds());
  }
  const double max_W = out.nodes.size() == 1 ? out.nodes.front().usage.power_max_W : together.highest_W();
  out.usage = usage_of(total, duration_s, max_W);
  out.net = over_nodes(out.nodes, &NodeSummary::net);
  out.attributed = over_nodes(out.nodes, &NodeSummary::attributed);
  out.job = run.job;
  out.rank_energies_J = rank_energies(run, readings, out.nodes);
  out.end_real_ns = run.outcome.finished || run.job ? run.end.real_ns : run.begin.real_ns + std::llround(duration_s * 1e9);
  assume_overhead(out);
  if (total.kind != Kind::unavailable) out.footprint = footprint(total.joules() + out.overhead_J, run.factors);
  out.regions = regions_of_run(out.nodes, run.work, total);
  out.notes = caveats(out, findings);
  auto marks = region_caveats(out.regions);
  for (Note& note : mpi_caveats(out)) marks.push_back(std::move(note));
  const auto minor = std::find_if(out.notes.begin(), out.notes.end(), [](const Note& n) {
    return n.caveat == Caveat::not_measured || n.caveat == Caveat::default_factors;
  });
  out.notes.insert(minor, marks.begin(), marks.end());
  return out;
}

RunSummary summarize(const Run& run) {
  std::list<SeriesInMemory> series;
  std::vector<Readings*> readings;
  for (const NodeRecord& node : run.nodes) readings.push_back(&series.emplace_back(node.series));
  return summarize(run, readings);
}

}  // namespace perun
