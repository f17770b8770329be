// SPDX-License-Identifier: BSD-3-Clause
#include "live/keys.hpp"

#include <algorithm>
#include <array>

namespace perun::live {

namespace {

void type(Choice& choice, const KeyPress& key) {
  constexpr std::size_t longest = 40;
  if (key.character != 0) {
    if (choice.filter.size() < longest) choice.filter += key.character;
  } else if (key.special == SpecialKey::erase) {
    if (!choice.filter.empty()) choice.filter.pop_back();
  } else if (key.special == SpecialKey::enter) {
    choice.typing = false;
  } else if (key.special == SpecialKey::escape) {
    choice.filter.clear();
    choice.typing = false;
  }
}

void next_window(Choice& choice) {
  constexpr std::array windows{60.0, 300.0, 900.0, 3600.0};
  const auto now = std::ranges::find(windows, choice.window_s);
  choice.window_s = now == windows.end() || now + 1 == windows.end() ? windows.front() : *(now + 1);
}

void scroll(Choice& choice, SpecialKey key) {
  const std::size_t page = key == SpecialKey::page_up || key == SpecialKey::page_down ? 10 : 1;
  if (key == SpecialKey::up || key == SpecialKey::page_up) choice.skipped -= std::min(choice.skipped, page);
  if (key == SpecialKey::down || key == SpecialKey::page_down) choice.skipped += page;
}

}  // namespace

bool press(Choice& choice, const KeyPress& key) {
  if (choice.typing) {
    type(choice, key);
    return true;
  }
  switch (key.character) {
    case 'q':
      return false;
    case 'p':
      choice.paused = !choice.paused;
      break;
    case 't':
      next_window(choice);
      break;
    case 's':
      choice.order = static_cast<Order>((static_cast<std::size_t>(choice.order) + 1) % orders);
      break;
    case 'g':
      choice.grouped = !choice.grouped;
      break;
    case 'u':
      choice.watt_hours = !choice.watt_hours;
      break;
    case 'm':
      choice.wish = Wish::mark;
      break;
    case 'e':
      choice.wish = Wish::save;
      break;
    case 'h':
    case '?':
      choice.help = !choice.help;
      break;
    case '/':
      choice.typing = true;
      choice.help = false;
      break;
    case 0:
      if (key.special == SpecialKey::escape) {
        choice.help = false;
        choice.filter.clear();
      }
      scroll(choice, key.special);
      break;
    default:
      break;
  }
  return true;
}

}  // namespace perun::live
