// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <string>

#include "model/summary.hpp"

namespace perun::tables {

/// One line per domain with its share as a bar; nothing when there is only one.
[[nodiscard]] std::string domains(const RunSummary& run, std::size_t width);

/// The nodes that used most, when there is more than one.
[[nodiscard]] std::string nodes(const RunSummary& run, std::size_t width);

/// Every energy device of a single node; by type when there are many or several nodes.
[[nodiscard]] std::string devices(const RunSummary& run, std::size_t width);

}  // namespace perun::tables
