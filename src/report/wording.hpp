// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <string_view>

#include "model/summary.hpp"

namespace perun::wording {

/// What stands behind a figure that was not measured: " (estimated)", " (partly estimated)" or nothing.
[[nodiscard]] std::string_view tag(Kind kind) noexcept;

/// What people call a part of a node: "GPU", "CPU", "DRAM".
[[nodiscard]] std::string_view part(Domain domain) noexcept;

/// "2.147 MJ", "352.1 W" (whole watts up to 10 kW), "334.5 g", "1.234 t", "39.19 ct", "3.92 EUR", "87.3 %".
[[nodiscard]] std::string joules(double J);
[[nodiscard]] std::string watts(double W, int digits = 4);
[[nodiscard]] std::string co2e(double kg, int digits = 4);
[[nodiscard]] std::string cost(double cent, int digits = 4);
[[nodiscard]] std::string percent(double share);
[[nodiscard]] std::string bytes(double count);

/// "exit 0", "exit 139 (signal 11)", "interrupted", "running".
[[nodiscard]] std::string ending(const Outcome& outcome);

}  // namespace perun::wording
