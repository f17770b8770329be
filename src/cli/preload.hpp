// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>

#include "base/result.hpp"
#include "config/config.hpp"

namespace perun {

/// The library that the program is to load first, of --mpi-hooks; empty: none. Errors: it is not installed, or its path
/// cannot stand in LD_PRELOAD.
[[nodiscard]] Result<std::string> preload_of(const Config& config);

}  // namespace perun
