// SPDX-License-Identifier: BSD-3-Clause
#include "live/frame.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "base/text.hpp"
#include "base/units.hpp"
#include "live/columns.hpp"
#include "live/graph.hpp"
#include "report/layout.hpp"
#include "report/wording.hpp"

namespace perun::live {

namespace {

std::string clock(double seconds) {
  const auto s = static_cast<std::int64_t>(seconds);
  return fmt::format("{:02}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
}

std::string energy(double joules, const Choice& choice) {
  return choice.watt_hours ? units::si(joules / 3600, "Wh") : wording::joules(joules);
}

std::string power(std::optional<double> watts) {
  return watts ? wording::watts(*watts) : "n/a";
}

std::string window_name(double seconds) {
  return seconds < 60 ? fmt::format("{:.0f} s", seconds) : fmt::format("{:.0f} min", seconds / 60);
}

/// "left", and "right" at the right edge where there is room for both.
std::string spread(std::string_view left, std::string_view right, std::size_t width) {
  const std::size_t a = layout::columns(left), b = layout::columns(right);
  if (a + 2 + b > width) return layout::clipped(left, width);
  return fmt::format("{}{}{}", left, std::string(width - a - b, ' '), right);
}

std::string title(const RunView& view, const Choice& choice) {
  const std::string where = view.nodes.size() == 1 ? view.nodes.front().host : fmt::format("{} nodes", view.nodes.size());
  std::string left = fmt::format("perun live  {}  {}  {}", view.app, where, clock(view.elapsed_s));
  if (!view.region.empty()) left += "  region: " + view.region;
  if (view.over) left += "  " + view.ending;
  return spread(layout::printable(left),
                fmt::format("{} Hz{}", text::shortest(view.frequency_hz), choice.paused ? "  PAUSED" : ""), choice.width);
}

std::string totals(const RunView& view, const Choice& choice) {
  if (view.kind == Kind::unavailable) return "Power n/a   Energy n/a: nothing is measured here (perun doctor tells why)";
  const double mean = view.elapsed_s > 0 ? view.joules / view.elapsed_s : 0;
  const std::array<std::string, 5> parts{"Power " + power(view.over ? std::nullopt : view.watts),
                                         "Energy " + energy(view.joules, choice), "CO2e " + wording::co2e(view.co2e_kg),
                                         wording::cost(view.cost_cent), "avg " + wording::watts(mean)};
  const std::string tag(wording::tag(view.kind));
  std::string line;
  for (const auto& part : parts) {
    const std::string next = (line.empty() ? "" : "   ") + part;
    if (layout::columns(line) + layout::columns(next) + tag.size() > choice.width) break;
    line += next;
  }
  return line + tag;
}

std::string state(const RunView& view) {
  std::optional<double> busy, hot, clock_Hz, memory;
  for (const NodeView& node : view.nodes) {
    if (node.cpu_utilization) busy = busy.value_or(0) + *node.cpu_utilization / static_cast<double>(view.nodes.size());
    if (node.cpu_temperature_C) hot = std::max(hot.value_or(0), *node.cpu_temperature_C);
    if (node.cpu_clock_Hz) clock_Hz = std::max(clock_Hz.value_or(0), *node.cpu_clock_Hz);
    if (node.memory_bytes) memory = memory.value_or(0) + *node.memory_bytes;
  }
  std::string line = busy ? fmt::format("CPU {:.0f} %", *busy * 100) : "";
  if (clock_Hz) line += "   " + units::si(*clock_Hz, "Hz", 3);
  if (hot) line += fmt::format("   {:.0f} C", *hot);
  if (memory) line += "   memory " + wording::bytes(*memory);
  return line;
}

void add_nodes(Columns& out, const RunView& view, const Choice& choice) {
  out.heading({"NODE", "POWER", "ENERGY", "CPU"});
  for (const NodeView& node : view.nodes)
    out.row({layout::printable(node.host), node.over ? "ended" : power(node.watts), energy(node.joules, choice),
             node.cpu_utilization ? fmt::format("{:.0f} %", *node.cpu_utilization * 100) : ""},
            node.kind);
}

std::string bar(const DeviceView& d, bool utf8) {
  if (!d.limit_W || !d.watts || *d.limit_W <= 0) return "";
  return fmt::format("{:.0f} {}", *d.limit_W, graph::bar(*d.watts / *d.limit_W, 10, utf8));
}

void add_devices(Columns& out, const std::vector<DeviceView>& devices, const RunView& view, const Choice& choice) {
  out.heading({"DEVICE", "POWER", "LIMIT", "ENERGY", "UTIL", "TEMP", "CLOCK"});
  for (const DeviceView& d : devices) {
    std::string name = view.nodes.size() > 1 ? layout::printable(view.nodes[d.node].host) + " " : "";
    name += layout::printable(d.label);
    const bool capped = d.limit_W && d.watts && *d.watts >= 0.995 * *d.limit_W;
    out.row({name, power(d.watts), bar(d, choice.utf8), energy(d.joules, choice),
             d.utilization ? fmt::format("{:.0f} %", *d.utilization * 100) : "",
             d.temperature_C ? fmt::format("{:.0f} C", *d.temperature_C) : "",
             (d.clock_Hz ? units::si(*d.clock_Hz, "Hz", 4) : "") + (capped ? " CAPPED" : "")},
            d.counted ? d.kind : Kind::unavailable, d.counted ? "" : "not in total");
  }
}

void add_regions(Columns& out, const RunView& view, const Choice& choice) {
  out.heading({"REGION", "CALLS", "TIME", "ENERGY", "MEAN"});
  for (const RegionView& r : view.regions) {
    if (!choice.filter.empty() && r.name.find(choice.filter) == std::string::npos) continue;
    out.row({(r.open ? (choice.utf8 ? "▸ " : "> ") : "  ") + layout::printable(r.name), std::to_string(r.calls),
             units::duration(r.wall_s), energy(r.joules, choice), r.wall_s > 0 ? wording::watts(r.joules / r.wall_s, 3) : ""},
            view.nodes[r.node].kind);
  }
}

void add_processes(Columns& out, const RunView& view, const Choice& choice) {
  if (view.processes.empty()) return;
  out.heading({"PROCESS", "PID", "CPU", "ENERGY(share)"});
  for (const ProcessView& p : view.processes)
    out.row({layout::printable(p.name), std::to_string(p.pid), fmt::format("{:.0f} %", p.cores * 100),
             p.joules ? energy(*p.joules, choice) : ""},
            p.joules ? view.processes_kind : Kind::measured);
}

/// What an hour takes at the power of the graph.
std::string forecast(const RunView& view, const Choice& choice) {
  double sum = 0;
  std::size_t known = 0;
  for (const auto& watts : view.history)
    if (watts) sum += *watts, ++known;
  if (view.over || view.kind == Kind::unavailable || known == 0 || !(view.joules > 0)) return {};
  const double joules = sum / static_cast<double>(known) * 3600, times = joules / view.joules;
  const std::string tag(wording::tag(view.kind));
  const std::string short_line =
      fmt::format("forecast: {}  {} CO2e", energy(joules, choice), wording::co2e(view.co2e_kg * times));
  const std::string line = fmt::format("{}  {} an hour{}", short_line, wording::cost(view.cost_cent * times), tag);
  return layout::columns(line) <= choice.width ? line : short_line + " an hour" + tag;
}

/// One row for the devices of a domain.
std::vector<DeviceView> grouped(const std::vector<DeviceView>& devices) {
  std::vector<DeviceView> out;
  std::vector<std::size_t> counts;
  for (const DeviceView& d : devices) {
    const auto same = std::ranges::find_if(
        out, [&](const DeviceView& o) { return o.domain == d.domain && o.counted == d.counted && o.kind == d.kind; });
    if (same == out.end()) {
      out.push_back(d);
      out.back().node = 0;
      counts.push_back(1);
      continue;
    }
    ++counts[static_cast<std::size_t>(same - out.begin())];
    same->joules += d.joules;
    const auto add = [](std::optional<double>& sum, std::optional<double> more) {
      if (more) sum = sum.value_or(0) + *more;
    };
    const auto highest = [](std::optional<double>& most, std::optional<double> other) {
      if (other) most = std::max(most.value_or(*other), *other);
    };
    add(same->watts, d.watts);
    add(same->limit_W, d.limit_W);
    add(same->memory_bytes, d.memory_bytes);
    add(same->utilization, d.utilization);
    highest(same->temperature_C, d.temperature_C);
    highest(same->clock_Hz, d.clock_Hz);
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (out[i].utilization) *out[i].utilization /= static_cast<double>(counts[i]);
    out[i].label = fmt::format("{} x {}", counts[i], wording::part(out[i].domain));
  }
  return out;
}

std::vector<DeviceView> chosen_devices(const RunView& view, const Choice& choice) {
  std::vector<DeviceView> out;
  for (const DeviceView& d : view.devices)
    if (choice.filter.empty() || d.label.find(choice.filter) != std::string::npos) out.push_back(d);
  if (choice.grouped) out = grouped(out);
  std::ranges::stable_sort(out, [&](const DeviceView& a, const DeviceView& b) {
    if (a.counted != b.counted) return a.counted;
    if (choice.order == Order::name) return a.label < b.label;
    return choice.order == Order::power ? a.watts.value_or(-1) > b.watts.value_or(-1) : a.joules > b.joules;
  });
  out.erase(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(std::min(choice.skipped, out.empty() ? 0 : out.size() - 1)));
  return out;
}

std::vector<Line> help_lines(const Choice& choice) {
  constexpr std::array<std::string_view, 17> lines{"Keys",
                                                   "  q        leave",
                                                   "  p        hold the view; measuring goes on",
                                                   "  t        time that the graph shows: 1, 5, 15, 60 min",
                                                   "  s        sort devices by energy, power or name",
                                                   "  g        devices of one kind together",
                                                   "  u        joules or watt-hours",
                                                   "  up down  scroll the devices",
                                                   "  /        show only names with a text; Enter ends it, Esc clears it",
                                                   "  m        set a mark in the run, now",
                                                   "  e        write the report so far as JSON",
                                                   "  h ?      this, and back",
                                                   "",
                                                   "Energy of a region is what its node used meanwhile; reports",
                                                   "share it between threads. That of a process is the processors'",
                                                   "by its time since you look. The forecast is an hour at the",
                                                   "mean power of the graph. Not measured is n/a, never 0."};
  std::vector<Line> out;
  for (const auto line : lines)
    if (out.size() < choice.height)
      out.push_back({layout::clipped(line, choice.width), out.empty() ? Look::title : Look::plain});
  return out;
}

std::string last_line(const Choice& choice) {
  if (choice.typing) return "show names with: " + choice.filter + "_";
  if (!choice.hint.empty()) return choice.hint;
  if (!choice.notice.empty()) return layout::printable(choice.notice);
  constexpr std::string_view keys = "[q]uit [p]ause [t]ime [s]ort [g]roup [u]nits [/]filter [m]ark [e]xport [h]elp";
  return std::string(keys.size() <= choice.width ? keys : "[q]uit [p]ause [t]ime [s]ort [g]roup [m]ark [e]xport [h]elp");
}

}  // namespace

std::size_t pieces(const Choice& choice) noexcept {
  const std::size_t beside = 24;  // what stands around the graph
  return choice.width <= beside ? 0 : (choice.width - beside) * (choice.utf8 ? 2 : 1);
}

std::vector<Line> frame(const RunView& view, const Choice& choice) {
  constexpr std::size_t narrowest = 4, most_processes = 6;
  std::vector<Line> out;
  if (choice.width < narrowest) return out;
  if (choice.help) return help_lines(choice);
  const auto put = [&](std::string text, Look look) {
    if (out.size() >= choice.height) return;
    if (!choice.utf8) text = layout::ascii(text);
    out.push_back({layout::clipped(text, choice.width), look});
  };
  if (view.nodes.empty()) {
    put("perun live", Look::title);
    put("waiting for the first reading", Look::faint);
    return out;
  }
  put(title(view, choice), Look::title);
  put(totals(view, choice), Look::strong);
  if (view.kind != Kind::unavailable)
    put(spread(fmt::format("|{}|", graph::curve(view.history, view.highest_W, choice.utf8)),
               fmt::format("{} max {:>6}", wording::watts(view.highest_W), window_name(choice.window_s)), choice.width),
        Look::plain);
  const std::string machine = state(view);
  const bool tall = choice.height >= 16;
  if (!machine.empty() && tall) put(machine, Look::faint);

  // Room for tables: what is left, less the line of keys, and the program's output where there is much.
  const std::size_t keys = 1, left = choice.height - std::min(choice.height, out.size() + keys);
  const std::size_t log = choice.log.empty() || choice.height < 20 ? 0 : std::min<std::size_t>(choice.log.size() + 1, 6);
  const std::string hour = forecast(view, choice);
  const std::size_t below = hour.empty() || !tall ? 0 : 1;
  const std::size_t room = left - std::min(left, log + below);
  const auto devices = chosen_devices(view, choice);
  Columns nodes(choice.width), meters(choice.width), regions(choice.width), processes(choice.width);
  if (view.nodes.size() > 1) add_nodes(nodes, view, choice);
  add_devices(meters, devices, view, choice);
  if (!view.regions.empty()) add_regions(regions, view, choice);
  add_processes(processes, view, choice);
  // On a low screen processes get what the others leave.
  auto shares =
      share_room({nodes.size(), meters.size(), regions.size(), tall ? std::min(processes.size(), most_processes) : 0}, room);
  const std::size_t spare = room - std::accumulate(shares.begin(), shares.end(), std::size_t{0});
  shares[3] = std::min(processes.size(), shares[3] + spare);
  for (const auto& [table, lines] : {std::pair{&nodes, shares[0]}, std::pair{&meters, shares[1]},
                                     std::pair{&regions, shares[2]}, std::pair{&processes, shares[3]}})
    for (auto& [text, heading] : table->lines(lines)) put(std::move(text), heading ? Look::heading : Look::plain);
  if (log > 0) {
    put("OUTPUT", Look::heading);
    for (std::size_t i = choice.log.size() - std::min(choice.log.size(), log - 1); i < choice.log.size(); ++i)
      put(layout::printable(choice.log[i]), Look::faint);
  }
  const std::size_t last = keys + (below > 0 || (!hour.empty() && out.size() + keys < choice.height) ? 1 : 0);
  while (out.size() + last < choice.height) out.push_back({});
  if (last > keys) put(hour, Look::faint);
  put(last_line(choice), Look::faint);
  return out;
}

}  // namespace perun::live
