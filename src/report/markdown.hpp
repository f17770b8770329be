// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <string_view>

#include "report/layout.hpp"

/// Markdown as GitHub and GitLab read it (tables are theirs).
namespace perun::markdown {

/// `s` as text that means nothing but itself: printable, on one line, every sign of Markdown and HTML escaped.
[[nodiscard]] std::string inline_text(std::string_view s);

/// `s` as code: `s`, with as many backticks around it as it takes.
[[nodiscard]] std::string code(std::string_view s);

/// The table with its cells escaped; a last column without any text is left out.
[[nodiscard]] std::string table(const layout::Table& table);

}  // namespace perun::markdown
