// SPDX-License-Identifier: BSD-3-Clause
#include "report/page/template.hpp"

#include <fmt/format.h>

namespace perun::page {

std::string embedded(const Json& json) {
  std::string out;
  for (const char c : json.dump(-1, ' ', true)) {
    if (c == '<' || c == '>' || c == '&')
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    else
      out += c;
  }
  return out;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '<')
      out += "&lt;";
    else if (c == '&')
      out += "&amp;";
    else
      out += c;
  }
  return out;
}

std::string filled(std::string_view from, std::span<const std::pair<std::string_view, std::string>> places) {
  std::string out;
  for (const auto& [mark, text] : places) {
    const auto at = from.find(mark);
    out.append(from.substr(0, at)).append(text);
    from.remove_prefix(at + mark.size());
  }
  return out.append(from);
}

}  // namespace perun::page
