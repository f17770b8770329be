// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "journal/frames.hpp"
#include "model/marks.hpp"

namespace perun::journal {

/// Appends the frames of `marks` to `out`; those of parts that are empty are left out. `first_name` is the number of its
/// first name.
void append_marks(std::vector<std::byte>& out, const Marks& marks, std::uint32_t first_name);

/// Puts a frame of marks into `marks`. False for one that is none or makes no sense.
bool apply_marks(const Frame& frame, Marks& marks);

}  // namespace perun::journal
