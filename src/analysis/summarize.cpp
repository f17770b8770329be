// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/summarize.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string_view>
#include <utility>

#include "analysis/baseline.hpp"
#include "analysis/caveats.hpp"
#include "analysis/energy.hpp"
#include "analysis/share.hpp"
#include "analysis/track.hpp"
#include "model/domains.hpp"

namespace perun {

namespace {

double seconds(std::int64_t ns) noexcept {
  return static_cast<double>(ns) * 1e-9;
}

}  // namespace

/// A node whose clocks agree with the launcher's is the same machine; any other is aligned by wall time.
Window window_of(const Run& run, const NodeRecord& node) {
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
    for (const Series& s : node.series)
      if (s.size() > 0) last_ns = std::max(last_ns, s.t_ns.back());
    if (last_ns != missing) w.to_ns = last_ns;
  }
  w.to_ns = std::max(w.to_ns, w.from_ns);
  return w;
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

const Series* series_of(const NodeRecord& node, std::string_view id) {
  for (std::size_t i = 0; i < node.sensors.size() && i < node.series.size(); ++i)
    if (node.sensors[i].id == id) return &node.series[i];
  return nullptr;
}

std::optional<double> increase(const NodeRecord& node, std::string_view id, Window window) {
  const Series* series = series_of(node, id);
  if (series == nullptr ||
      series->size() - static_cast<std::size_t>(std::count(series->raw.begin(), series->raw.end(), missing)) < 2)
    return std::nullopt;
  const auto index = static_cast<std::size_t>(series - node.series.data());
  return increase_between(node.sensors[index], *series, window);
}

std::optional<double> highest(const NodeRecord& node, std::string_view id, Window window) {
  const Series* series = series_of(node, id);
  if (series == nullptr) return std::nullopt;
  const double scale = node.sensors[static_cast<std::size_t>(series - node.series.data())].scale;
  std::optional<double> most;
  for (std::size_t i = 0; i < series->size(); ++i) {
    const bool inside = series->t_ns[i] <= window.to_ns || !most;
    if (series->raw[i] != missing && inside) most = std::max(most.value_or(0), static_cast<double>(series->raw[i]) * scale);
  }
  return most;
}

/// Lowest, mean and highest value of a gauge in the window, or as near to it as there is one.
struct Spread {
  double least = 0, mean = 0, most = 0;
};
std::optional<Spread> spread(const Sensor& sensor, const Series& series, Window window) {
  Spread s;
  double count = 0;
  for (std::size_t i = 0; i < series.size(); ++i) {
    if (series.raw[i] == missing || (series.t_ns[i] > window.to_ns && count > 0)) continue;
    const double value = static_cast<double>(series.raw[i]) * sensor.scale;
    s.least = count > 0 ? std::min(s.least, value) : value;
    s.most = count > 0 ? std::max(s.most, value) : value;
    s.mean += value;
    ++count;
  }
  if (count == 0) return std::nullopt;
  s.mean /= count;
  return s;
}

/// What the processors did beside using energy: series of the backend state.
void describe_state(const NodeRecord& node, Window window, Activity& a) {
  for (std::size_t i = 0; i < node.sensors.size() && i < node.series.size(); ++i) {
    const Sensor& s = node.sensors[i];
    if (s.quantity == Quantity::events) a.throttle_events = increase(node, s.id, window);
    if (s.quantity != Quantity::frequency && s.quantity != Quantity::temperature && s.quantity != Quantity::limit) continue;
    const auto seen = spread(s, node.series[i], window);
    if (!seen) continue;
    if (s.quantity == Quantity::frequency) a.cpu_frequency_mean_Hz = seen->mean;
    if (s.quantity == Quantity::temperature)
      a.cpu_temperature_max_C = std::max(a.cpu_temperature_max_C.value_or(0), seen->most);
    if (s.quantity == Quantity::limit) a.cpu_power_limit_W = a.cpu_power_limit_W.value_or(0) + seen->least;
  }
}

Activity activity_of(const NodeRecord& node, Window window) {
  Activity a;
  const auto busy = increase(node, "proc:cpu_busy", window), total = increase(node, "proc:cpu_total", window);
  if (busy && total && *total > 0) a.cpu_utilization = std::clamp(*busy / *total, 0.0, 1.0);
  a.memory_used_max_bytes = highest(node, "proc:memory_used", window);
  a.disk_read_bytes = increase(node, "proc:disk_read", window);
  a.disk_written_bytes = increase(node, "proc:disk_written", window);
  a.network_received_bytes = increase(node, "proc:net_received", window);
  a.network_sent_bytes = increase(node, "proc:net_sent", window);
  describe_state(node, window, a);
  return a;
}

/// CPU time of the run's processes on a node, where wait4 told it of all of them.
std::optional<double> cpu_time_on(const Run& run, const NodeRecord& node) {
  if (!run.job)
    return run.outcome.finished && run.nodes.size() == 1 ? std::optional(run.outcome.user_s + run.outcome.system_s)
                                                         : std::nullopt;
  double sum_s = 0;
  for (const RankRecord& r : run.job->ranks) {
    if (r.node != &node - run.nodes.data()) continue;
    if (r.status != RankStatus::ok && r.status != RankStatus::failed) return std::nullopt;
    sum_s += r.user_s + r.system_s;
  }
  return sum_s;
}

/// What follows from the node's total: net of the baseline, and the share of the run's own processes.
void relate(const Run& run, const NodeRecord& node, Window window, NodeSummary& out) {
  if (out.usage.energy.kind == Kind::unavailable) return;
  if (out.baseline) out.net = net_of(out.usage, *out.baseline);
  auto times = node_cpu_times(node, window);
  const auto run_s = cpu_time_on(run, node);
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
void describe_sampling(const NodeRecord& node, NodeSummary& out) {
  const bool energy = std::any_of(node.sensors.begin(), node.sensors.end(), is_meter);
  std::size_t most = 0;
  for (std::size_t i = 0; i < node.sensors.size() && i < node.series.size(); ++i) {
    const Series& s = node.series[i];
    if (energy && !is_meter(node.sensors[i])) continue;
    if (s.size() > most && s.size() > 1 && s.t_ns.back() > s.t_ns.front()) {
      most = s.size();
      out.frequency_achieved_hz = static_cast<double>(s.size() - 1) / seconds(s.t_ns.back() - s.t_ns.front());
    }
    std::int64_t before = missing, raw_before = missing;
    for (std::size_t k = 0; k < s.size(); ++k) {
      if (s.raw[k] == missing) continue;
      if (before != missing) out.longest_gap_s = std::max(out.longest_gap_s, seconds(s.t_ns[k] - before));
      ++out.readings;
      if (s.raw[k] == raw_before) ++out.repeated;
      before = s.t_ns[k];
      raw_before = s.raw[k];
    }
  }
}

/// perun's part of the processors' energy, by its part of all processor time, idle included: what others and idling
/// used is theirs. Nothing where either is not known.
std::optional<double> own_energy_J(const NodeRecord& node, const NodeFindings& found) {
  const auto all_s = increase(node, "proc:cpu_total", found.window);
  const double own_s = seconds(node.quality.agent_cpu_ns + node.quality.launcher_cpu_ns);
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
  void add(const NodeRecord& node, const NodeFindings& found) {
    nodes_.push_back({&node, &found});
    for (const Metered& m : found.metered) {
      if (!m.sensor->counted || !m.energy.available) continue;
      const double mean_W = found.window.seconds() > 0 ? m.energy.joules / found.window.seconds() : 0;
      shortest_s_ = std::max(shortest_s_, shortest_stretch_s(*m.sensor, mean_W));
    }
  }

  [[nodiscard]] double highest_W(EnergyTrack& track) const {
    std::vector<std::int64_t> edges;
    std::vector<double> joules;
    std::int64_t origin = 0;
    for (const auto& [node, found] : nodes_)
      for (const Metered& m : found->metered) {
        if (!m.sensor->counted || !m.energy.available) continue;
        read_track(*m.sensor, node->series[static_cast<std::size_t>(m.sensor - node->sensors.data())], track);
        if (edges.empty()) {
          origin = found->window.from_ns;
          edges = stretches(track, found->window, shortest_s_);
          joules.resize(edges.size() - 1);
        }
        add_energy(track, edges, found->window.from_ns - origin, joules);
      }
    return highest_power(edges, joules);
  }

 private:
  std::vector<std::pair<const NodeRecord*, const NodeFindings*>> nodes_;
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

NodeFindings find(const Run& run, const NodeRecord& node, EnergyTrack& track) {
  NodeFindings found;
  found.window = window_of(run, node);
  for (std::size_t i = 0; i < node.sensors.size() && i < node.series.size(); ++i) {
    if (!is_meter(node.sensors[i])) continue;
    const Series& series = node.series[i];
    Metered m{&node.sensors[i], energy_between(node.sensors[i], series, found.window, track), series.size()};
    if (series.size() > 0) {
      m.first_ns = series.t_ns.front();
      const double sum_ns = std::accumulate(series.halfwidth_ns.begin(), series.halfwidth_ns.end(), 0.0);
      m.typical_bracket_s = 2e-9 * sum_ns / static_cast<double>(series.size());
    }
    found.metered.push_back(m);
  }
  if (node.clock.size() > 1)
    found.clock_jump_s = seconds((node.clock.back().real_ns - node.clock.front().real_ns) -
                                 (node.clock.back().mono_ns - node.clock.front().mono_ns));
  return found;
}

NodeSummary node_of(const NodeRecord& node, const NodeFindings& found, EnergyTrack& track) {
  NodeSummary out;
  out.host = node.host;
  out.attributes = node.attributes;
  out.scope = node.scope;
  out.baseline = node.baseline;
  out.blocked = node.blocked;
  out.quality = node.quality;
  out.clock_error_s = node.clock_error_s;
  out.activity = activity_of(node, found.window);
  describe_sampling(node, out);
  Amount total;
  for (const Metered& m : found.metered) {
    out.devices.push_back(device_of(*m.sensor, m.energy, found.window.seconds()));
    if (m.sensor->counted) total += out.devices.back().usage.energy;
  }
  out.own_energy_J = own_energy_J(node, found);
  Together together;
  together.add(node, found);
  out.usage = usage_of(total, found.window.seconds(), together.highest_W(track));
  for (DeviceSummary& d : out.devices)
    if (d.counted && total.joules() > 0) take_share(d, total);
  std::stable_sort(out.devices.begin(), out.devices.end(), [](const DeviceSummary& a, const DeviceSummary& b) {
    if (a.counted != b.counted) return a.counted;
    return a.usage.energy.joules() > b.usage.energy.joules();
  });
  return out;
}

}  // namespace

Footprint footprint(const Amount& energy, const Factors& factors) {
  Footprint f;
  f.facility_kWh = energy.joules() / 3.6e6 * factors.pue;
  f.co2e_kg = f.facility_kWh * factors.emissions_kg_per_kWh;
  f.cost_cent = f.facility_kWh * factors.price_cent_per_kWh;
  return f;
}

RunSummary summarize(const Run& run) {
  RunSummary out;
  out.number = run.number;
  out.id = run.id;
  out.app = run.app;
  out.perun_version = run.perun_version;
  out.cwd = run.cwd;
  out.round_id = run.round_id;
  out.command = run.command;
  out.round = run.round;
  out.frequency_hz = run.frequency_hz;
  out.begin_real_ns = run.begin.real_ns;
  out.outcome = run.outcome;
  out.factors = run.factors;

  std::vector<NodeFindings> findings;
  EnergyTrack track;  // used for one sensor after the other: a long run has too many readings to allocate each time
  Together together;
  Amount total;
  double duration_s = run.outcome.finished || run.job || run.nodes.empty()
                          ? seconds(std::max(run.end.mono_ns - run.begin.mono_ns, std::int64_t{0}))
                          : 0;
  findings.reserve(run.nodes.size());
  for (const NodeRecord& node : run.nodes) {
    const NodeFindings& found = findings.emplace_back(find(run, node, track));
    out.nodes.push_back(node_of(node, found, track));
    relate(run, node, found.window, out.nodes.back());
    together.add(node, found);
    total += out.nodes.back().usage.energy;
    if (!run.outcome.finished && !run.job) duration_s = std::max(duration_s, found.window.seconds());
  }
  const double max_W = out.nodes.size() == 1 ? out.nodes.front().usage.power_max_W : together.highest_W(track);
  out.usage = usage_of(total, duration_s, max_W);
  out.net = over_nodes(out.nodes, &NodeSummary::net);
  out.attributed = over_nodes(out.nodes, &NodeSummary::attributed);
  out.job = run.job;
  out.end_real_ns = run.outcome.finished || run.job ? run.end.real_ns : run.begin.real_ns + std::llround(duration_s * 1e9);
  if (total.kind != Kind::unavailable) out.footprint = footprint(total, run.factors);
  out.notes = caveats(out, findings);
  return out;
}

}  // namespace perun
