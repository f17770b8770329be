// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "analysis/compare.hpp"
#include "analysis/gate.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "report/writer.hpp"

namespace perun {

/// What `perun compare` found: the first side held against each other one.
struct CompareReport {
  struct Gated {
    Condition condition;
    std::size_t other;  ///< of the sides
    Judgement judgement;
  };
  double confidence = 0.95;
  std::vector<Side> sides;
  std::vector<Comparison> comparisons;
  std::vector<Gated> gates;
};

/// For people, at most 80 columns.
[[nodiscard]] std::string compare_text(const CompareReport& report, const Style& style);

/// A Markdown table for each comparison.
[[nodiscard]] std::string compare_markdown(const CompareReport& report);

/// `perun: B / A energy 0.8609 (0.8521..0.8702) lower, ...`, a line for each comparison: the -q form.
[[nodiscard]] std::string compare_lines(const CompareReport& report);

/// One page for any browser. Errors: unsupported (built without npm).
[[nodiscard]] Result<std::string> compare_html(const CompareReport& report);

/// Schema "perun-compare/1" (share/schema/compare-1.json).
[[nodiscard]] Json compare_document(const CompareReport& report);

}  // namespace perun
