// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "live/view.hpp"

namespace perun::live {

enum class Look : std::uint8_t { plain, title, strong, heading, faint, warning };
inline constexpr std::size_t looks = 6;

struct Line {
  std::string text;  ///< as wide as the screen at most, without a newline
  Look look = Look::plain;
};

enum class Order : std::uint8_t { energy, power, name };
inline constexpr std::size_t orders = 3;

/// What the user asks for that is more than another look.
enum class Wish : std::uint8_t { none, mark, save };

/// What the user chose to see.
struct Choice {
  std::size_t width = 80, height = 24;
  bool utf8 = true;
  double window_s = 60;
  Order order = Order::energy;
  bool grouped = false;     ///< devices of one kind together
  bool watt_hours = false;  ///< else joules
  bool paused = false;
  bool help = false;
  std::size_t skipped = 0;            ///< devices scrolled over
  std::string filter = {};            ///< devices and regions whose names hold this
  bool typing = false;                ///< the filter is being typed
  std::vector<std::string> log = {};  ///< the newest lines that the program printed; shown where there is room
  std::string hint = {};              ///< what can be done, in the last line
  std::string notice = {};            ///< what became of a wish, in the last line for a while
  Wish wish = Wish::none;             ///< to be fulfilled by who reads the keys
};

/// How many pieces of history a screen of this width shows.
[[nodiscard]] std::size_t pieces(const Choice& choice) noexcept;

/// The screen: at most `choice.height` lines of at most `choice.width` columns. Pure.
[[nodiscard]] std::vector<Line> frame(const RunView& view, const Choice& choice);

/// The view as one line of JSON, without a newline (docs/format.md, "Live").
[[nodiscard]] std::string json_line(const RunView& view);

}  // namespace perun::live
