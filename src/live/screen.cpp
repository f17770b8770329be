// SPDX-License-Identifier: BSD-3-Clause
#include "live/screen.hpp"

#include <langinfo.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "host/clock.hpp"
#include "live/painter.hpp"

#define NCURSES_NOMACROS
#include <curses.h>

namespace perun::live {

struct Screen::Terminal {
  SCREEN* screen = nullptr;
  bool utf8 = false;
  Painter painter;
  std::int64_t drawn_ns = 0;  ///< CLOCK_MONOTONIC
};

namespace {

constexpr std::int64_t longest_ns = 1'000'000'000;  ///< between two frames, when all is well

constexpr int red = 1, green = 2, cyan = 6;

/// What the terminal's description says, without the delays that printers needed.
std::string described(const char* text) {
  // terminfo's own "no such capability" is the address -1.
  if (text == nullptr || reinterpret_cast<std::intptr_t>(text) == -1) return {};
  std::string out = text;
  for (auto at = out.find("$<"); at != std::string::npos; at = out.find("$<", at)) {
    const auto end = out.find('>', at);
    if (end == std::string::npos) break;
    out.erase(at, end - at + 1);
  }
  return out;
}

std::string word(const char* capability) {
  return described(::tigetstr(capability));
}

TerminalWords words_of_terminal(bool color) {
  TerminalWords words;
  words.go = [cup = std::string(::tigetstr("cup"))](std::size_t row, std::size_t column) {
    return described(::tiparm(cup.c_str(), static_cast<int>(row), static_cast<int>(column)));
  };
  words.clear_to_end = word("el");
  words.plain = word("sgr0");
  words.last_cell_scrolls = ::tigetflag("am") > 0 && ::tigetflag("xenl") <= 0;
  if (words.plain.empty()) return words;  // what cannot be ended is not begun
  const std::string bold = word("bold");
  const auto in = [color](int number) { return color ? described(::tiparm(::tigetstr("setaf"), number)) : std::string{}; };
  const auto begin = [&words](Look look) -> std::string& { return words.by_look[static_cast<std::size_t>(look)]; };
  begin(Look::title) = word("rev");
  begin(Look::strong) = bold;
  begin(Look::heading) = in(green) + bold;
  begin(Look::faint) = in(cyan);
  begin(Look::warning) = in(red) + bold;
  return words;
}

bool locale_is_utf8() {
  return std::string_view(::nl_langinfo(CODESET)) == "UTF-8";
}

Error not_known(const char* kind) {
  return {Errc::unsupported, std::string("the terminal '") + kind + "' is not known here",
          "set TERM, or use --once for one look or --json for lines of JSON"};
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
  if (screen == nullptr) return not_known(kind);
  const bool color = wish.color && ::has_colors() && !word("setaf").empty();
  const bool moves = !word("cup").empty();
  terminal.reset(new Terminal{screen, locale_is_utf8(), Painter(moves ? words_of_terminal(color) : TerminalWords{})});
  if (!moves) return not_known(kind);
  ::cbreak();
  ::noecho();
  ::curs_set(0);
  ::nodelay(stdscr, TRUE);
  ::keypad(stdscr, TRUE);
  ::set_escdelay(50);
  ::typeahead(-1);
  ::refresh();  // which takes the screen over; from now on it has nothing to draw
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
  const std::int64_t now_ns = clock_ns(CLOCK_MONOTONIC);
  // After so long it was stopped, and ncurses has painted what it knows, which is nothing.
  if (now_ns - std::exchange(terminal_->drawn_ns, now_ns) > longest_ns) terminal_->painter.forget();
  const std::string out = terminal_->painter.paint(lines, width(), height());
  for (std::string_view left = out; !left.empty();) {
    const ssize_t n = ::write(STDOUT_FILENO, left.data(), left.size());
    if (n < 0 && errno != EINTR) return;  // the terminal is gone, which its signal tells
    if (n > 0) left.remove_prefix(static_cast<std::size_t>(n));
  }
}

std::optional<KeyPress> Screen::key() {
  const int code = ::wgetch(stdscr);
  switch (code) {
    case ERR:
      return std::nullopt;
    case KEY_RESIZE:
      ::clearok(stdscr, TRUE);
      ::refresh();
      terminal_->painter.forget();
      return KeyPress{0, SpecialKey::resize};
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
