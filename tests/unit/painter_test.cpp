// SPDX-License-Identifier: BSD-3-Clause
// What the live view sends to a terminal, drawn by a terminal that takes each word literally.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <charconv>
#include <random>

#include "live/painter.hpp"
#include "report/layout.hpp"

namespace perun {
namespace {

using live::Line;
using live::Look;
using live::Painter;

constexpr std::string_view rubbish = "what another program wrote here";

/// A screen of cells. "{G3,7}" goes to row 3, column 7; "{E}" clears to the end; "{r}" is reverse and "{0}" ends it.
class Screen {
 public:
  Screen(std::size_t width, std::size_t height) : width_(width), cells_(width * height, Cell{" ", false}) {}

  static live::TerminalWords words(bool clears = true) {
    live::TerminalWords words;
    words.go = [](std::size_t row, std::size_t column) { return fmt::format("{{G{},{}}}", row, column); };
    if (clears) words.clear_to_end = "{E}";
    words.by_look[static_cast<std::size_t>(Look::title)] = "{r}";
    words.plain = "{0}";
    return words;
  }

  void take(std::string_view text) {
    while (!text.empty()) {
      if (text.front() == '{') {
        const auto end = text.find('}');
        command(text.substr(1, end - 1));
        text.remove_prefix(end + 1);
        continue;
      }
      std::size_t bytes = 1;
      while (bytes < text.size() && (static_cast<unsigned char>(text[bytes]) & 0xC0U) == 0x80) ++bytes;
      put(text.substr(0, bytes));
      text.remove_prefix(bytes);
    }
  }
  [[nodiscard]] std::string row(std::size_t number) const {
    std::string out;
    for (std::size_t i = 0; i < width_; ++i) out += cells_[number * width_ + i].text;
    return out.substr(0, out.find_last_not_of(' ') + 1);
  }
  [[nodiscard]] bool reverse(std::size_t row, std::size_t column) const { return cells_[row * width_ + column].reverse; }
  [[nodiscard]] std::size_t written() const { return written_; }

 private:
  struct Cell {
    std::string text;
    bool reverse;
  };
  void command(std::string_view word) {
    if (word == "r" || word == "0") reverse_ = word == "r";
    if (word == "E")
      for (std::size_t i = at_ % width_; i < width_; ++i) cells_.at(at_++) = {" ", reverse_};
    if (word.starts_with('G')) {
      std::size_t row = 0, column = 0;
      const auto* end = word.data() + word.size();
      std::from_chars(std::from_chars(word.data() + 1, end, row).ptr + 1, end, column);
      at_ = row * width_ + column;
    }
  }
  void put(std::string_view character) {
    const std::size_t columns = layout::columns(character);
    written_ += columns;
    if (columns == 0) {
      cells_.at(at_ - 1).text += character;
      return;
    }
    cells_.at(at_++) = {std::string(character), reverse_};
    if (columns == 2) cells_.at(at_++) = {"", reverse_};
  }

  std::size_t width_, at_ = 0, written_ = 0;
  bool reverse_ = false;
  std::vector<Cell> cells_;
};

void expect_shown(const Screen& screen, const std::vector<Line>& lines, std::size_t height) {
  for (std::size_t i = 0; i < height; ++i) {
    const std::string text = i < lines.size() ? lines[i].text : "";
    EXPECT_EQ(screen.row(i), text.substr(0, text.find_last_not_of(' ') + 1)) << "row " << i;
  }
}

TEST(Painter, TheScreenIsAlwaysTheFrame) {
  constexpr std::size_t width = 20, height = 6;
  const std::vector<std::string> pieces{"a", "b", " ", "  ", "7", "12.5 W", "\u28FF", "\u28C0", "\u5927", "e\u0301", "o\u0308"};
  std::mt19937 random(7);
  for (const bool clears : {true, false}) {
    Screen screen(width, height);
    Painter painter(Screen::words(clears));
    for (int frame = 0; frame < 3000; ++frame) {
      std::vector<Line> lines(random() % (height + 1));
      for (auto& line : lines) {
        for (auto n = random() % 9; n > 0; --n) line.text += pieces[random() % pieces.size()];
        line.text = layout::clipped(line.text, width);
        line.look = random() % 8 == 0 ? Look::title : Look::plain;
      }
      screen.take(painter.paint(lines, width, height));
      expect_shown(screen, lines, height);
      for (std::size_t i = 0; i < lines.size(); ++i) EXPECT_EQ(screen.reverse(i, width - 1), lines[i].look == Look::title);
      if (HasFailure()) return;
    }
  }
}

TEST(Painter, SendsWhatChangedAlone) {
  Screen screen(80, 24);
  Painter painter(Screen::words());
  std::vector<Line> lines(24, {std::string(70, 'x')});
  static_cast<void>(painter.paint(lines, 80, 24));
  static_cast<void>(painter.paint(lines, 80, 24));
  EXPECT_EQ(painter.paint(lines, 80, 24), "");
  lines[3].text.back() = 'y';
  EXPECT_EQ(painter.paint(lines, 80, 24), "{G3,69}y");
  lines[3].text.resize(60);
  EXPECT_EQ(painter.paint(lines, 80, 24), "{G3,60}{E}");
}

TEST(Painter, MendsWhatOthersWrote) {
  Screen screen(40, 3);
  Painter painter(Screen::words());
  const std::vector<Line> lines{{"one"}, {"two"}, {"three"}};
  screen.take(painter.paint(lines, 40, 3));
  screen.take(std::string("{G1,0}").append(rubbish));
  for (int frame = 0; frame < 25; ++frame) screen.take(painter.paint(lines, 40, 3));
  expect_shown(screen, lines, 3);
}

TEST(Painter, AnotherSizeIsDrawnAnew) {
  Painter painter(Screen::words());
  const std::vector<Line> lines{{"one"}, {"two"}};
  static_cast<void>(painter.paint(lines, 40, 3));
  Screen smaller(30, 2);
  smaller.take(painter.paint(lines, 30, 2));
  expect_shown(smaller, lines, 2);
}

TEST(Painter, LeavesTheLastCellAloneWhereItScrolls) {
  auto words = Screen::words();
  words.last_cell_scrolls = true;
  Painter painter(std::move(words));
  Screen screen(10, 2);
  screen.take(painter.paint(std::vector<Line>{{"0123456789"}, {"0123456789"}}, 10, 2));
  EXPECT_EQ(screen.row(0), "0123456789");
  EXPECT_EQ(screen.row(1), "0123456..");
}

}  // namespace
}  // namespace perun
