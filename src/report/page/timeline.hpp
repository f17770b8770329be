// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "base/json.hpp"
#include "model/timeline.hpp"
#include "report/page/columns.hpp"

namespace perun::page {

/// What the page's charts draw; its rows of numbers go into `columns`. web/js/data.js reads it.
[[nodiscard]] Json timeline(const Timeline& timeline, Columns& columns);

}  // namespace perun::page
