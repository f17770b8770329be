// SPDX-License-Identifier: BSD-3-Clause
#include "model/marks.hpp"

namespace perun {

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
  losses.marks += later.losses.marks;
  losses.names += later.losses.names;
  losses.threads += later.losses.threads;
  losses.deep += later.losses.deep;
  losses.unmatched += later.losses.unmatched;
  losses.unended += later.losses.unended;
}

}  // namespace perun
