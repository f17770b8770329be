// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace perun {

/// The numbers are those of the marks file and of the journal (docs/format.md).
enum class MarkKind : std::uint8_t {
  begin = 1,
  end = 2,
  cancel = 3,   ///< the innermost open call of that name never was
  moment = 4,   ///< perun_mark
  counter = 5,  ///< perun_count
  open = 8,     ///< behind a hole: this call is open, innermost last
};

struct Mark {
  std::int64_t t_ns = 0;  ///< CLOCK_MONOTONIC
  std::uint32_t name = 0;
  std::uint16_t thread = 0;
  MarkKind kind = MarkKind::begin;
  double value = 0;  ///< counter
  friend bool operator==(const Mark&, const Mark&) = default;
};

/// A thread that marks, or several short ones after each other.
struct MarkedThread {
  std::uint16_t number = 0;  ///< its place in Marks::threads
  std::int32_t rank = 0;     ///< of the launcher it runs under
  std::int32_t pid = 0, tid = 0;
  std::uint32_t owners = 1;  ///< threads that marked under this number
  friend bool operator==(const MarkedThread&, const MarkedThread&) = default;
};

/// One name in one thread, summed up by the program itself: complete whatever became of the single marks.
struct MarkSums {
  std::uint32_t name = 0;
  std::uint16_t thread = 0;
  std::uint64_t calls = 0;
  std::int64_t inclusive_ns = 0, exclusive_ns = 0;
  std::int64_t shortest_ns = 0, longest_ns = 0;  ///< of finished calls; 0: none
  double sum = 0;                                ///< of perun_count
  friend bool operator==(const MarkSums&, const MarkSums&) = default;
};

/// A stretch of time whose single marks in one thread are not known, and what one name did in it.
struct MarkHole {
  std::int64_t from_ns = 0, to_ns = 0;
  std::uint32_t name = 0;
  std::uint16_t thread = 0;
  std::int64_t inclusive_ns = 0, exclusive_ns = 0;
  friend bool operator==(const MarkHole&, const MarkHole&) = default;
};

/// What could not be told in full.
struct MarkLosses {
  std::uint64_t marks = 0;      ///< single marks that found no room
  std::uint64_t names = 0;      ///< marks whose name found no room; they stand under name 0
  std::uint64_t threads = 0;    ///< marks refused, since their thread found no place
  std::uint64_t deep = 0;       ///< calls nested too deeply to be summed
  std::uint64_t unmatched = 0;  ///< ends without a begin
  std::uint64_t unended = 0;    ///< calls that were open when their thread or the program ended
  friend bool operator==(const MarkLosses&, const MarkLosses&) = default;
};

/// Everything that the programs of a node marked.
struct Marks {
  std::vector<std::string> names;  ///< by number, UTF-8; [0] is what found no room
  std::vector<MarkedThread> threads;
  std::vector<Mark> timeline;  ///< in order within each thread
  std::vector<MarkHole> holes;
  std::vector<MarkSums> sums;  ///< of the whole run
  MarkLosses losses;

  /// Adds what came later: names behind those that are there, threads at their numbers.
  void add(const Marks& later);
  /// Adds what another sampling process of the node saw: names and threads that are here already stay the same ones.
  void join(const Marks& other);
  [[nodiscard]] bool empty() const noexcept { return timeline.empty() && holes.empty() && sums.empty(); }
  friend bool operator==(const Marks&, const Marks&) = default;
};

/// Name 0: the names that found no room, together.
inline constexpr std::string_view other_names = "(other names)";

}  // namespace perun
