// SPDX-License-Identifier: BSD-3-Clause
#include "analysis/peak.hpp"

#include <algorithm>
#include <iterator>
#include <list>
#include <optional>

namespace perun {

namespace {

constexpr double seconds(std::int64_t ns) noexcept {
  return static_cast<double>(ns) * 1e-9;
}

double power(double joules, std::int64_t from_ns, std::int64_t to_ns) noexcept {
  return to_ns > from_ns ? joules / seconds(to_ns - from_ns) : 0;
}

/// Stretches that are summed up at a time.
constexpr std::size_t most_stretches = 1 << 18;

/// Where stretches end, as many at a time as there is room for.
class Cutter {
 public:
  Cutter(const Sensor& sensor, SeriesCursor series, Window window, double shortest_s)
      : track_(sensor, std::move(series), window), padded_(track_), window_(window), shortest_s_(shortest_s) {}

  [[nodiscard]] bool done() const noexcept { return done_; }

  /// The edges of the next stretches; empty when all were told.
  std::vector<std::int64_t> next() {
    if (done_) return {};
    std::vector<std::int64_t> edges{edge_ns_};
    if (held_) edges.push_back(*held_);
    const Interval* x = nullptr;
    while (edges.size() <= most_stretches && (x = padded_.next()) != nullptr)
      if (!padded_.ended() && x->to_ns < window_.to_ns && seconds(x->to_ns - edges.back()) >= shortest_s_)
        edges.push_back(x->to_ns);
    done_ = edges.size() <= most_stretches;
    if (done_) {
      if (edges.size() > 1 && seconds(window_.to_ns - edges.back()) < shortest_s_) edges.pop_back();
      edges.push_back(window_.to_ns);
      return edges;
    }
    // The last one may yet turn out to be too near to the end.
    held_ = edges.back();
    edges.pop_back();
    edge_ns_ = edges.back();
    track_.rest();
    return edges;
  }

 private:
  TrackReader track_;
  PaddedTrack padded_;
  Window window_;
  double shortest_s_;
  std::int64_t edge_ns_ = window_.from_ns;
  std::optional<std::int64_t> held_;
  bool done_ = false;
};

}  // namespace

void PeakPower::add(const Interval& x, Cut cut) noexcept {
  if (x.to_ns > begin_ns_ && x.from_ns < window_.to_ns) {
    const double joules = x.between(std::max(begin_ns_, x.from_ns), std::min(window_.to_ns, x.to_ns));
    joules_ += joules;
    both_J_ += joules;
  }
  if (cut == Cut::never || x.to_ns >= window_.to_ns || seconds(x.to_ns - begin_ns_) < shortest_s_) return;
  if (cut_) highest_W_ = std::max(highest_W_, power(cut_J_, before_ns_, begin_ns_));
  cut_ = true;
  before_ns_ = begin_ns_;
  begin_ns_ = x.to_ns;
  cut_J_ = both_J_ = joules_;
  joules_ = 0;
}

double PeakPower::watts() const noexcept {
  if (cut_ && seconds(window_.to_ns - begin_ns_) < shortest_s_)
    return std::max(highest_W_, power(both_J_, before_ns_, window_.to_ns));
  const double before_W = cut_ ? power(cut_J_, before_ns_, begin_ns_) : 0;
  return std::max({highest_W_, before_W, power(joules_, begin_ns_, window_.to_ns)});
}

double PeakTogether::watts(double shortest_s) const {
  if (members_.empty()) return 0;
  const Member& first = members_.front();
  Cutter cutter(*first.sensor, first.readings->cursor(first.number), first.window, shortest_s);
  std::list<EnergyFlow> flows;  // of as many members, where there is a next round
  double highest_W = 0;
  std::vector<double> joules;
  for (auto edges = cutter.next(); !edges.empty(); edges = cutter.next()) {
    joules.assign(edges.size() - 1, 0);
    auto flow = flows.begin();
    for (const Member& m : members_) {
      if (flow == flows.end())
        flow = flows.emplace(flow, *m.sensor, m.readings->cursor(m.number), m.window.from_ns - first.window.from_ns);
      flow->add_to(joules, edges);
      flow = cutter.done() ? flows.erase(flow) : std::next(flow);
    }
    for (std::size_t i = 0; i < joules.size(); ++i) highest_W = std::max(highest_W, power(joules[i], edges[i], edges[i + 1]));
  }
  return highest_W;
}

}  // namespace perun
