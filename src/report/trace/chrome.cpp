// SPDX-License-Identifier: BSD-3-Clause
// The trace event format: "C" counters hold until their next event, "X" slices must nest within their track, "M" names.
// Times are microseconds from the run's begin. A node is a process, a thread that marked regions a thread of it.
#include <fmt/format.h>

#include <iterator>
#include <map>

#include "base/text.hpp"
#include "base/units.hpp"
#include "report/document.hpp"
#include "report/layout.hpp"
#include "report/trace/lines.hpp"
#include "report/trace/trace.hpp"
#include "report/wording.hpp"

namespace perun::trace {

namespace {

constexpr std::size_t most_samples = 200'000;

void counter(List& events, std::size_t node, std::string_view quoted_name, std::int64_t t_us, std::string_view unit,
             double value) {
  fmt::format_to(std::back_inserter(events.next()), R"({{"ph":"C","pid":{},"name":{},"ts":{},"args":{{"{}":{}}}}})", node + 1,
                 quoted_name, t_us, unit, text::shortest(value));
}

void named(List& events, std::string_view what, std::size_t node, std::size_t thread, std::string_view name) {
  fmt::format_to(std::back_inserter(events.next()), R"({{"ph":"M","pid":{},"tid":{},"name":"{}","args":{{"name":{}}}}})",
                 node + 1, thread, what, json_text(name));
}

void power(List& events, const PowerLine& line) {
  const auto name = json_text("power " + line.name);
  const PowerSteps& s = line.steps;
  for (std::size_t i = 0; i < s.stretches(); ++i) counter(events, line.node, name, s.t_us[i], "W", s.watts(i));
  counter(events, line.node, name, s.t_us.back(), "W", s.watts(s.stretches() - 1));
}

/// What the node has used so far, and the CO2e of that.
void so_far(List& events, const RunSummary& run, std::size_t node, const PowerSteps& energy) {
  const auto tag = std::string(wording::tag(run.nodes[node].usage.energy.kind));
  const auto joules = json_text("energy" + tag), co2e = json_text("CO2e" + tag);
  for (std::size_t i = 0; i < energy.t_us.size(); ++i) {
    counter(events, node, joules, energy.t_us[i], "J", energy.joules[i]);
    counter(events, node, co2e, energy.t_us[i], "g", energy.joules[i] * grams_per_joule(run));
  }
}

/// A rate is drawn over the time up to its value, everything else from its moment on.
void state(List& events, const StateTrack& track) {
  const auto name = json_text(fmt::format("{} {}", perun::name(track.quantity), layout::printable(track.label)));
  const std::string unit =
      std::string(perun::unit(track.quantity)) + (track.rate && track.quantity != Quantity::utilization ? "/s" : "");
  for (std::size_t i = track.rate ? 1 : 0; i < track.t_us.size(); ++i)
    counter(events, track.node, name, track.t_us[track.rate ? i - 1 : i], unit,
            static_cast<double>(track.value[i]) * track.unit);
}

void slice(List& events, std::size_t node, std::size_t thread, std::string_view name, std::int64_t from_us, std::int64_t to_us,
           const Json& args) {
  fmt::format_to(std::back_inserter(events.next()), R"({{"ph":"X","pid":{},"tid":{},"name":{},"ts":{},"dur":{},"args":{}}})",
                 node + 1, thread, json_text(name), from_us, to_us - from_us, args.dump(-1, ' ', true));
}

/// Calls that overlap without one inside of the other cannot be on one track: each is put on the first where it fits.
class Tracks {
 public:
  std::size_t place(std::int64_t from_us, std::int64_t to_us) {
    for (std::size_t track = 0;; ++track) {
      if (track == open_.size()) open_.emplace_back();
      auto& ends = open_[track];
      while (!ends.empty() && ends.back() <= from_us) ends.pop_back();
      if (!ends.empty() && ends.back() < to_us) continue;
      ends.push_back(to_us);
      return track;
    }
  }
  [[nodiscard]] std::size_t size() const noexcept { return open_.size(); }

 private:
  std::vector<std::vector<std::int64_t>> open_;  ///< ends of the calls around
};

void regions(List& events, const RunSummary& run, const Timeline& timeline) {
  const auto energy = counted_energy(run, timeline);
  std::vector<Tracks> tracks(timeline.lanes.size());
  // Threads are numbered lane by lane, with room for those that need more than one track.
  const auto number = [&](std::size_t lane, std::size_t track) { return 10 + lane + track * timeline.lanes.size(); };
  for (const auto& call : timeline.calls) {
    const std::size_t node = timeline.lanes[call.lane].node;
    const auto joules = joules_during(energy[node], call.from_us, call.to_us);
    Json args{{"calls", call.calls}};
    args["node_energy_J"] = joules ? json_number(*joules) : Json(nullptr);
    args["node_power_W"] = joules ? json_number(*joules * 1e6 / static_cast<double>(call.to_us - call.from_us)) : Json(nullptr);
    args["kind"] = perun::name(run.nodes[node].usage.energy.kind);
    slice(events, node, number(call.lane, tracks[call.lane].place(call.from_us, call.to_us)), call_name(timeline, call),
          call.from_us, call.to_us, args);
  }
  for (std::size_t l = 0; l < tracks.size(); ++l)
    for (std::size_t track = 0; track < tracks[l].size(); ++track)
      named(events, "thread_name", timeline.lanes[l].node, number(l, track),
            lane_name(run, timeline.lanes[l]) + (track > 0 ? " (overlapping)" : ""));
}

/// What could not be read: a counter would show it as 0.
void unread(List& events, const std::vector<PowerLine>& lines) {
  constexpr std::size_t first = 1'000'000;  // behind all threads
  std::map<std::size_t, std::size_t> used;
  for (const auto& line : lines) {
    if (line.total || line.steps.unread.empty()) continue;
    const std::size_t thread = first + used[line.node]++;
    named(events, "thread_name", line.node, thread, "not measured: " + line.name);
    for (const auto& [from, to] : line.steps.unread)
      slice(events, line.node, thread, "not measured", from, to, {{"what", json_words(line.name)}});
  }
}

Json about(const RunSummary& run) {
  return {{"tool", "perun " + run.perun_version},
          {"app", json_words(run.app)},
          {"run_id", json_words(run.id)},
          {"begin", units::iso8601(run.begin_real_ns)},
          {"command", json_words(text::shell_quote(run.command))},
          {"pue", run.factors.pue},
          {"emissions_kg_per_kWh", run.factors.emissions_kg_per_kWh}};
}

}  // namespace

std::string chrome(const RunSummary& run, const Timeline& timeline) {
  const auto lines = power_lines(run, timeline, most_samples);
  const auto energy = counted_energy(run, timeline);
  std::string out = R"({"displayTimeUnit":"ms","otherData":)" + about(run).dump(-1, ' ', true) + R"(,"traceEvents":)";
  {
    List events(out);
    for (std::size_t n = 0; n < run.nodes.size(); ++n)
      named(events, "process_name", n, 0, layout::printable(run.nodes[n].host));
    for (const auto& line : lines) power(events, line);
    for (std::size_t n = 0; n < energy.size(); ++n)
      if (energy[n].stretches() > 0) so_far(events, run, n, sum_of({&energy[n], 1}, most_samples));
    for (const auto& track : timeline.states) state(events, track);
    regions(events, run, timeline);
    unread(events, lines);
  }
  return out += "}\n";
}

}  // namespace perun::trace
