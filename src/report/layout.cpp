// SPDX-License-Identifier: BSD-3-Clause
#include "report/layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/text.hpp"

namespace perun::layout {

namespace {

/// Length in bytes of the character at the front of valid UTF-8.
std::size_t length(std::string_view s) noexcept {
  const auto lead = static_cast<unsigned char>(s.front());
  const std::size_t n = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  return std::min(n, s.size());
}

std::uint32_t code_point(std::string_view character) noexcept {
  const auto lead = static_cast<unsigned char>(character.front());
  std::uint32_t code = character.size() == 1 ? lead : lead & (0x7FU >> character.size());
  for (const char c : character.substr(1)) code = (code << 6) | (static_cast<unsigned char>(c) & 0x3FU);
  return code;
}

struct Range {
  std::uint32_t first, last;
};

template <std::size_t N>
bool in(const std::array<Range, N>& ranges, std::uint32_t code) noexcept {
  return std::any_of(ranges.begin(), ranges.end(), [&](const Range& r) { return code >= r.first && code <= r.last; });
}

/// The wide and the combining blocks of Unicode, roughly; the C library's tables depend on the locale.
std::size_t width_of(std::uint32_t code) noexcept {
  constexpr std::array<Range, 6> none{
      {{0x300, 0x36F}, {0x200B, 0x200F}, {0x202A, 0x202E}, {0x2060, 0x2064}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}}};
  constexpr std::array<Range, 9> wide{{{0x1100, 0x115F},
                                       {0x2E80, 0xA4CF},
                                       {0xAC00, 0xD7A3},
                                       {0xF900, 0xFAFF},
                                       {0xFE30, 0xFE6F},
                                       {0xFF00, 0xFF60},
                                       {0xFFE0, 0xFFE6},
                                       {0x1F300, 0x1FAFF},
                                       {0x20000, 0x3FFFD}}};
  if (code < 0x300 || (code > 0x2064 && code < 0x2E80)) return 1;  // most of what is ever printed
  return in(none, code) ? 0 : in(wide, code) ? 2 : 1;
}

/// The longest front of `s` that fits into `width` columns, but at least one character.
std::string_view fitting(std::string_view s, std::size_t width) noexcept {
  std::size_t bytes = 0, used = 0;
  while (bytes < s.size()) {
    const auto character = s.substr(bytes, length(s.substr(bytes)));
    used += width_of(code_point(character));
    if (used > width && bytes > 0) break;
    bytes += character.size();
  }
  return s.substr(0, bytes);
}

}  // namespace

std::string printable(std::string_view s) {
  const std::string valid = text::to_utf8(s);
  std::string out;
  for (std::size_t i = 0; i < valid.size();) {
    const auto character = std::string_view(valid).substr(i, length(std::string_view(valid).substr(i)));
    i += character.size();
    const std::uint32_t code = code_point(character);
    // Bidirectional overrides would let a file name rewrite the line it stands in.
    const bool turns = (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
    if (code == '\n')
      out += "\\n";
    else if (code == '\t')
      out += "\\t";
    else if (code < 0x20 || (code >= 0x7F && code < 0xA0))
      out += fmt::format("\\x{:02x}", code);
    else if (turns || code == 0x2028 || code == 0x2029)
      out += fmt::format("\\u{:04x}", code);
    else
      out += character;
  }
  return out;
}

std::string ascii(std::string_view s) {
  std::string out;
  for (std::size_t i = 0; i < s.size();) {
    const auto character = s.substr(i, length(s.substr(i)));
    out += character.size() == 1 ? std::string(character) : std::string(width_of(code_point(character)), '?');
    i += character.size();
  }
  return out;
}

std::size_t columns(std::string_view s) noexcept {
  std::size_t sum = 0;
  while (!s.empty()) {
    const std::size_t n = length(s);
    if (n == 1) {
      ++sum;
      s.remove_prefix(1);
      continue;
    }
    sum += width_of(code_point(s.substr(0, n)));
    s.remove_prefix(n);
  }
  return sum;
}

std::string clipped(std::string_view s, std::size_t width) {
  if (columns(s) <= width) return std::string(s);
  return std::string(fitting(s, width - std::min<std::size_t>(width, 2))) + "..";
}

std::vector<std::string> wrapped(std::string_view s, std::size_t width) {
  std::vector<std::string> lines{""};
  std::size_t used = 0;
  for (std::string_view word : text::split(s, ' ')) {
    if (word.empty()) continue;
    if (used > 0 && used + 1 + columns(word) > width) {
      lines.emplace_back();
      used = 0;
    }
    while (columns(word) > width) {
      const auto front = fitting(word, width);
      lines.back() = front;
      lines.emplace_back();
      word.remove_prefix(front.size());
    }
    if (used > 0) lines.back() += ' ';
    lines.back() += word;
    used = columns(lines.back());
  }
  if (lines.size() > 1 && lines.back().empty()) lines.pop_back();
  return lines;
}

namespace {

/// "-2.147 MJ" as "-2", ".147" and " MJ"; what is no number has neither of the first two.
struct NumberCell {
  std::string_view whole, fraction, rest;
};
NumberCell number_of(std::string_view cell) noexcept {
  constexpr std::string_view digits = "0123456789";
  const auto first = cell.find_first_not_of("+-");
  if (first == std::string_view::npos || digits.find(cell[first]) == std::string_view::npos) return {{}, {}, cell};
  const auto whole = std::min(cell.find_first_not_of(digits, first), cell.size());
  auto end = whole;
  if (end < cell.size() && cell[end] == '.') end = std::min(cell.find_first_not_of(digits, end + 1), cell.size());
  return {cell.substr(0, whole), cell.substr(whole, end - whole), cell.substr(end)};
}

/// The cells of one column padded so that their points stand below each other, and their units.
void align_at_point(std::vector<std::vector<std::string>>& rows, std::size_t column) {
  std::size_t before = 0, after = 0, unit = 0;
  for (const auto& row : rows) {
    const NumberCell n = number_of(row[column]);
    if (n.whole.empty()) continue;
    before = std::max(before, n.whole.size());
    after = std::max(after, n.fraction.size());
    unit = std::max(unit, columns(n.rest));
  }
  for (auto& row : rows) {
    const NumberCell n = number_of(row[column]);
    if (n.whole.empty()) continue;
    row[column] = fmt::format("{:>{}}{:<{}}{}{:{}}", n.whole, before, n.fraction, after, n.rest, "", unit - columns(n.rest));
  }
}

}  // namespace

std::string Table::line(const std::vector<std::string>& cells, const std::vector<std::size_t>& widths, std::size_t indent,
                        std::size_t width) const {
  std::string out(indent, ' ');
  for (std::size_t i = 0; i + 1 < columns_.size(); ++i) {
    const std::string cell = clipped(cells[i], widths[i]);
    const std::string fill(widths[i] - std::min(widths[i], columns(cell)), ' ');
    out += columns_[i].align == Align::left ? cell + fill : fill + cell;
    out += "  ";
  }
  const std::size_t at = columns(out);
  bool first = true;
  std::string text;
  for (const auto& part : wrapped(cells.back(), width > at + 8 ? width - at : 8)) {
    std::string whole = (first ? out : std::string(at, ' ')) + part;
    whole.erase(whole.find_last_not_of(' ') + 1);
    text += whole + "\n";
    first = false;
  }
  return text;
}

std::string Table::text(std::size_t indent, std::size_t width) const {
  auto rows = rows_;
  for (std::size_t i = 0; i < columns_.size(); ++i)
    if (columns_[i].align == Align::point) align_at_point(rows, i);
  std::vector<std::string> titles;
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    titles.push_back(columns_[i].title);
    std::size_t widest = columns(columns_[i].title);
    for (const auto& row : rows) widest = std::max(widest, columns(row[i]));
    widths.push_back(std::min(widest, columns_[i].most));
  }
  std::string out = line(titles, widths, indent, width);
  for (const auto& row : rows) out += line(row, widths, indent, width);
  return out;
}

}  // namespace perun::layout
