// SPDX-License-Identifier: BSD-3-Clause
#include "live/painter.hpp"

#include <algorithm>

#include "report/layout.hpp"

namespace perun::live {

namespace {

constexpr unsigned frames_between_mending = 20;

/// Where two texts begin to differ, at the begin of a cell: combining marks belong to what stands before them.
std::size_t same_front(std::string_view a, std::string_view b) noexcept {
  const auto differ = std::ranges::mismatch(a, b).in1;
  auto at = static_cast<std::size_t>(differ - a.begin());
  const auto begins_cell = [&](std::string_view s) { return at == s.size() || static_cast<unsigned char>(s[at]) < 0x80; };
  while (at > 0 && !(begins_cell(a) && begins_cell(b))) --at;
  return at;
}

}  // namespace

const std::string& Painter::go(std::size_t row, std::size_t column, std::size_t width) {
  std::string& way = ways_[row * width + column];
  if (way.empty()) way = words_.go(row, column);
  return way;
}

void Painter::row(std::string& out, std::size_t number, const Line& line, std::size_t width, bool anew) {
  Line& shown = shown_[number];
  const bool same_look = line.look == shown.look;
  if (!anew && same_look && line.text == shown.text) return;
  const std::size_t front = anew || !same_look ? 0 : same_front(line.text, shown.text);
  const std::size_t begin = layout::columns(std::string_view(line.text).substr(0, front));
  const std::size_t after = layout::columns(line.text), before = anew ? width : layout::columns(shown.text);
  if (begin < width) {
    const std::string& look = words_.by_look[static_cast<std::size_t>(line.look)];
    out.append(go(number, begin, width)).append(look).append(line.text, front);
    if (!look.empty()) out += words_.plain;
    if (after < before && !words_.clear_to_end.empty())
      out += words_.clear_to_end;
    else if (after < before)
      out.append(std::min(before, width) - after, ' ');
  }
  shown = line;
}

std::string Painter::paint(std::span<const Line> lines, std::size_t width, std::size_t height) {
  if (width != width_ || height != height_) {
    forget();
    ways_.assign(width * height, {});
    width_ = width;
    height_ = height;
  }
  const bool anew = shown_.empty() || frames_++ % frames_between_mending == 0;
  shown_.resize(height);
  std::string out;
  for (std::size_t number = 0; number < height; ++number) {
    if (number >= lines.size()) {
      row(out, number, {}, width, anew);
      continue;
    }
    const Line& line = lines[number];
    const std::size_t used = layout::columns(line.text);
    const std::size_t most = words_.last_cell_scrolls && number + 1 == height ? width - 1 : width;
    if (used > most)
      row(out, number, {layout::clipped(line.text, most), line.look}, width, anew);
    else if (line.look == Look::title && used < most)
      row(out, number, {line.text + std::string(most - used, ' '), line.look}, width, anew);
    else
      row(out, number, line, width, anew);
  }
  return out;
}

}  // namespace perun::live
