// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/region_story.hpp"
#include "analysis/timeline.hpp"

namespace perun {

namespace {

/// Calls of one thread, outer ones before those inside of them.
using ThreadCalls = std::vector<const Call*>;

std::map<std::uint16_t, ThreadCalls> by_thread(const Story& story) {
  std::map<std::uint16_t, ThreadCalls> threads;
  for (const Call& call : story.calls()) threads[call.thread].push_back(&call);
  for (auto& [thread, calls] : threads)
    std::ranges::stable_sort(calls, [](const Call* a, const Call* b) {
      return a->from_ns != b->from_ns ? a->from_ns < b->from_ns : a->to_ns > b->to_ns;
    });
  return threads;
}

/// Puts the calls of a thread down one after the other, those that are too short to be seen as one.
class Joiner {
 public:
  Joiner(Timeline& out, std::int64_t shortest_us) : out_(out), shortest_us_(shortest_us) {}

  void add(const RegionCall& call) {
    if (held_.size() <= call.depth) held_.resize(call.depth + 1);
    Held& held = held_[call.depth];
    const std::int64_t length_us = call.to_us - call.from_us;
    RegionCall& block = held.block;
    const bool joins = held.any && length_us < shortest_us_ && block.to_us - block.from_us < shortest_us_ &&
                       call.from_us - block.to_us < shortest_us_;
    if (!joins) {
      flush(held);
      held = {call, length_us, true};
      return;
    }
    block.to_us = std::max(block.to_us, call.to_us);
    block.calls += call.calls;
    if (length_us > held.longest_us) {  // the block is called by the longest of its calls
      held.longest_us = length_us;
      block.name = call.name;
    }
  }
  void finish() {
    for (Held& held : held_) flush(held);
    held_.clear();
  }

 private:
  struct Held {
    RegionCall block;
    std::int64_t longest_us = 0;
    bool any = false;
  };
  void flush(Held& held) {
    if (held.any) out_.calls.push_back(held.block);
    held.any = false;
  }
  Timeline& out_;
  std::int64_t shortest_us_;
  std::vector<Held> held_;  ///< by depth
};

/// The numbers in `out` of a node's names.
std::vector<std::uint32_t> numbers_of(Timeline& out, const std::vector<std::string>& names) {
  std::map<std::string_view, std::uint32_t> known;
  out.names.reserve(out.names.size() + names.size());  // views stay
  for (std::size_t i = 0; i < out.names.size(); ++i) known.emplace(out.names[i], static_cast<std::uint32_t>(i));
  std::vector<std::uint32_t> numbers;
  for (const auto& name : names) {
    const auto next = static_cast<std::uint32_t>(out.names.size());
    const auto [at, added] = known.emplace(name, next);
    if (added) out.names.push_back(name);
    numbers.push_back(at->second);
  }
  return numbers;
}

}  // namespace

void add_calls(Timeline& out, const NodeRecord& node, std::size_t number, Window window, std::int64_t origin_ns,
               std::size_t most) {
  if (node.marks.timeline.empty()) return;
  constexpr std::int64_t pieces = 4096;  // as many as a wide screen has columns
  const Story story(node.marks, window);
  const bool join = story.calls().size() > most;
  out.calls_joined = out.calls_joined || join;
  const auto names = numbers_of(out, node.marks.names);
  for (const auto& [thread, calls] : by_thread(story)) {
    if (thread >= node.marks.threads.size()) continue;
    const MarkedThread& t = node.marks.threads[thread];
    const auto lane = static_cast<std::uint32_t>(out.lanes.size());
    out.lanes.push_back({number, t.rank, t.pid, t.tid});
    Joiner joiner(out, join ? std::max<std::int64_t>(1, (window.to_ns - window.from_ns) / 1000 / pieces) : 0);
    std::vector<std::int64_t> open;  // ends of the calls around
    const auto first = static_cast<std::ptrdiff_t>(out.calls.size());
    for (const Call* call : calls) {
      while (!open.empty() && open.back() <= call->from_ns) open.pop_back();
      if (call->name < names.size())
        joiner.add({lane, names[call->name], static_cast<std::uint32_t>(open.size()), 1, (call->from_ns - origin_ns) / 1000,
                    (call->to_ns - origin_ns) / 1000});
      open.push_back(call->to_ns);
    }
    joiner.finish();
    std::ranges::sort(out.calls.begin() + first, out.calls.end(), [](const RegionCall& a, const RegionCall& b) {
      return a.from_us != b.from_us ? a.from_us < b.from_us : a.depth < b.depth;
    });
  }
}

}  // namespace perun
