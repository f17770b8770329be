// SPDX-License-Identifier: BSD-3-Clause
#include "report/text_page.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"
#include "report/layout.hpp"

namespace perun {

namespace {

constexpr std::string_view cut = " ...";

std::string coloured(const std::string& text) {
  std::string out;
  for (const auto line : text::split(text, '\n')) {
    std::string s(line);
    for (const std::string_view tag : {"(estimated)", "(partly estimated)"})
      for (std::size_t i = s.find(tag); i != std::string::npos; i = s.find(tag, i + tag.size() + 8))
        s.replace(i, tag.size(), "\x1b[2m" + std::string(tag) + "\x1b[0m");
    out += (line.starts_with("perun: ") ? "\x1b[1m" + s + "\x1b[0m" : s) + "\n";
  }
  out.pop_back();
  return out;
}

}  // namespace

Page::Page(int screen_width) : width_(static_cast<std::size_t>(std::clamp(screen_width, 40, static_cast<int>(widest)))) {}

void Page::field(std::string_view label, std::string_view text) {
  hanging(fmt::format("  {:<10}", label), text, width_, std::string::npos);
}

void Page::paragraph(std::string_view text, std::size_t most) {
  hanging("  ", text, width_ - cut.size(), most);
}

void Page::hanging(const std::string& front, std::string_view text, std::size_t width, std::size_t most) {
  const std::size_t indent = front.size();
  const auto lines = layout::wrapped(text, width - indent);
  for (std::size_t i = 0; i < std::min(lines.size(), most); ++i) {
    text_ += (i == 0 ? front : std::string(indent, ' ')) + lines[i];
    if (i + 1 == most && lines.size() > most) text_ += cut;
    text_ += '\n';
  }
}

std::string Page::finished(const Style& style) const {
  const std::string text = style.utf8 ? text_ : layout::ascii(text_);
  return style.color ? coloured(text) : text;
}

}  // namespace perun
