// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <string_view>

#include "base/json.hpp"
#include "model/summary.hpp"

namespace perun {

/// The summary as schema "perun-report/1" (share/schema/report-1.json): SI units in the keys, null for what is not
/// available, numbers rounded to 12 digits, all text valid UTF-8. Every machine format is made from it.
[[nodiscard]] Json document(const Summary& summary);

/// Twelve digits: more than any sensor has, and the same on every machine. null for what is not finite.
[[nodiscard]] Json json_number(double value);

/// Valid UTF-8 without the non-characters of Unicode (U+FFFE ...), which YAML does not carry.
[[nodiscard]] std::string json_words(std::string_view s);

}  // namespace perun
