// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace perun::units {

/// `value` with `digits` significant digits and an SI prefix from p to P: si(2146.7e3, "J") is "2.147 MJ".
/// 0 prints as "0 J", what is not finite as "n/a".
[[nodiscard]] std::string si(double value, std::string_view unit, int digits = 4);

/// `value` with `digits` significant digits and no prefix: "45.20".
[[nodiscard]] std::string significant(double value, int digits = 4);

/// A length of time for people: "0.3012 s", "12.05 s", "20 min 50.0 s", "3 h 02 min 11 s".
[[nodiscard]] std::string duration(double seconds);

/// "10ms", "2m", "1.5s", "3" (seconds), "1h", "500us" -> nanoseconds. Negative and garbage are errors.
[[nodiscard]] Result<std::int64_t> parse_duration_ns(std::string_view text);

/// "10", "100Hz", "0.1", "1kHz" -> Hz. No range is checked here.
[[nodiscard]] Result<double> parse_frequency_hz(std::string_view text);

/// "100W", "1.5kW", "20" (base unit) -> SI base value; `unit` is the symbol that may stand behind.
[[nodiscard]] Result<double> parse_quantity(std::string_view text, std::string_view unit);

/// ISO 8601 UTC of a CLOCK_REALTIME time: "2026-11-22T18:04:11.123Z".
[[nodiscard]] std::string iso8601(std::int64_t real_ns);

}  // namespace perun::units
