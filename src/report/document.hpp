// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "base/json.hpp"
#include "model/summary.hpp"

namespace perun {

/// The summary as schema "perun-report/1" (share/schema/report-1.json): SI units in the keys, null for what is not
/// available, numbers rounded to 12 digits, all text valid UTF-8. Every machine format is made from it.
[[nodiscard]] Json document(const Summary& summary);

}  // namespace perun
