// SPDX-License-Identifier: BSD-3-Clause
#include "report/markdown.hpp"

#include <algorithm>

#include "report/layout.hpp"

namespace perun::markdown {

namespace {

std::string row(const std::vector<std::string>& cells) {
  std::string out = "|";
  for (const auto& cell : cells) out += (cell.empty() ? "" : " " + inline_text(cell)) + " |";
  return out + "\n";
}

}  // namespace

std::string inline_text(std::string_view s) {
  constexpr std::string_view signs = "\\`*_{}[]<>|#~&!";
  std::string out;
  for (const char c : layout::printable(s)) {
    if (signs.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string code(std::string_view s) {
  const std::string text = layout::printable(s);
  std::size_t longest = 0, now = 0;
  for (const char c : text) longest = std::max(longest, now = c == '`' ? now + 1 : 0);
  const std::string fence(longest + 1, '`');
  const bool apart = text.starts_with('`') || text.ends_with('`');
  return text.empty() ? "" : fence + (apart ? " " : "") + text + (apart ? " " : "") + fence;
}

void Table::add(const std::vector<std::string>& cells) {
  rows_ += row(cells);
}

std::string Table::text() const {
  std::string rule = "|:--|";
  for (std::size_t i = 1; i < titles_.size(); ++i) rule += "--:|";
  return row(titles_) + rule + "\n" + rows_;
}

}  // namespace perun::markdown
