// SPDX-License-Identifier: BSD-3-Clause
#include "report/trace/lines.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "report/document.hpp"
#include "report/layout.hpp"
#include "report/wording.hpp"

namespace perun::trace {

namespace {

const DeviceSummary* device_of(const RunSummary& run, const PowerTrack& track) {
  if (track.node >= run.nodes.size()) return nullptr;
  const auto& devices = run.nodes[track.node].devices;
  const auto found = std::ranges::find(devices, track.id, &DeviceSummary::id);
  return found == devices.end() ? nullptr : &*found;
}

bool counts(const DeviceSummary* device) noexcept {
  return device != nullptr && device->counted && device->kind != Kind::unavailable;
}

PowerLine line_of(const PowerTrack& track, const DeviceSummary* device, std::int64_t length_us, std::size_t most) {
  PowerLine line{.node = track.node, .name = {}, .about = {}, .steps = steps_of(track, length_us, most)};
  line.name = layout::printable(device == nullptr ? track.id : device->label);
  if (device != nullptr) {
    line.name += wording::tag(device->kind);
    line.about = layout::printable(fmt::format("{} by {}", track.id, device->source));
    if (!device->part_of.empty()) line.about += layout::printable(fmt::format(", inside of {}", device->part_of));
  }
  if (!counts(device)) line.name += " (not in the total)";
  return line;
}

std::vector<PowerSteps> counted_steps(const RunSummary& run, const Timeline& timeline, std::size_t node, std::size_t most) {
  std::vector<PowerSteps> parts;
  for (const auto& track : timeline.power)
    if (track.node == node && counts(device_of(run, track))) parts.push_back(steps_of(track, timeline.length_us, most));
  return parts;
}

constexpr std::size_t all = std::size_t{1} << 40;

}  // namespace

std::vector<PowerLine> power_lines(const RunSummary& run, const Timeline& timeline, std::size_t most) {
  std::vector<PowerLine> lines;
  for (std::size_t n = 0; n < run.nodes.size(); ++n) {
    const auto parts = counted_steps(run, timeline, n, all);
    if (parts.size() < 2) continue;
    lines.push_back({.node = n,
                     .name = "total" + std::string(wording::tag(run.nodes[n].usage.energy.kind)),
                     .about = "all meters that count, each joule once",
                     .total = true,
                     .steps = sum_of(parts, most)});
  }
  for (const auto& track : timeline.power)
    if (track.node < run.nodes.size()) lines.push_back(line_of(track, device_of(run, track), timeline.length_us, most));
  std::erase_if(lines, [](const PowerLine& line) { return line.steps.stretches() == 0; });
  std::ranges::stable_sort(lines, {}, &PowerLine::node);
  return lines;
}

std::vector<PowerSteps> counted_energy(const RunSummary& run, const Timeline& timeline) {
  std::vector<PowerSteps> nodes;
  for (std::size_t n = 0; n < run.nodes.size(); ++n) nodes.push_back(sum_of(counted_steps(run, timeline, n, all), all));
  return nodes;
}

std::optional<double> joules_during(const PowerSteps& node, std::int64_t from_us, std::int64_t to_us) {
  if (node.stretches() == 0 || to_us - from_us < std::max<std::int64_t>(node.shortest_us, 1)) return std::nullopt;
  for (const auto& [from, to] : node.unread)
    if (to > from_us && from < to_us) return std::nullopt;
  return node.up_to(to_us) - node.up_to(from_us);
}

std::string lane_name(const RunSummary& run, const RegionLane& lane) {
  const auto thread =
      lane.pid == lane.tid ? fmt::format("process {}", lane.pid) : fmt::format("process {} thread {}", lane.pid, lane.tid);
  return run.job ? fmt::format("rank {}, {}", lane.rank, thread) : thread;
}

double grams_per_joule(const RunSummary& run) noexcept {
  return run.factors.pue * run.factors.emissions_kg_per_kWh * 1e3 / 3.6e6;
}

std::string call_name(const Timeline& timeline, const RegionCall& call) {
  const auto name = call.name < timeline.names.size() ? layout::printable(timeline.names[call.name]) : "?";
  return call.calls > 1 ? fmt::format("{} and others ({} calls)", name, call.calls) : name;
}

std::string json_text(std::string_view text) {
  return Json(json_words(text)).dump(-1, ' ', true);
}

}  // namespace perun::trace
