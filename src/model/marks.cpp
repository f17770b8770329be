// SPDX-License-Identifier: BSD-3-Clause
#include "model/marks.hpp"

#include <algorithm>
#include <unordered_map>

namespace perun {

namespace {

void add_losses(MarkLosses& to, const MarkLosses& from) {
  to.marks += from.marks;
  to.names += from.names;
  to.threads += from.threads;
  to.deep += from.deep;
  to.unmatched += from.unmatched;
  to.unended += from.unended;
}

/// Numbers of one numbering by those of another.
template <class Number>
Number renumbered(const std::vector<Number>& numbers, Number n) noexcept {
  return n < numbers.size() ? numbers[n] : n;
}

}  // namespace

void Marks::add(const Marks& later) {
  const auto append = [](auto& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); };
  append(names, later.names);
  for (const auto& thread : later.threads) {
    while (threads.size() <= thread.number) threads.push_back({.number = static_cast<std::uint16_t>(threads.size())});
    threads[thread.number] = thread;
  }
  append(timeline, later.timeline);
  append(holes, later.holes);
  append(sums, later.sums);
  add_losses(losses, later.losses);
}

void Marks::join(const Marks& other) {
  std::unordered_map<std::string, std::uint32_t> known;
  for (std::size_t i = 0; i < names.size(); ++i) known.emplace(names[i], static_cast<std::uint32_t>(i));
  std::vector<std::uint32_t> name_numbers;
  for (const auto& name : other.names) {
    const auto [it, fresh] = known.emplace(name, static_cast<std::uint32_t>(names.size()));
    if (fresh) names.push_back(name);
    name_numbers.push_back(it->second);
  }
  std::vector<std::uint16_t> thread_numbers;
  for (MarkedThread thread : other.threads) {
    const auto same = std::find_if(threads.begin(), threads.end(), [&](const MarkedThread& t) {
      return t.rank == thread.rank && t.pid == thread.pid && t.tid == thread.tid;
    });
    thread.number = static_cast<std::uint16_t>(same - threads.begin());
    thread_numbers.push_back(thread.number);
    if (same == threads.end()) threads.push_back(thread);
  }
  const auto append = [&](auto& to, const auto& from) {
    for (auto x : from) {
      x.name = renumbered(name_numbers, x.name);
      x.thread = renumbered(thread_numbers, x.thread);
      to.push_back(x);
    }
  };
  append(timeline, other.timeline);
  append(holes, other.holes);
  append(sums, other.sums);
  add_losses(losses, other.losses);
}

}  // namespace perun
