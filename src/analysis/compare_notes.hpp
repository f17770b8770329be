// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <vector>

#include "analysis/compare.hpp"

namespace perun {

/// Why the energies of two sides are not of the same things: "base counts CPU, other CPU and GPU". Empty when they are.
[[nodiscard]] std::string what_is_not_alike(const Side& base, const Side& other);

/// What a reader of the comparison must know; `c` is complete but for its notes.
[[nodiscard]] std::vector<std::string> compare_notes(const Side& base, const Side& other, const Comparison& c);

}  // namespace perun
