// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <vector>

#include "analysis/energy.hpp"
#include "model/marks.hpp"

namespace perun {

/// One call of a region as the marks tell it, cut to what is known of it.
struct Call {
  std::int64_t from_ns = 0, to_ns = 0;
  std::uint32_t name = 0;
  std::uint16_t thread = 0;
  bool outermost = true;  ///< no call of the same region around it
  bool counted = true;    ///< false: continued behind a hole
  bool whole = false;     ///< begin and end were both seen
};

/// A region that is open in a thread during a piece of time, and how much of the node's energy it gets there.
struct Active {
  std::uint32_t name;
  std::uint16_t thread;
  double present;    ///< part of the piece with a call open, 0..1; below 1 only in holes
  double innermost;  ///< likewise as the innermost
  double inclusive;  ///< part of the node's energy, 0..1
  double exclusive;
};

/// A piece of time in which nothing changes. A thread is a stack of open regions; the threads that have one share the node's
/// energy equally.
struct Piece {
  std::int64_t from_ns, to_ns;
  std::span<const Active> active;
  double unmarked;  ///< part of the node's energy that no region gets
  [[nodiscard]] double seconds() const noexcept { return static_cast<double>(to_ns - from_ns) * 1e-9; }
};

/// The marks of a node put in order.
class Story {
 public:
  Story(const Marks& marks, Window window);

  [[nodiscard]] const std::vector<Call>& calls() const noexcept { return calls_; }
  [[nodiscard]] const Window& window() const noexcept { return window_; }

  /// Whether anything begins or ends after `from_ns` and not after `to_ns`.
  [[nodiscard]] bool changes_within(std::int64_t from_ns, std::int64_t to_ns) const noexcept;

  /// Calls `piece` for the pieces of the window, in order and without gaps; `begins` and `ends` where a call does so.
  struct Listener {
    std::function<void(const Piece&)> piece;
    std::function<void(std::size_t call)> begins = {};
    std::function<void(std::size_t call)> ends = {};
  };
  void tell(const Listener& listener) const;

 private:
  struct Span {
    std::int64_t from_ns, to_ns;
    std::uint16_t thread;
    std::size_t first, last;  ///< in marks_.holes
  };
  struct Change {
    std::int64_t t_ns;
    enum class What : std::uint8_t { call_ends, hole_ends, hole_begins, call_begins } what;
    std::uint32_t index;
  };
  class Reader;
  class Teller;
  void put_in_order();
  [[nodiscard]] std::uint32_t known(std::uint32_t name) const noexcept;

  const Marks& marks_;
  Window window_;
  std::vector<Call> calls_;
  std::vector<Span> spans_;  ///< holes by thread and time
  std::vector<Change> changes_;
};

}  // namespace perun
