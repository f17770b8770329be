// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <string_view>
#include <vector>

/// Markdown as GitHub and GitLab read it (tables are theirs).
namespace perun::markdown {

/// `s` as text that means nothing but itself: printable, on one line, every sign of Markdown and HTML escaped.
[[nodiscard]] std::string inline_text(std::string_view s);

/// `s` as code: `s`, with as many backticks around it as it takes.
[[nodiscard]] std::string code(std::string_view s);

/// Columns after the first are aligned to the right. Cells are escaped.
class Table {
 public:
  explicit Table(std::vector<std::string> titles) : titles_(std::move(titles)) {}
  void add(const std::vector<std::string>& cells);
  [[nodiscard]] bool empty() const noexcept { return rows_.empty(); }
  [[nodiscard]] std::string text() const;  ///< lines that end in a newline

 private:
  std::vector<std::string> titles_;
  std::string rows_;
};

}  // namespace perun::markdown
