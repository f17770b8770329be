// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "live/view.hpp"
#include "model/marks.hpp"

namespace perun::live {

/// The regions of a node while it runs: how often, how long, and what the node used meanwhile. Memory grows with names and
/// threads, not with calls.
class Regions {
 public:
  /// Marks wait until the energy of their time is known.
  void add(const Marks& news);
  /// Takes in what happened up to `t_ns`; `energy` tells the node's joules up to a moment before that.
  void settle(std::int64_t t_ns, const std::function<double(std::int64_t)>& energy);

  [[nodiscard]] std::vector<RegionView> view(std::int64_t t_ns, double joules) const;
  [[nodiscard]] std::string innermost() const;  ///< of the first thread that has one open; empty: none
  [[nodiscard]] bool lost() const noexcept { return lost_; }

 private:
  struct Region {
    std::uint64_t calls = 0;
    std::uint32_t open = 0;  ///< calls in all threads
    std::int64_t since_ns = 0, wall_ns = 0;
    double since_J = 0, joules = 0;
  };
  void take(const Mark& mark, double joules);
  void leave(std::uint32_t name, std::int64_t t_ns, double joules);

  std::vector<std::string> names_;
  std::vector<Mark> waiting_;
  std::vector<Region> regions_;                                 ///< by name
  std::map<std::uint16_t, std::vector<std::uint32_t>> stacks_;  ///< open calls of each thread, innermost last
  bool lost_ = false;
};

}  // namespace perun::live
