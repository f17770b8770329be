// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <span>
#include <string_view>

namespace perun::fuzz {

/// Defined by each harness: looks at one input. Must come back for every input; what must hold is said by check().
void one_input(std::string_view input);

/// Defined by each harness: words of the grammar, which mutations put in.
[[nodiscard]] std::span<const std::string_view> dictionary();

/// Ends the program, with the input on record, unless `holds`.
void check(bool holds, std::string_view what);

}  // namespace perun::fuzz
