// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/caveats.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "analysis/baseline.hpp"
#include "analysis/remarks.hpp"
#include "analysis/sensor_caveats.hpp"
#include "base/text.hpp"
#include "base/units.hpp"
#include "model/domains.hpp"

namespace perun {

namespace {

std::string_view people_call(Domain d) noexcept {
  switch (d) {
    case Domain::package:
    case Domain::apu:
    case Domain::module:
    case Domain::cores:
    case Domain::cpu:
      return "CPU";
    case Domain::dram:
    case Domain::memory:
      return "DRAM";
    case Domain::gpu:
      return "GPU";
    default:
      return name(d);
  }
}

void add_once(std::vector<std::string>& words, std::string word) {
  if (std::find(words.begin(), words.end(), word) == words.end()) words.push_back(std::move(word));
}

/// Wall time between the end of the node that ended first and the begin of the one that began last; 0: they ran together.
double clocks_apart_s(const JobRecord& job, const std::vector<NodeSummary>& nodes) {
  if (nodes.size() < 2) return 0;
  std::vector<std::int64_t> begins(nodes.size(), std::numeric_limits<std::int64_t>::max()), ends(nodes.size(), 0);
  for (const auto& r : job.ranks) {
    if (r.node < 0 || static_cast<std::size_t>(r.node) >= nodes.size()) continue;
    const auto i = static_cast<std::size_t>(r.node);
    const std::int64_t ahead_ns =
        nodes[i].clock_ahead && nodes[i].clock_ahead->proven() ? std::llround(nodes[i].clock_ahead->s * 1e9) : 0;
    begins[i] = std::min(begins[i], r.begin.real_ns - ahead_ns);
    ends[i] = std::max(ends[i], r.end.real_ns - ahead_ns);
  }
  const auto last_begin = *std::max_element(begins.begin(), begins.end());
  const auto first_end = *std::min_element(ends.begin(), ends.end());
  return first_end > 0 && last_begin > first_end ? static_cast<double>(last_begin - first_end) * 1e-9 : 0;
}

std::string without_stop(std::string text) {
  while (!text.empty() && (text.back() == '.' || text.back() == ' ')) text.pop_back();
  return text;
}

/// What the models of the estimated devices take for granted: "cpu:0 assumes 8 W TDP".
std::string assumptions(const NodeSummary& node) {
  std::vector<std::string> out;
  double percent = 0;
  for (const auto& d : node.devices) {
    if (!d.counted || d.kind != Kind::estimated) continue;
    percent = std::max(percent, d.systematic_percent);
    if (!d.note.empty()) add_once(out, d.label + " " + without_stop(d.note));
  }
  std::string text = percent > 0 ? fmt::format(" (a model, good to +- {} %", units::significant(percent, 2)) : " (a model";
  if (!out.empty()) text += ": " + joined(out);
  return text + ")";
}

void about_kinds(const NodeSummary& node, Remarks& remarks) {
  const Amount& energy = node.usage.energy;
  const bool virtual_machine =
      std::find(node.attributes.begin(), node.attributes.end(),
                std::pair<std::string, std::string>{"virtual_machine", "yes"}) != node.attributes.end();
  if (energy.kind == Kind::unavailable || energy.kind == Kind::estimated)
    remarks.add(
        Caveat::no_sensor,
        fmt::format("no power sensor can be read{}; {}", virtual_machine ? " (virtual machine)" : "",
                    energy.kind == Kind::estimated ? "the figures are estimates" : "energy, CO2e and cost are not available"),
        node.host);
  if (energy.kind == Kind::estimated)
    remarks.add(Caveat::estimated_part, "estimated from utilisation" + assumptions(node), node.host);
  if (energy.kind != Kind::mixed) return;
  std::vector<std::string> domains;
  for (const auto& d : node.devices)
    if (d.counted && d.kind == Kind::estimated) add_once(domains, std::string(people_call(d.domain)));
  remarks.add(Caveat::estimated_part,
              fmt::format("{} {} no sensor here; {} of the total are an estimate{}", joined(domains),
                          domains.size() > 1 ? "have" : "has", units::si(energy.estimated_J, "J"), assumptions(node)),
              node.host);
}

/// Whether a device measures what another does, as a GPU's power beside its counter.
bool second_meter(const NodeSummary& node, const DeviceSummary& device) {
  return std::any_of(node.devices.begin(), node.devices.end(),
                     [&](const auto& d) { return d.id == device.part_of && d.domain == device.domain; });
}

void about_coverage(const NodeSummary& node, Remarks& remarks) {
  std::vector<std::string> left_out, simulated;
  std::vector<Domain> counted;
  bool overlap = false;
  for (const auto& d : node.devices) {
    if (d.kind == Kind::unavailable) continue;
    if (!d.counted) {
      if (second_meter(node, d)) continue;  // the table says so, and nobody would look for it in the total
      overlap = overlap || !d.part_of.empty();
      left_out.push_back(d.label);
      for (const auto& other : node.devices)
        if (!d.part_of.empty() && other.id == d.part_of) left_out.back() += " (in " + other.label + ")";
      continue;
    }
    if (d.source.starts_with("sim")) simulated.push_back(d.label);
    counted.push_back(d.domain);
  }
  if (!simulated.empty()) remarks.add(Caveat::simulated, "simulated, not read from hardware: " + joined(simulated), node.host);
  if (!left_out.empty())
    remarks.add(Caveat::overlapping,
                (overlap ? "not in the total, since other sensors include them: " : "not in the total: ") + joined(left_out),
                node.host);
  if (node.usage.energy.kind == Kind::unavailable) return;
  std::vector<std::string> unseen;
  for (const auto word : without_sensor(counted)) unseen.emplace_back(word);
  if (unseen.empty()) return;
  remarks.add(Caveat::not_measured, joined(unseen) + " have no sensor here and are not in the total", node.host);
}

void about_length(const NodeSummary& node, const NodeFindings& found, Remarks& remarks) {
  const Sensor* slowest = nullptr;
  for (const Metered& m : found.metered)
    if (m.sensor->counted && m.energy.available && (slowest == nullptr || m.sensor->refresh_ns > slowest->refresh_ns))
      slowest = m.sensor;
  if (slowest == nullptr || found.window.to_ns - found.window.from_ns >= 10 * slowest->refresh_ns) return;
  remarks.add(Caveat::too_short,
              fmt::format("the run of {} is short for {}, which is renewed every {}: mind the +-",
                          units::duration(found.window.seconds()), slowest->label,
                          units::si(static_cast<double>(slowest->refresh_ns) * 1e-9, "s")),
              node.host);
}

void about_scope(const NodeSummary& node, Remarks& remarks) {
  if (!node.scope || !node.scope->partial() || node.usage.energy.kind == Kind::unavailable) return;
  const CpuScope& s = *node.scope;
  std::vector<std::string> more;
  if (s.quota_cpus > 0) more.push_back(fmt::format("at most {} CPUs of time", text::shortest(s.quota_cpus)));
  if (!s.cgroup.empty()) more.push_back("cgroup " + s.cgroup);
  remarks.add(Caveat::shared_node,
              fmt::format("this run may use {} of the node's {} CPUs{}, but the energy is the whole node's: what others used "
                          "there is in it",
                          s.usable_cpus > 0 ? s.usable_cpus : s.node_cpus, s.node_cpus,
                          more.empty() ? "" : fmt::format(" ({})", fmt::join(more, ", "))),
              node.host);
}

void about_baseline(const NodeSummary& node, Remarks& remarks) {
  if (!node.baseline || !node.net) return;
  const Baseline& b = *node.baseline;
  if (node.net->net_J < 0 || (node.attributed && node.attributed->above_energy))
    remarks.add(Caveat::net_below_zero,
                fmt::format("the run used less than the idle baseline of {} takes in {}; the node was not idle when that was "
                            "measured, or it was measured on another one",
                            units::si(b.power_W, "W"), units::duration(node.usage.duration_s)),
                node.host);
  if (b.cpu_busy.value_or(0) > idle_utilization)
    remarks.add(
        Caveat::baseline_not_idle,
        fmt::format("while the baseline was measured, the CPUs were {} % busy, so it is too high and net too low; below "
                    "{} % counts as idle",
                    units::significant(100 * *b.cpu_busy, 3), text::shortest(100 * idle_utilization)),
        node.host);
}

void about_sampling(const RunSummary& run, Remarks& remarks) {
  std::uint64_t ticks = 0, late = 0, lost = 0;
  for (const auto& node : run.nodes) {
    ticks += node.quality.ticks;
    late += node.quality.late;
    lost += node.quality.lost;
  }
  if (late > 0)
    remarks.add(Caveat::late_ticks,
                fmt::format("{} of {} sampling times passed unread; counters lose nothing by that", late, ticks + late), "");
  if (lost > 0)
    remarks.add(
        Caveat::lost_readings,
        fmt::format("{} lost because {} faster than could be stored",
                    lost == 1 ? "1 reading was" : fmt::format("{} readings were", lost), lost == 1 ? "it came" : "they came"),
        "");
}

/// Wall time that passed otherwise than the monotonic clock's: the clock was set, or the machine slept.
void about_clock(const NodeFindings& found, const std::string& host, Remarks& remarks) {
  if (std::abs(found.clock_jump_s) < 1) return;
  remarks.add(
      Caveat::clock_jump,
      fmt::format("the wall clock moved {} {} during the run: it was set{}; times of day may be wrong, the energy is not",
                  units::duration(std::abs(found.clock_jump_s)), found.clock_jump_s > 0 ? "ahead" : "back",
                  found.clock_jump_s > 0 ? ", or the machine was suspended, which is not part of the run" : ""),
      host);
}

/// A grid that became wider since sampling cost more than --max-overhead allows.
void about_rate(const NodeSummary& node, Remarks& remarks) {
  const Quality& q = node.quality;
  if (q.period_begin_ns <= 0 || q.period_ns <= q.period_begin_ns) return;
  remarks.add(Caveat::slowed_down,
              fmt::format("the rate fell from {} to {} Hz, since sampling took more of a core than --max-overhead allows",
                          units::significant(1e9 / static_cast<double>(q.period_begin_ns)),
                          units::significant(1e9 / static_cast<double>(q.period_ns))),
              node.host);
}

/// Nodes of a job that do not run at one time, by their wall clocks.
void about_clocks(const RunSummary& run, Remarks& remarks) {
  const double apart_s = run.job ? clocks_apart_s(*run.job, run.nodes) : 0;
  if (apart_s <= 0) return;
  remarks.add(Caveat::clocks_apart,
              fmt::format("by their wall clocks the nodes' ranks did not run at one time ({} lie between): {}",
                          units::duration(apart_s),
                          std::ranges::all_of(run.nodes, [](const auto& n) { return n.clock_error_s.has_value(); })
                              ? "the runtime has that time in it"
                              : "clocks that are not synchronized, so the runtime is the longest node's own"),
              "");
}

void about_run(const RunSummary& run, Remarks& remarks) {
  if (!run.origin.empty()) remarks.add(Caveat::foreign_data, run.origin, "");
  if (run.outcome.running)
    remarks.add(Caveat::interrupted,
                fmt::format("the run is in progress; the figures go up to the last reading, {} after the start",
                            units::duration(run.usage.duration_s)),
                "");
  else if (!run.outcome.finished && run.job)
    remarks.add(
        Caveat::interrupted,
        fmt::format("not all of the job was seen ({}); of a lost rank's node the figures end when that was noticed, or at "
                    "the last reading",
                    without_stop(run.outcome.interrupted_by)),
        "");
  else if (!run.outcome.finished)
    remarks.add(Caveat::interrupted,
                fmt::format("the measuring was cut off{}; the figures end at the last reading, {} after the start",
                            run.outcome.interrupted_by.empty() ? "" : " (" + without_stop(run.outcome.interrupted_by) + ")",
                            units::duration(run.usage.duration_s)),
                "");
  if (run.nodes.empty())
    remarks.add(Caveat::no_sensor, "no node delivered any data; energy, CO2e and cost are not available", "");
}

}  // namespace

std::optional<Note> about_factors(const RunSummary& run) {
  if (!run.footprint) return std::nullopt;
  std::vector<std::string> defaults;
  const Factors& f = run.factors;
  if (f.pue_source == "default")
    defaults.push_back(
        fmt::format("PUE {} (mean of the Uptime Institute Global Data Center Survey 2023)", units::significant(f.pue, 3)));
  if (f.emissions_source == "default")
    defaults.push_back(fmt::format("{} g/kWh (Germany, nowtricity.com)", units::significant(f.emissions_kg_per_kWh * 1000, 3)));
  if (f.price_source == "default")
    defaults.push_back(fmt::format("{} ct/kWh (Germany, stromauskunft.de)", units::significant(f.price_cent_per_kWh, 4)));
  if (defaults.empty()) return std::nullopt;
  return Note{Caveat::default_factors, "default factors, not yours: " + joined(defaults)};
}

std::vector<Note> caveats(const RunSummary& summary, const std::vector<NodeFindings>& findings) {
  Remarks remarks;
  about_run(summary, remarks);
  about_sampling(summary, remarks);
  about_clocks(summary, remarks);
  for (std::size_t i = 0; i < summary.nodes.size() && i < findings.size(); ++i) {
    const NodeSummary& node = summary.nodes[i];
    about_kinds(node, remarks);
    about_coverage(node, remarks);
    about_scope(node, remarks);
    about_baseline(node, remarks);
    about_length(node, findings[i], remarks);
    about_rate(node, remarks);
    about_clock(findings[i], node.host, remarks);
    about_sensors(node.host, findings[i], remarks);
    for (const auto& b : node.blocked)
      remarks.add(Caveat::blocked,
                  without_stop(fmt::format("{}: {}{}", b.backend, without_stop(b.reason), b.hint.empty() ? "" : ". " + b.hint)),
                  node.host);
  }
  auto notes = remarks.notes(summary.nodes.size());
  if (auto factors = about_factors(summary)) notes.push_back(*std::move(factors));
  return notes;
}

}  // namespace perun
