// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/power_steps.hpp"
#include "model/summary.hpp"

namespace perun::trace {

/// One power track of a viewer.
struct PowerLine {
  std::size_t node = 0;
  std::string name;   ///< "cpu:0 package", "total (estimated)", "cpu:0 cores (not in the total)"
  std::string about;  ///< what it is and where it comes from
  bool total = false;
  PowerSteps steps;
};

/// The counted power of each node with more than one meter in its total, then each meter; at most `most` stretches each.
[[nodiscard]] std::vector<PowerLine> power_lines(const RunSummary& run, const Timeline& timeline, std::size_t most);

/// The counted energy of each node, for what regions used.
[[nodiscard]] std::vector<PowerSteps> counted_energy(const RunSummary& run, const Timeline& timeline);

/// What a node used during a call; nothing when that is too short for its sensors, or nothing is counted there.
[[nodiscard]] std::optional<double> joules_during(const PowerSteps& node, std::int64_t from_us, std::int64_t to_us);

/// "rank 3, thread 4712", "thread 4712".
[[nodiscard]] std::string lane_name(const RunSummary& run, const RegionLane& lane);

/// Grams of CO2e for each joule, by the run's factors and PUE.
[[nodiscard]] double grams_per_joule(const RunSummary& run) noexcept;

/// A name of a region, and how many calls of it stand together.
[[nodiscard]] std::string call_name(const Timeline& timeline, const RegionCall& call);

/// A JSON string with its quotes.
[[nodiscard]] std::string json_text(std::string_view text);

/// Puts JSON together that is too long to be held as a tree: commas between what is added.
class List {
 public:
  explicit List(std::string& out, char open = '[') : out_(out), close_(open == '[' ? ']' : '}') { out_ += open; }
  List(const List&) = delete;
  List& operator=(const List&) = delete;
  ~List() { out_ += close_; }
  /// Where the next item is written to.
  std::string& next() {
    if (any_) out_ += ',';
    any_ = true;
    return out_;
  }

 private:
  std::string& out_;
  char close_;
  bool any_ = false;
};

}  // namespace perun::trace
