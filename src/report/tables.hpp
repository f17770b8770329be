// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "model/summary.hpp"
#include "report/layout.hpp"

namespace perun::tables {

/// A table and what is said below it; without a table there is nothing to show.
struct Block {
  std::optional<layout::Table> table = {};
  std::vector<std::string> remarks = {};

  /// Behind two spaces; remarks are wrapped into `width`. Empty where there is no table.
  [[nodiscard]] std::string text(std::size_t width) const;
};

/// The energy by domain, most first; nothing when there is only one.
struct Part {
  std::string name;
  Amount energy;
  double share = 0;  ///< of the run, 0..1
};
[[nodiscard]] std::vector<Part> domains(const RunSummary& run);

/// The same as a line with a bar for each.
[[nodiscard]] std::string domain_bars(const RunSummary& run, std::size_t width);

/// The nodes that used most, when there is more than one.
[[nodiscard]] Block nodes(const RunSummary& run);

/// Every energy device of a single node; by type when there are many or several nodes.
[[nodiscard]] Block devices(const RunSummary& run);

}  // namespace perun::tables
