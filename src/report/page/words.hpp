// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <string_view>

#include "base/json.hpp"
#include "model/summary.hpp"

namespace perun::page {

/// Text that came from elsewhere, made fit for a page: valid UTF-8 without control characters.
[[nodiscard]] std::string clean(std::string_view text);

/// "± 3.5 J"; empty unless measured.
[[nodiscard]] std::string error(const Amount& energy);

/// "0.3550 kg/kWh (default)"; a source that is none of perun's own words is named as it is.
[[nodiscard]] std::string with_source(std::string_view factor, std::string_view source);

/// A cell of a table: its text and, where it sorts by a number, that.
[[nodiscard]] Json cell(std::string_view text);
[[nodiscard]] Json cell(std::string_view text, double number);

/// Energy of something that may have none.
[[nodiscard]] Json energy_cell(const Amount& energy);
[[nodiscard]] Json power_cell(Kind kind, double watts);

}  // namespace perun::page
