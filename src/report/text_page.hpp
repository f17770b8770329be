// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "report/writer.hpp"

namespace perun {

/// Lines of a text for people as they grow; never wider than 80 columns, and running text not wider than the screen.
class Page {
 public:
  explicit Page(int screen_width);

  static constexpr std::size_t widest = 80;  ///< tables take as much on any screen
  [[nodiscard]] std::size_t width() const noexcept { return width_; }

  /// "  Label     text", the text wrapped beside the label.
  void field(std::string_view label, std::string_view text);

  /// Lines behind two spaces; what does not fit into `most` lines is left out.
  void paragraph(std::string_view text, std::size_t most);

  /// A block with an empty line before it.
  void block(const std::string& text) {
    if (!text.empty()) text_ += "\n" + text;
  }
  void raw(std::string_view text) { text_ += text; }
  void gap() { text_ += '\n'; }

  /// The whole text as it may look there: headlines ("perun: ...") bold, tags of what was not measured dim.
  [[nodiscard]] std::string finished(const Style& style) const;

 private:
  void hanging(const std::string& front, std::string_view text, std::size_t width, std::size_t most);

  std::size_t width_;
  std::string text_;
};

}  // namespace perun
