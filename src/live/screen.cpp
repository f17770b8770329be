// SPDX-License-Identifier: BSD-3-Clause
#include "live/screen.hpp"

#include <langinfo.h>
#include <unistd.h>

#include <clocale>
#include <cstdlib>
#include <string_view>

#define NCURSES_NOMACROS
#include <curses.h>

namespace perun::live {

struct Screen::Terminal {
  SCREEN* screen = nullptr;
  bool color = false, utf8 = false;
};

namespace {

constexpr short faint_pair = 1, title_pair = 2, warning_pair = 3;

attr_t attributes(Look look, bool color) noexcept {
  switch (look) {
    case Look::title:
      return A_REVERSE;
    case Look::strong:
      return A_BOLD;
    case Look::heading:
      return color ? static_cast<attr_t>(COLOR_PAIR(title_pair)) | A_BOLD : A_BOLD;
    case Look::faint:
      return color ? static_cast<attr_t>(COLOR_PAIR(faint_pair)) : A_NORMAL;
    case Look::warning:
      return color ? static_cast<attr_t>(COLOR_PAIR(warning_pair)) | A_BOLD : A_BOLD;
    case Look::plain:
      break;
  }
  return A_NORMAL;
}

bool locale_is_utf8() {
  return std::string_view(::nl_langinfo(CODESET)) == "UTF-8";
}

}  // namespace

void Screen::Close::operator()(Terminal* terminal) const noexcept {
  ::endwin();
  if (terminal->screen != nullptr) ::delscreen(terminal->screen);
  delete terminal;
}

Result<Screen> Screen::open(Wish wish) {
  const char* kind = std::getenv("TERM");
  if (::isatty(STDIN_FILENO) != 1 || ::isatty(STDOUT_FILENO) != 1 || kind == nullptr || *kind == '\0')
    return Error{Errc::unsupported, "the live view needs a terminal", "use --once for one look or --json for lines of JSON"};
  // Of characters only: numbers are written the same everywhere.
  if (std::setlocale(LC_CTYPE, "") == nullptr) std::setlocale(LC_CTYPE, "C.UTF-8");
  ::use_env(TRUE);
  std::unique_ptr<Terminal, Close> terminal;
  SCREEN* screen = ::newterm(nullptr, stdout, stdin);
  if (screen == nullptr)
    return Error{Errc::unsupported, std::string("the terminal '") + kind + "' is not known here",
                 "set TERM, or use --once for one look or --json for lines of JSON"};
  terminal.reset(new Terminal{screen, false, locale_is_utf8()});
  ::cbreak();
  ::noecho();
  ::curs_set(0);
  ::nodelay(stdscr, TRUE);
  ::keypad(stdscr, TRUE);
  ::set_escdelay(50);
  ::typeahead(-1);  // or it looks for keys, and writes, every few cells
  if (wish.color && ::has_colors() && ::start_color() == OK) {
    ::use_default_colors();
    ::init_pair(faint_pair, COLOR_CYAN, -1);
    ::init_pair(title_pair, COLOR_GREEN, -1);
    ::init_pair(warning_pair, COLOR_RED, -1);
    terminal->color = true;
  }
  return Screen(std::move(terminal));
}

std::size_t Screen::width() const noexcept {
  return static_cast<std::size_t>(::getmaxx(stdscr));
}
std::size_t Screen::height() const noexcept {
  return static_cast<std::size_t>(::getmaxy(stdscr));
}
bool Screen::utf8() const noexcept {
  return terminal_->utf8;
}

void Screen::draw(std::span<const Line> lines) {
  ::werase(stdscr);
  int row = 0;
  for (const Line& line : lines) {
    const attr_t look = attributes(line.look, terminal_->color);
    ::wattrset(stdscr, static_cast<int>(look));
    if (line.look == Look::title) ::mvwhline(stdscr, row, 0, ' ' | A_REVERSE, getmaxx(stdscr));
    ::mvwaddnstr(stdscr, row++, 0, line.text.c_str(), static_cast<int>(line.text.size()));
  }
  ::wattrset(stdscr, A_NORMAL);
  ::wrefresh(stdscr);
}

std::optional<KeyPress> Screen::key() {
  const int code = ::wgetch(stdscr);
  switch (code) {
    case ERR:
      return std::nullopt;
    case KEY_UP:
      return KeyPress{0, SpecialKey::up};
    case KEY_DOWN:
      return KeyPress{0, SpecialKey::down};
    case KEY_PPAGE:
      return KeyPress{0, SpecialKey::page_up};
    case KEY_NPAGE:
      return KeyPress{0, SpecialKey::page_down};
    case KEY_BACKSPACE:
    case 127:
    case 8:
      return KeyPress{0, SpecialKey::erase};
    case KEY_ENTER:
    case '\n':
    case '\r':
      return KeyPress{0, SpecialKey::enter};
    case 27:
      return KeyPress{0, SpecialKey::escape};
    default:
      if (code > 31 && code < 127) return KeyPress{static_cast<char>(code), SpecialKey::resize};
      return KeyPress{0, SpecialKey::resize};
  }
}

}  // namespace perun::live
