// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "live/frame.hpp"

namespace perun::live {

/// How a kind of terminal is told what to do.
struct TerminalWords {
  std::function<std::string(std::size_t row, std::size_t column)> go;
  std::string clear_to_end;                ///< of the row; empty: it cannot, and gets blanks
  std::array<std::string, looks> by_look;  ///< to begin each; empty: not known, or none
  std::string plain;                       ///< ends all of them
  bool last_cell_scrolls = false;          ///< a character in the lowest right corner moves everything up
};

/// Turns frames into what a terminal has to be sent: the rows that changed, from where they did, at once. ncurses would search
/// for the shortest way and write at each movement of the cursor, which costs many times more.
class Painter {
 public:
  explicit Painter(TerminalWords words) : words_(std::move(words)) {}

  /// What makes a terminal that shows the last frame show this one. Now and then all rows, which mends what others wrote there.
  [[nodiscard]] std::string paint(std::span<const Line> lines, std::size_t width, std::size_t height);
  /// Nothing is known of what the terminal shows.
  void forget() { shown_.clear(); }

 private:
  void row(std::string& out, std::size_t number, const Line& line, std::size_t width, bool anew);
  const std::string& go(std::size_t row, std::size_t column, std::size_t width);

  TerminalWords words_;
  std::vector<Line> shown_;
  std::vector<std::string> ways_;  ///< go() of each cell, as far as it was needed
  std::size_t width_ = 0, height_ = 0;
  unsigned frames_ = 0;
};

}  // namespace perun::live
