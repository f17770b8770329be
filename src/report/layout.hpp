// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace perun::layout {

/// `s` made safe for a terminal: valid UTF-8, control characters as \n, \t or \xNN.
[[nodiscard]] std::string printable(std::string_view s);

/// `s` with every column of a character beyond ASCII replaced by '?'.
[[nodiscard]] std::string ascii(std::string_view s);

/// Columns that valid UTF-8 takes on a terminal: 2 for wide East Asian characters and emoji, 0 for combining marks.
[[nodiscard]] std::size_t columns(std::string_view s) noexcept;

/// `s` cut to `width` columns, the last two being ".." where something was left out.
[[nodiscard]] std::string clipped(std::string_view s, std::size_t width);

/// `s` broken at spaces into lines of at most `width` columns; words longer than that are cut.
[[nodiscard]] std::vector<std::string> wrapped(std::string_view s, std::size_t width);

enum class Align : unsigned char {
  left,
  right,
  point,  ///< "36.00 J" and "2.147 MJ" with points and units below each other
};

/// Cells padded to common column widths, two spaces apart. The last column is wrapped into what `width` leaves.
class Table {
 public:
  struct Column {
    std::string title;
    Align align = Align::right;
    std::size_t most = 80;  ///< columns of the screen at most; longer cells are clipped
  };
  explicit Table(std::vector<Column> header) : columns_(std::move(header)) {}
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }

  [[nodiscard]] const std::vector<Column>& header() const noexcept { return columns_; }
  [[nodiscard]] const std::vector<std::vector<std::string>>& rows() const noexcept { return rows_; }

  /// Lines that begin with `indent` spaces and end in a newline, without trailing spaces.
  [[nodiscard]] std::string text(std::size_t indent, std::size_t width) const;

 private:
  [[nodiscard]] std::string line(const std::vector<std::string>& cells, const std::vector<std::size_t>& widths,
                                 std::size_t indent, std::size_t width) const;
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace perun::layout
