// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>

#include "analysis/caveats.hpp"
#include "analysis/remarks.hpp"

namespace perun {

/// What a reader must know of the readings of one node's sensors.
void about_sensors(const std::string& host, const NodeFindings& found, Remarks& remarks);

}  // namespace perun
