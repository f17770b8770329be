// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "backends/backend.hpp"

namespace perun {

/// Reads all backends in the calling thread every `period_ns` for `length_ns`, at both ends too. One series per sensor, in the
/// order of the backends.
[[nodiscard]] std::vector<Series> watch(std::span<const std::unique_ptr<Backend>> backends, std::int64_t period_ns,
                                        std::int64_t length_ns);

}  // namespace perun
