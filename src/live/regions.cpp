// SPDX-License-Identifier: BSD-3-Clause
#include "live/regions.hpp"

#include <algorithm>

namespace perun::live {

void Regions::add(const Marks& news) {
  names_ = news.names;
  regions_.resize(std::max(regions_.size(), names_.size()));
  waiting_.insert(waiting_.end(), news.timeline.begin(), news.timeline.end());
  std::ranges::stable_sort(waiting_, {}, &Mark::t_ns);
  lost_ = lost_ || !news.holes.empty() || news.losses.marks > 0;
}

void Regions::settle(std::int64_t t_ns, const std::function<double(std::int64_t)>& energy) {
  const auto later = std::ranges::upper_bound(waiting_, t_ns, {}, &Mark::t_ns);
  for (auto mark = waiting_.begin(); mark != later; ++mark)
    if (mark->name < regions_.size()) take(*mark, energy(mark->t_ns));
  waiting_.erase(waiting_.begin(), later);
}

void Regions::take(const Mark& mark, double joules) {
  auto& stack = stacks_[mark.thread];
  Region& region = regions_[mark.name];
  switch (mark.kind) {
    case MarkKind::open:
      if (std::ranges::find(stack, mark.name) != stack.end()) break;
      [[fallthrough]];
    case MarkKind::begin:
      stack.push_back(mark.name);
      if (region.open++ == 0) {
        region.since_ns = mark.t_ns;
        region.since_J = joules;
      }
      break;
    case MarkKind::end:
    case MarkKind::cancel: {
      const auto innermost = std::ranges::find(stack.rbegin(), stack.rend(), mark.name);
      if (innermost == stack.rend()) break;
      stack.erase(std::next(innermost).base());
      leave(mark.name, mark.t_ns, joules);
      if (mark.kind == MarkKind::end) ++region.calls;
      break;
    }
    case MarkKind::moment:
    case MarkKind::counter:
      break;
  }
}

void Regions::leave(std::uint32_t name, std::int64_t t_ns, double joules) {
  Region& region = regions_[name];
  if (--region.open > 0) return;
  region.wall_ns += std::max<std::int64_t>(0, t_ns - region.since_ns);
  region.joules += std::max(0.0, joules - region.since_J);
}

std::vector<RegionView> Regions::view(std::int64_t t_ns, double joules) const {
  std::vector<RegionView> out;
  for (std::size_t i = 0; i < regions_.size(); ++i) {
    const Region& r = regions_[i];
    if (r.calls == 0 && r.open == 0) continue;
    RegionView view;
    view.name = names_[i].empty() && i == 0 ? std::string(other_names) : names_[i];
    view.calls = r.calls;
    view.open = r.open > 0;
    view.wall_s = static_cast<double>(r.wall_ns + (view.open ? std::max<std::int64_t>(0, t_ns - r.since_ns) : 0)) * 1e-9;
    view.joules = r.joules + (view.open ? std::max(0.0, joules - r.since_J) : 0);
    out.push_back(std::move(view));
  }
  return out;
}

std::string Regions::innermost() const {
  for (const auto& [thread, stack] : stacks_)
    if (!stack.empty()) return names_[stack.back()];
  return {};
}

}  // namespace perun::live
