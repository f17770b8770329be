// SPDX-License-Identifier: BSD-3-Clause
#include "report/page/timeline.hpp"

#include <vector>

#include "report/document.hpp"
#include "report/layout.hpp"

namespace perun::page {

namespace {

Json power(const PowerTrack& track, Columns& columns) {
  Json out;
  out["node"] = track.node;
  out["id"] = json_words(layout::printable(track.id));
  out["gauge"] = track.gauge;
  out["unit"] = track.unit;
  out["readings"] = track.readings;
  out["t"] = columns.add_times(track.t_us);
  out["v"] = columns.add(track.value);
  if (!track.least.empty()) {
    out["least"] = columns.add(track.least);
    out["most"] = columns.add(track.most);
    out["range"] = track.range_W;
  }
  std::vector<std::int64_t> gaps;
  for (const auto& [at, known] : track.gaps) gaps.push_back(static_cast<std::int64_t>(2 * at + (known ? 1 : 0)));
  if (!gaps.empty()) out["gaps"] = columns.add(gaps);
  out["shortest_s"] = track.shortest_s;
  out["refresh_s"] = track.refresh_s;
  out["averaging_s"] = track.averaging_s;
  if (track.seen < 1) out["seen"] = track.seen;
  out["step_J"] = track.step_J;
  out["step_W"] = track.step_W;
  out["highest_W"] = track.highest_W;
  out["halfwidth_s"] = track.halfwidth_s;
  return out;
}

Json state(const StateTrack& track, Columns& columns) {
  Json out;
  out["node"] = track.node;
  out["label"] = json_words(layout::printable(track.label));
  out["quantity"] = name(track.quantity);
  out["rate"] = track.rate;
  out["unit"] = track.unit;
  out["t"] = columns.add_times(track.t_us);
  out["v"] = columns.add(track.value);
  return out;
}

/// Calls by columns, one number each.
Json calls_of(const std::vector<RegionCall>& calls, Columns& columns) {
  const auto column = [&](auto&& of) {
    std::vector<std::int64_t> numbers;
    numbers.reserve(calls.size());
    for (const RegionCall& call : calls) numbers.push_back(of(call));
    return columns.add(numbers);
  };
  Json out;
  out["lane"] = column([](const RegionCall& c) { return std::int64_t{c.lane}; });
  out["name"] = column([](const RegionCall& c) { return std::int64_t{c.name}; });
  out["depth"] = column([](const RegionCall& c) { return std::int64_t{c.depth}; });
  out["calls"] = column([](const RegionCall& c) { return std::int64_t{c.calls}; });
  out["from"] = column([](const RegionCall& c) { return c.from_us; });
  out["length"] = column([](const RegionCall& c) { return c.to_us - c.from_us; });
  return out;
}

}  // namespace

Json timeline(const Timeline& timeline, Columns& columns) {
  Json out;
  out["length_us"] = timeline.length_us;
  out["readings"] = timeline.readings;
  out["thinned"] = timeline.thinned;
  out["power"] = Json::array();
  for (const auto& track : timeline.power) out["power"].push_back(power(track, columns));
  out["states"] = Json::array();
  for (const auto& track : timeline.states) out["states"].push_back(state(track, columns));
  out["names"] = Json::array();
  for (const auto& name : timeline.names) out["names"].push_back(json_words(layout::printable(name)));
  out["lanes"] = Json::array();
  for (const RegionLane& lane : timeline.lanes) {
    Json one;
    one["node"] = lane.node;
    one["rank"] = lane.rank;
    one["pid"] = lane.pid;
    one["tid"] = lane.tid;
    out["lanes"].push_back(std::move(one));
  }
  out["calls"] = calls_of(timeline.calls, columns);
  out["calls_joined"] = timeline.calls_joined;
  out["wall_s"] = Json::array();
  for (const auto ns : timeline.wall_ns) out["wall_s"].push_back(static_cast<double>(ns) * 1e-9);
  return out;
}

}  // namespace perun::page
