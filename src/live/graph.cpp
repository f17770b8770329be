// SPDX-License-Identifier: BSD-3-Clause
#include "live/graph.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

namespace perun::live::graph {

namespace {

/// Four dots high: how many are filled, at least one where there is something.
int dots(std::optional<double> value, double highest, int most) {
  if (!value) return 0;
  if (highest <= 0) return 1;
  return std::clamp(static_cast<int>(std::lround(*value / highest * most)), 1, most);
}

void append(std::string& out, char32_t c) {  // of three bytes in UTF-8
  out += static_cast<char>(0xE0 | (c >> 12));
  out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
  out += static_cast<char>(0x80 | (c & 0x3F));
}

}  // namespace

std::string curve(std::span<const std::optional<double>> values, double highest, bool utf8) {
  std::string out;
  if (!utf8) {
    constexpr std::string_view heights = " _.-=*#";
    for (const auto& value : values) out += heights[static_cast<std::size_t>(dots(value, highest, 6))];
    return out;
  }
  constexpr std::array<unsigned, 5> left{0, 0x40, 0x44, 0x46, 0x47}, right{0, 0x80, 0xA0, 0xB0, 0xB8};
  for (std::size_t i = 0; i + 1 < values.size(); i += 2)
    append(out, 0x2800 + (left[static_cast<std::size_t>(dots(values[i], highest, 4))] |
                          right[static_cast<std::size_t>(dots(values[i + 1], highest, 4))]));
  return out;
}

std::string bar(double part, std::size_t columns, bool utf8) {
  const double all = std::clamp(part, 0.0, 1.0) * static_cast<double>(columns);
  const auto whole = static_cast<std::size_t>(all);
  if (!utf8) return "[" + std::string(whole, '#') + std::string(columns - whole, ' ') + "]";
  std::string out;
  append(out, 0x2595);
  for (std::size_t i = 0; i < whole; ++i) append(out, 0x2588);
  std::size_t used = whole;
  if (const auto eighths = static_cast<char32_t>((all - static_cast<double>(whole)) * 8); eighths > 0 && used < columns) {
    append(out, 0x2590 - eighths);
    ++used;
  }
  out.append(columns - used, ' ');
  append(out, 0x258F);
  return out;
}

}  // namespace perun::live::graph
