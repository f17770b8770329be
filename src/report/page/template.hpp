// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/json.hpp"

/// From a template of web/build.mjs to a page that is safe whatever the names in it are.
namespace perun::page {

/// JSON that may stand inside of a script element: no character of it means anything to HTML.
[[nodiscard]] std::string embedded(const Json& json);

/// Text that may stand between tags.
[[nodiscard]] std::string escaped(std::string_view text);

/// The template with each mark ("@TITLE@") replaced by its text. Each must stand in it once, in this order.
[[nodiscard]] std::string filled(std::string_view from, std::span<const std::pair<std::string_view, std::string>> places);

}  // namespace perun::page
