// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <nlohmann/json.hpp>

namespace perun {

/// JSON whose keys keep the order they were written in, so that output is stable.
using Json = nlohmann::ordered_json;

}  // namespace perun
