// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <optional>
#include <span>
#include <string>

namespace perun::live::graph {

/// Values from 0 to `highest` as a line of characters: braille, two values each, or ASCII, one each. Blank where there is none.
[[nodiscard]] std::string curve(std::span<const std::optional<double>> values, double highest, bool utf8);

/// A part of a whole as a bar of `columns` characters between two edges.
[[nodiscard]] std::string bar(double part, std::size_t columns, bool utf8);

}  // namespace perun::live::graph
