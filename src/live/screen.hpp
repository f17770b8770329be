// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>

#include "base/result.hpp"
#include "live/frame.hpp"

namespace perun::live {

/// Keys that are no characters.
enum class SpecialKey : std::uint8_t { up, down, page_up, page_down, erase, enter, escape, resize };
struct KeyPress {
  char character = 0;  ///< 0: a special one
  SpecialKey special = SpecialKey::resize;
};

/// The terminal, taken over by ncurses until this is gone. One at a time; one thread.
class Screen {
 public:
  struct Wish {
    bool color = true;
  };
  /// Errors: unsupported (no terminal, or one that ncurses does not know).
  static Result<Screen> open(Wish wish);

  [[nodiscard]] std::size_t width() const noexcept;
  [[nodiscard]] std::size_t height() const noexcept;
  /// Whether the locale takes characters beyond ASCII.
  [[nodiscard]] bool utf8() const noexcept;

  void draw(std::span<const Line> lines);
  /// A key that was pressed, without waiting.
  [[nodiscard]] std::optional<KeyPress> key();

 private:
  struct Terminal;
  struct Close {
    void operator()(Terminal* terminal) const noexcept;
  };
  explicit Screen(std::unique_ptr<Terminal, Close> terminal) : terminal_(std::move(terminal)) {}
  std::unique_ptr<Terminal, Close> terminal_;
};

}  // namespace perun::live
