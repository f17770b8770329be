// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "launch/place.hpp"
#include "launch/program.hpp"

namespace perun {

/// This process's place in its job; what cannot be right in the environment is told, by the first rank only.
[[nodiscard]] Place find_place();

/// Whether a perun around this one measures the same rank already.
[[nodiscard]] bool nested_rank(const Place& place);

/// Becomes the program; returns the exit status only if that fails.
[[nodiscard]] int run_as_it_is(const Program& program);

/// Why the ranks of a job have no rounds.
[[nodiscard]] Error no_rounds(const Place& place);

/// What to know when the program starts ranks itself: perun stands outside. Empty: it does not.
[[nodiscard]] std::string outer_warning(const std::vector<std::string>& words, const Place& place);

/// Ends this process as the signal would have.
void die_of(int signal);

}  // namespace perun
