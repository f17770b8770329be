// SPDX-License-Identifier: BSD-3-Clause
#include "report/markdown.hpp"

#include <algorithm>
#include <vector>

namespace perun::markdown {

namespace {

/// Cells that table() was given are printable already.
std::string row(const std::vector<std::string>& cells, std::size_t count) {
  std::string out = "|";
  for (std::size_t i = 0; i < count; ++i) out += (cells[i].empty() ? "" : " " + inline_text(cells[i])) + " |";
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

std::string table(const layout::Table& table) {
  std::vector<std::string> titles;
  std::string rule = "|";
  std::size_t count = table.header().size();
  const auto empty = [&](const auto& cells) { return cells[count - 1].empty(); };
  if (count > 1 && table.header().back().title.empty() && std::ranges::all_of(table.rows(), empty)) --count;
  for (std::size_t i = 0; i < count; ++i) {
    titles.push_back(table.header()[i].title);
    rule += table.header()[i].align == layout::Align::left ? ":--|" : "--:|";
  }
  std::string out = row(titles, count) + rule + "\n";
  for (const auto& cells : table.rows()) out += row(cells, count);
  return out;
}

}  // namespace perun::markdown
