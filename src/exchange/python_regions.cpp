// SPDX-License-Identifier: BSD-3-Clause
// What was decorated with the Python perun, as marks.
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.hpp"
#include "exchange/python_tree.hpp"

namespace perun {

namespace {

constexpr int most_ranks = std::numeric_limits<std::uint16_t>::max();
constexpr double longest_s = 1e9;

/// Begins and ends in turn; a last begin without an end was open when the run ended. What is no time is left out.
void add_calls(const std::vector<double>& seconds, std::uint32_t name, std::uint16_t thread, std::int64_t begin_ns,
               Marks& marks) {
  for (std::size_t i = 0; i < seconds.size(); ++i) {
    if (!std::isfinite(seconds[i]) || std::abs(seconds[i]) > longest_s) continue;
    const auto kind = i % 2 == 0 ? MarkKind::begin : MarkKind::end;
    marks.timeline.push_back({begin_ns + std::llround(seconds[i] * 1e9), name, thread, kind});
  }
}

}  // namespace

std::optional<int> python_rank(std::string_view name) {
  const auto number = text::integer(name);
  return number && *number >= 0 && *number < most_ranks ? std::optional(static_cast<int>(*number)) : std::nullopt;
}

Marks python_marks(const PythonRegions& regions, const std::vector<int>& ranks, std::int64_t begin_ns) {
  Marks marks;
  marks.names.emplace_back(other_names);
  for (const auto& [name, by_rank] : regions) {
    const auto number = static_cast<std::uint32_t>(marks.names.size());
    marks.names.push_back(text::to_utf8(name));
    for (std::size_t i = 0; i < ranks.size() && i < most_ranks; ++i)
      if (const auto seconds = by_rank.find(ranks[i]); seconds != by_rank.end())
        add_calls(seconds->second, number, static_cast<std::uint16_t>(i), begin_ns, marks);
  }
  if (marks.timeline.empty()) return {};
  for (std::size_t i = 0; i < ranks.size() && i < most_ranks; ++i)
    marks.threads.push_back({.number = static_cast<std::uint16_t>(i), .rank = ranks[i]});
  std::ranges::stable_sort(marks.timeline, {}, &Mark::t_ns);
  return marks;
}

}  // namespace perun
