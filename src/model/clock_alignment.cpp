// SPDX-License-Identifier: BSD-3-Clause
#include "model/clock_alignment.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "model/mpi_calls.h"

namespace perun {

namespace {

/// NTP's daemons slew a clock by 500 ppm at most (adjtimex(2), `freq`), and two may be slewed against each other. Where one is
/// slewed faster (`tick`), calls that lie far apart contradict each other, and nothing is told.
constexpr double drift_at_most = 2 * 500e-6;

/// One call as the ranks of a node were in it, on the node's wall clock.
struct Meeting {
  std::int64_t last_in_ns = std::numeric_limits<std::int64_t>::min();
  std::int64_t first_out_ns = std::numeric_limits<std::int64_t>::max();
};
using Meetings = std::map<std::uint64_t, Meeting>;

/// The calls that the threads of a node are in, while its marks are read.
class Reader {
 public:
  Reader(const Marks& marks, std::uint32_t number, std::int64_t ahead_ns)
      : marks_(marks), number_(number), ahead_ns_(ahead_ns) {}

  Meetings read() {
    for (const Mark& m : marks_.timeline) {
      if (m.thread >= open_.size()) open_.resize(m.thread + std::size_t{1});
      auto& open = open_[m.thread];
      switch (m.kind) {
        case MarkKind::begin:
          open.push_back({m.name, m.t_ns, none});
          break;
        case MarkKind::open:
          open.push_back({m.name, unknown, none});
          break;
        case MarkKind::counter:
          if (m.name == number_ && m.value >= 0 && !open.empty()) {
            open.back().meeting = static_cast<std::uint64_t>(m.value);
            pids_[rank_of(m.thread)].insert({pid_of(m.thread), 0});
          }
          break;
        case MarkKind::end:
        case MarkKind::cancel:
          leave(m, open);
          break;
        case MarkKind::moment:
          break;
      }
    }
    return std::move(meetings_);
  }

  /// Several processes of one rank called MPI: they may be of worlds of their own, with numbers of their own.
  [[nodiscard]] bool one_world() const {
    return std::ranges::all_of(pids_, [](const auto& rank) { return rank.second.size() == 1; });
  }

 private:
  static constexpr std::int64_t unknown = std::numeric_limits<std::int64_t>::min();
  static constexpr std::uint64_t none = std::numeric_limits<std::uint64_t>::max();
  struct Open {
    std::uint32_t name;
    std::int64_t from_ns;
    std::uint64_t meeting;
  };

  [[nodiscard]] std::int32_t rank_of(std::uint16_t thread) const {
    return thread < marks_.threads.size() ? marks_.threads[thread].rank : -1;
  }
  [[nodiscard]] std::int32_t pid_of(std::uint16_t thread) const {
    return thread < marks_.threads.size() ? marks_.threads[thread].pid : -1;
  }

  void leave(const Mark& m, std::vector<Open>& open) {
    const auto innermost = std::ranges::find(open.rbegin(), open.rend(), m.name, &Open::name);
    if (innermost == open.rend()) return;
    const Open call = *innermost;
    open.erase(std::next(innermost).base());
    if (call.meeting == none || call.from_ns == unknown || m.kind != MarkKind::end) return;
    Meeting& meeting = meetings_[call.meeting];
    meeting.last_in_ns = std::max(meeting.last_in_ns, call.from_ns + ahead_ns_);
    meeting.first_out_ns = std::min(meeting.first_out_ns, m.t_ns + ahead_ns_);
  }

  const Marks& marks_;
  std::uint32_t number_;
  std::int64_t ahead_ns_;  ///< of the wall clock before the monotonic one
  std::vector<std::vector<Open>> open_;
  std::map<std::int32_t, std::map<std::int32_t, int>> pids_;
  Meetings meetings_;
};

Meetings meetings_of(const NodeRecord& node) {
  const auto name = std::ranges::find(node.marks.names, PERUN_MPI_TOGETHER);
  if (name == node.marks.names.end() || node.clock.empty()) return {};
  const auto number = static_cast<std::uint32_t>(name - node.marks.names.begin());
  Reader reader(node.marks, number, node.clock.front().real_ns - node.clock.front().mono_ns);
  auto out = reader.read();
  return reader.one_world() ? out : Meetings{};
}

/// How far B can be ahead of A, at A's time t_ns.
struct Limits {
  std::int64_t t_ns;
  double low_s, high_s;
};

double seconds(std::int64_t ns) noexcept {
  return static_cast<double>(ns) * 1e-9;
}

/// Middle and half width of what all calls leave possible at `t_ns`; negative: nothing is.
std::pair<double, double> at(const std::vector<Limits>& all, std::int64_t t_ns) {
  double low_s = -std::numeric_limits<double>::infinity(), high_s = std::numeric_limits<double>::infinity();
  for (const Limits& l : all) {
    const double drift_s = drift_at_most * std::abs(seconds(l.t_ns - t_ns));
    low_s = std::max(low_s, l.low_s - drift_s);
    high_s = std::min(high_s, l.high_s + drift_s);
  }
  return {(low_s + high_s) / 2, (high_s - low_s) / 2};
}

}  // namespace

void align_clocks(std::span<NodeRecord> nodes) {
  if (nodes.size() < 2) return;
  const Meetings reference = meetings_of(nodes[0]);
  for (NodeRecord& node : nodes.subspan(1)) {
    std::vector<Limits> all;
    for (const auto& [number, there] : meetings_of(node)) {
      const auto here = reference.find(number);
      if (here == reference.end()) continue;
      const Meeting& a = here->second;
      all.push_back({a.last_in_ns, seconds(there.last_in_ns - a.first_out_ns), seconds(there.first_out_ns - a.last_in_ns)});
    }
    if (all.empty()) continue;
    const auto [begin_s, begin_error_s] = at(all, all.front().t_ns);
    const auto [end_s, end_error_s] = at(all, all.back().t_ns);
    if (begin_error_s < 0 || end_error_s < 0) continue;
    node.clock_ahead = ClockAhead{.s = begin_s, .error_s = std::max(begin_error_s, end_error_s), .drift_s = end_s - begin_s};
  }
}

std::int64_t aligned_ns(const NodeRecord& node, std::int64_t real_ns) noexcept {
  return node.clock_ahead && node.clock_ahead->proven() ? real_ns - std::llround(node.clock_ahead->s * 1e9) : real_ns;
}

}  // namespace perun
