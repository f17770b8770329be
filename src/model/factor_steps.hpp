// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <vector>

#include "base/json.hpp"
#include "model/run.hpp"

namespace perun {

/// [[real_ns, value or null], ...]
[[nodiscard]] Json json_of(const std::vector<FactorStep>& steps);

/// The same back; nothing when it is anything else, or its times do not ascend.
[[nodiscard]] std::vector<FactorStep> factor_steps(const Json& json);

}  // namespace perun
