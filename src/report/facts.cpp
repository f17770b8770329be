// SPDX-License-Identifier: BSD-3-Clause
#include "report/facts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>

#include "analysis/sci.hpp"
#include "base/text.hpp"
#include "base/units.hpp"
#include "model/outside.hpp"
#include "report/hints.hpp"
#include "report/job_text.hpp"
#include "report/layout.hpp"
#include "report/mpi.hpp"
#include "report/parts_text.hpp"
#include "report/regions.hpp"
#include "report/wording.hpp"

namespace perun::facts {

namespace {

using layout::printable;

void add(Facts& out, std::string_view label, std::string text) {
  out.push_back({std::string(label), std::move(text)});
}

std::string_view attribute(const NodeSummary& node, std::string_view key) {
  for (const auto& [name, value] : node.attributes)
    if (name == key) return value;
  return "";
}

/// Length and, where the program was seen to end, its processor time and memory.
std::string runtime(const RunSummary& run) {
  std::string out = units::duration(run.usage.duration_s);
  const bool seen = run.job ? !from_outside(*run.job) : run.outcome.finished;
  if (seen && run.origin.empty())
    out += fmt::format("; CPU time {} user, {} system; {} at most", units::duration(run.outcome.user_s),
                       units::duration(run.outcome.system_s), wording::bytes(static_cast<double>(run.outcome.max_rss_bytes)));
  return out;
}

/// Where the error of the energy comes from, each part with its number.
std::string accuracy(const RunSummary& run) {
  double measured = 0, estimated = 0;
  for (const auto& node : run.nodes)
    for (const auto& d : node.devices)
      if (d.counted)
        (d.kind == Kind::estimated ? estimated : measured) =
            std::max(d.kind == Kind::estimated ? estimated : measured, d.systematic_percent);
  const Kind kind = run.usage.energy.kind;
  const std::string model =
      estimated > 0 ? fmt::format("the model +- {} %", units::significant(estimated, 2)) : "the model's error is unknown";
  if (kind == Kind::estimated) return model;
  std::string out = "+- " + units::si(run.usage.energy.uncertainty_J, "J", 2) + " (95 %, from readings)";
  if (measured > 0) out += fmt::format("; the sensors themselves +- {} %", units::significant(measured, 2));
  return kind == Kind::mixed ? out + "; " + model : out;
}

std::string split_energy(const RunSummary& run) {
  std::size_t measured = 0, estimated = 0;
  for (const auto& node : run.nodes) {
    measured += node.usage.energy.kind == Kind::measured ? 1 : 0;
    estimated += node.usage.energy.kind == Kind::estimated ? 1 : 0;
  }
  const bool by_node = run.nodes.size() > 1 && measured + estimated == run.nodes.size();
  const auto count = [&](std::size_t n) {
    return by_node ? fmt::format(" on {} {}", n, n == 1 ? "node" : "nodes") : std::string();
  };
  return fmt::format("of it {} measured{}, {} (estimated){}", wording::joules(run.usage.energy.measured_J), count(measured),
                     wording::joules(run.usage.energy.estimated_J), count(estimated));
}

/// What the total is made of: "cpu:0 package, dram (estimated)". With many devices the table says it.
std::string parts(const RunSummary& run) {
  constexpr std::size_t most = 8;
  if (run.nodes.size() != 1) return "";
  std::string out;
  std::size_t count = 0;
  for (const auto& d : run.nodes.front().devices) {
    if (!d.counted || d.kind == Kind::unavailable) continue;
    out += (out.empty() ? "" : ", ") + printable(d.label) + std::string(wording::tag(d.kind));
    ++count;
  }
  return count > most ? fmt::format("{} sensors", count) : out;
}

/// " at 1.58 (default)"
std::string at(double value, int digits, std::string_view unit, std::string_view source) {
  return fmt::format(" at {}{} ({})", units::significant(value, digits), unit, printable(source));
}

/// The nodes' own emissions and the score with them, each with what went in.
void sci(Facts& out, const RunSummary& run) {
  const auto score = sci_of(run);
  if (!score) return;
  const Factors& f = run.factors;
  const auto tag = wording::tag(footprint_kind(run.usage.energy.kind, run.overhead_J));
  add(out, "Embodied",
      fmt::format("{} of {} kg a node ({}) over {} years ({}), its share {} ({}); not in CO2e",
                  wording::co2e(score->embodied_kg), text::shortest(f.embodied_kg), printable(f.embodied_source),
                  text::shortest(f.lifespan_years), printable(f.lifespan_source), text::shortest(f.resource_share),
                  printable(f.resource_source)));
  std::string text = fmt::format("{}{} per run", wording::co2e(score->run_kg), tag);
  for (const auto& unit : score->per_unit)
    text += fmt::format("; {}{} per {}", wording::co2e(unit.kg), tag, printable(unit.unit));
  add(out, "SCI", text + " (ISO/IEC 21031: CO2e + embodied)");
}

/// "20.00 W +- 0.5 W of spread, measured before the run for 10 s"
std::string baseline(const RunSummary& run) {
  if (run.nodes.size() != 1) return fmt::format("{} nodes' baselines", run.nodes.size());
  const Baseline& b = *run.nodes.front().baseline;
  std::string out = wording::watts(b.power_W);
  if (!b.stated()) out += fmt::format(", spread {}", units::si(b.spread_W, "W", 2));
  out += "; " + printable(b.origin);
  if (!b.stated()) out += fmt::format(", {} long", units::duration(b.seconds));
  return out;
}

/// Gross, baseline and net, in this order and never one without the others.
void net(Facts& out, const RunSummary& run) {
  if (!run.net) return;
  const auto tag = wording::tag(run.usage.energy.kind);
  add(out, "Baseline",
      fmt::format("{} +- {} ({})", wording::joules(run.net->baseline_J), units::si(run.net->baseline_uncertainty_J, "J", 2),
                  baseline(run)));
  add(out, "Net",
      fmt::format("{} +- {}{} = energy - baseline", wording::joules(run.net->net_J), units::si(run.net->uncertainty_J, "J", 2),
                  tag));
}

/// "attributed by CPU time: this run 120 J +- 3 J, others 80 J, idle 60 J, not attributed 36 J"
void share(Facts& out, const RunSummary& run) {
  if (!run.attributed) return;
  const Attribution& a = *run.attributed;
  const std::string error = a.kind == Kind::measured ? " +- " + units::si(a.run_uncertainty_J, "J", 2) : "";
  std::string text = fmt::format("attributed by CPU time: this run {}{}{}, others {}, idle {}", wording::joules(a.run_J), error,
                                 wording::tag(a.kind), wording::joules(a.others_J), wording::joules(a.idle_J));
  if (a.unattributed_J > 0) text += ", not attributed " + wording::joules(a.unattributed_J);
  add(out, "Share", text);
}

std::string activity(const RunSummary& run) {
  double busy = 0, nodes = 0, clocks = 0;
  std::optional<double> memory, read, written, received, sent, hertz, celsius, throttled;
  const auto add = [](std::optional<double>& sum, const std::optional<double>& value) {
    if (value) sum = sum.value_or(0) + *value;
  };
  for (const auto& node : run.nodes) {
    const Activity& a = node.activity;
    if (a.cpu_utilization) busy += *a.cpu_utilization, nodes += 1;
    if (a.memory_used_max_bytes) memory = std::max(memory.value_or(0), *a.memory_used_max_bytes);
    add(read, a.disk_read_bytes);
    add(written, a.disk_written_bytes);
    add(received, a.network_received_bytes);
    add(sent, a.network_sent_bytes);
    add(throttled, a.throttle_events);
    if (a.cpu_frequency_mean_Hz) add(hertz, *a.cpu_frequency_mean_Hz), clocks += 1;
    if (a.cpu_temperature_max_C) celsius = std::max(celsius.value_or(0), *a.cpu_temperature_max_C);
  }
  std::string out;
  const auto say = [&](std::string_view what) { out += (out.empty() ? "" : "; ") + std::string(what); };
  if (nodes > 0) say("CPU " + wording::percent(busy / nodes));
  if (hertz) say(units::si(*hertz / clocks, "Hz", 3));
  if (celsius) say(fmt::format("up to {:.0f} degrees C", *celsius));
  if (throttled && *throttled > 0) say(fmt::format("throttled {:.0f} times", *throttled));
  if (memory) say("memory up to " + wording::bytes(*memory));
  if (read && written) say("disk " + wording::bytes(*read) + " read, " + wording::bytes(*written) + " written");
  if (run.nodes.size() == 1)
    for (const auto& text : parts_text::gpu_activity(run.nodes.front().activity)) say(text);
  if (received && sent) say("network " + wording::bytes(*received) + " in, " + wording::bytes(*sent) + " out");
  return out;
}

/// How the sampling went; of several nodes the worst.
std::string quality(const RunSummary& run) {
  double hz = 0, gap_s = 0;
  std::uint64_t late = 0, lost = 0, ticks = std::numeric_limits<std::uint64_t>::max(), readings = 0, repeated = 0;
  std::int64_t half_ns = 0, most_ns = 0;
  for (const auto& node : run.nodes) {
    if (node.frequency_achieved_hz > 0) hz = hz > 0 ? std::min(hz, node.frequency_achieved_hz) : node.frequency_achieved_hz;
    gap_s = std::max(gap_s, node.longest_gap_s);
    late += node.quality.late;
    lost += node.quality.lost;
    ticks = std::min(ticks, node.quality.ticks);
    readings += node.readings;
    repeated += node.repeated;
    half_ns = std::max(half_ns, node.quality.latency_p50_ns);
    most_ns = std::max(most_ns, node.quality.latency_p99_ns);
  }
  const std::string got = ticks <= 2 ? "read at both ends of the shorter run" : units::significant(hz) + " got";
  std::string out = fmt::format("{} Hz asked, {}; longest gap {}; {} late, {} lost", text::shortest(run.frequency_hz), got,
                                units::si(gap_s, "s", 3), late, lost);
  if (repeated > 0) out += fmt::format(", {} of {} readings repeated", repeated, readings);
  if (most_ns > 0)
    out += fmt::format("; a tick read in {} (p50), {} (p99)", units::si(static_cast<double>(half_ns) * 1e-9, "s", 2),
                       units::si(static_cast<double>(most_ns) * 1e-9, "s", 2));
  return out;
}

/// What perun itself took while the program ran; of several nodes the most, and their joules together.
std::string overhead(const RunSummary& run) {
  double own_s = 0, joules = 0;
  std::size_t known = 0;
  for (const auto& node : run.nodes) {
    own_s = std::max(own_s, static_cast<double>(node.quality.agent_cpu_ns + node.quality.launcher_cpu_ns) * 1e-9);
    if (!node.own_energy_J) continue;
    joules += *node.own_energy_J;
    ++known;
  }
  std::string out = run.usage.duration_s < 1 ? units::si(own_s, "s", 2) + " of CPU time"
                                             : units::significant(100 * own_s / run.usage.duration_s, 2) + " % of a core";
  if (known > 0 && known == run.nodes.size())
    out += fmt::format(", about {} of the energy{}", units::si(joules, "J", 2), wording::tag(run.usage.energy.kind));
  return out;
}

}  // namespace

std::string where_and_when(const RunSummary& run) {
  std::size_t sensors = 0, gpus = 0;
  for (const auto& node : run.nodes)
    for (const auto& d : node.devices) {
      sensors += d.kind == Kind::measured ? 1 : 0;
      gpus += parts_text::is_gpu(node, d) ? 1 : 0;
    }
  std::string out;
  if (run.nodes.size() == 1) {
    const NodeSummary& node = run.nodes.front();
    out = printable(node.host);
    if (const auto sockets = attribute(node, "sockets"); !sockets.empty()) out += fmt::format(", {} CPU", printable(sockets));
    if (const auto threads = attribute(node, "threads"); !threads.empty())
      out += fmt::format(" ({} threads)", printable(threads));
    if (gpus > 0) out += fmt::format(" + {} GPU", gpus);
  } else {
    out = fmt::format("{} nodes", run.nodes.size());
  }
  if (run.job && !from_outside(*run.job)) out += fmt::format(", {} ranks", run.job->size);
  std::string time = units::iso8601(run.begin_real_ns).substr(0, 19);
  std::replace(time.begin(), time.end(), 'T', ' ');
  return fmt::format("{}, {} power {}, {} UTC", out, sensors, sensors == 1 ? "sensor" : "sensors", time);
}

std::string called(const RunSummary& run) {
  std::string out = printable(run.title);
  if (!run.tags.empty())
    out += fmt::format("{}[{}]", out.empty() ? "" : " ", printable(fmt::format("{}", fmt::join(run.tags, ", "))));
  return out;
}

Facts figures(const RunSummary& run) {
  Facts out;
  const Amount& e = run.usage.energy;
  if (const std::string text = job_text::ranks(run); !text.empty()) add(out, "Ranks", text);
  if (const std::string text = job_text::outside(run); !text.empty()) add(out, "Outside", text);
  if (const std::string text = job_text::scheduler(run); !text.empty()) add(out, "Job", text);
  add(out, "Runtime", runtime(run));
  if (e.kind == Kind::unavailable) {
    add(out, "Energy", "n/a");
    return out;
  }
  const auto tag = wording::tag(e.kind);
  const std::string error = e.kind == Kind::measured ? " +- " + units::si(e.uncertainty_J, "J", 2) : "";
  add(out, "Energy", fmt::format("{}{} = {}{}", wording::joules(e.joules()), error, units::si(e.joules() / 3600, "Wh"), tag));
  if (e.kind == Kind::mixed) add(out, "", split_energy(run));
  if (const std::string text = parts(run); !text.empty()) add(out, "of", text);
  if (run.nodes.size() == 1) {
    if (const auto text = parts_text::inside(run.nodes.front()); !text.empty()) add(out, "Inside", text);
    if (const auto text = parts_text::visible_gpus(run.nodes.front()); !text.empty()) add(out, "GPUs", text);
  }
  net(out, run);
  share(out, run);
  add(out, "Power",
      fmt::format("mean {}{}, peak {}{}", wording::watts(run.usage.power_mean_W), tag, wording::watts(run.usage.power_max_W),
                  tag));
  if (run.footprint) {
    const Factors& f = run.factors;
    const Footprint& figure = *run.footprint;
    const double joules = e.joules() + run.overhead_J;
    const double part = joules > 0 ? e.uncertainty_J / joules : 0;
    const Kind kind = footprint_kind(e.kind, run.overhead_J);
    if (f.overhead_power_W > 0)
      add(out, "Assumed",
          fmt::format("{} (estimated) at {} a node for parts without a sensor, not in the energy above",
                      wording::joules(run.overhead_J), wording::watts(f.overhead_power_W)));
    const auto line = [&](const char* name, const auto& print, double value, const std::string& factor) {
      const std::string uncertain = kind == Kind::measured ? " +- " + print(part * value, 2) : "";
      add(out, name, fmt::format("{}{}{}{}", print(value, 4), uncertain, wording::tag(kind), factor));
    };
    line(
        "with PUE", [](double Wh, int digits) { return units::si(Wh, "Wh", digits); }, figure.facility_kWh * 1000,
        at(f.pue, 3, "", f.pue_source));
    line("CO2e", wording::co2e, figure.co2e_kg, at(f.emissions_kg_per_kWh * 1000, 3, " g/kWh", f.emissions_source));
    line("Cost", wording::cost, figure.cost_cent, at(f.price_cent_per_kWh, 4, " ct/kWh", f.price_source));
    sci(out, run);
  }
  add(out, "Accuracy", accuracy(run));
  return out;
}

Facts remarks(const RunSummary& run) {
  Facts out;
  for (const WorkSummary& w : run.regions.work) add(out, "Work", wording::work(w, run.usage.energy.kind));
  if (const std::string text = wording::mpi(run); !text.empty()) add(out, "MPI", text);
  if (const std::string text = activity(run); !text.empty()) add(out, "Activity", text);
  if (!run.nodes.empty() && run.origin.empty()) {
    add(out, "Quality", quality(run));
    add(out, "Overhead", overhead(run));
    if (const std::string text = job_text::clocks(run); !text.empty()) add(out, "Clocks", text);
  }
  for (const Note& note : run.notes) add(out, "Note", printable(note.text));
  for (auto& hint : hints(run)) add(out, "Hint", std::move(hint));
  return out;
}

Facts total(const Summary& summary) {
  Facts out;
  if (summary.runs_in_file < 2) return out;
  const Amount& e = summary.total.energy;
  const auto tag = wording::tag(e.kind);
  std::string text = fmt::format("{} runs, {}", summary.runs_in_file, units::duration(summary.total.duration_s));
  if (e.kind == Kind::unavailable) {
    text += "; energy n/a";
  } else {
    text += fmt::format("; {}{}", wording::joules(e.joules()), tag);
    if (e.kind == Kind::mixed)
      text += fmt::format(", of it {} measured, {} (estimated)", wording::joules(e.measured_J), wording::joules(e.estimated_J));
    text += fmt::format("; mean {}{}", wording::watts(summary.total.power_mean_W), tag);
    if (const auto& f = summary.total_footprint)
      text += fmt::format("; {}{} CO2e; {}{}", wording::co2e(f->co2e_kg), tag, wording::cost(f->cost_cent), tag);
  }
  add(out, "All runs", text);
  return out;
}

}  // namespace perun::facts
