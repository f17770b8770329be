// SPDX-License-Identifier: BSD-3-Clause
#include "live/watch.hpp"

#include <algorithm>
#include <utility>

#include "base/text.hpp"
#include "host/owner.hpp"
#include "report/wording.hpp"

namespace perun::live {

namespace {

constexpr unsigned most_between_looks = 40;

Kind together(Kind a, Kind b) noexcept {
  if (a == Kind::unavailable) return b;
  return b == Kind::unavailable || a == b ? a : Kind::mixed;
}

/// Since its run's begin by the node's own clock.
double elapsed_s(const Node& node) noexcept {
  const auto& begin = node.facts().run.begin;
  const auto& end = node.facts().run.end;
  const std::int64_t until = node.facts().run.outcome.finished && end.mono_ns > 0 ? end.mono_ns : node.newest_ns();
  return begin.mono_ns == 0 ? 0 : std::max(0.0, static_cast<double>(until - begin.mono_ns) * 1e-9);
}

}  // namespace

void Watch::look() {
  const std::size_t known = nodes_.size();
  for (const auto& path : find_()) {
    if (std::ranges::any_of(nodes_, [&](const Node& node) { return node.path() == path; })) continue;
    if (auto follower = journal::Follower::open(path)) nodes_.emplace_back(*std::move(follower));
  }
  between_looks_ = nodes_.size() > known ? first_between_looks : std::min(2 * between_looks_, most_between_looks);
  until_look_ = between_looks_;
}

Status Watch::poll() {
  if (nodes_.empty() || until_look_-- == 0) look();
  for (Node& node : nodes_)
    if (auto read = node.poll(); !read) return read;
  if (const bool was_over = std::exchange(over_, over()); over_ && !was_over) look();  // it is not, if a node came meanwhile
  return Ok{};
}

bool Watch::begun() const noexcept {
  return std::ranges::any_of(nodes_, [](const Node& node) { return node.facts().begun; });
}

bool Watch::over() const noexcept {
  return !nodes_.empty() && std::ranges::all_of(nodes_, &Node::over);
}

std::optional<double> Watch::watts_between(double from_s, double to_s) const {
  from_s = std::max(from_s, 0.0);
  if (to_s <= from_s) return std::nullopt;
  double joules = 0;
  bool any = false;
  for (const Node& node : nodes_) {
    const std::int64_t begin = node.facts().run.begin.mono_ns;
    const auto at = [&](double s) { return begin + static_cast<std::int64_t>(s * 1e9); };
    if (begin == 0 || at(to_s) > node.newest_ns()) continue;
    joules += node.joules_at(at(to_s)) - node.joules_at(at(from_s));
    any = true;
  }
  return any ? std::optional(joules / (to_s - from_s)) : std::nullopt;
}

std::optional<Watch::Here> Watch::here() const {
  std::optional<Here> out;
  for (const Node& node : nodes_) {
    const auto& facts = node.facts();
    if (!same_boot(facts.writer.owner)) continue;
    if (!out) out = Here{facts.run.id, facts.run.id, node.path().parent_path(), {}, std::nullopt, Kind::unavailable};
    if (facts.part) {
      out->key = facts.part->job.key;
      for (const RankRecord& rank : facts.ranks) out->ranks.push_back(rank.rank);
    } else {
      out->ranks.push_back(0);
    }
    const auto cpu = node.processors();
    if (!cpu) continue;
    out->cpu_J = out->cpu_J.value_or(0) + cpu->first;
    out->kind = together(out->kind, cpu->second);
  }
  return out;
}

RunView Watch::view(double window_s, std::size_t pieces) const {
  RunView out;
  if (nodes_.empty()) return out;
  const Run& run = nodes_.front().facts().run;
  out.id = run.id;
  out.app = run.app;
  out.command = text::shell_quote(run.command);
  out.frequency_hz = run.frequency_hz;
  out.begin_real_ns = run.begin.real_ns;
  out.over = over();
  if (out.over) out.ending = run.outcome.finished ? wording::ending(run.outcome) : "ended";
  for (const Node& node : nodes_) {
    const std::size_t number = out.nodes.size();
    out.nodes.push_back(node.view());
    const NodeView& view = out.nodes.back();
    out.kind = together(out.kind, view.kind);
    out.joules += view.joules;
    if (view.watts && !view.over) out.watts = out.watts.value_or(0) + *view.watts;
    out.elapsed_s = std::max(out.elapsed_s, elapsed_s(node));
    for (auto& device : node.devices()) out.devices.push_back(std::move(device)), out.devices.back().node = number;
    for (auto& region : node.regions()) out.regions.push_back(std::move(region)), out.regions.back().node = number;
    if (out.region.empty()) out.region = node.region();
  }
  std::ranges::stable_sort(out.regions, std::greater{}, &RegionView::joules);
  const double kWh = out.joules / 3.6e6 * run.factors.pue;
  out.co2e_kg = kWh * run.factors.emissions_kg_per_kWh;
  out.cost_cent = kWh * run.factors.price_cent_per_kWh;
  const double piece_s = pieces == 0 ? 0 : window_s / static_cast<double>(pieces);
  for (std::size_t i = pieces; i > 0; --i) {
    const double to_s = out.elapsed_s - piece_s * static_cast<double>(i - 1);
    out.history.push_back(out.kind == Kind::unavailable ? std::nullopt : watts_between(to_s - piece_s, to_s));
    out.highest_W = std::max(out.highest_W, out.history.back().value_or(0));
  }
  return out;
}

}  // namespace perun::live
