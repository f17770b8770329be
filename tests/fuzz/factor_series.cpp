// SPDX-License-Identifier: BSD-3-Clause
// CSV files of factors over time.
#include "cli/factor_series.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.hpp"
#include "fuzz/driver.hpp"

namespace perun::fuzz {

void one_input(std::string_view input) {
  for (const FactorKind kind : {FactorKind::emissions, FactorKind::price}) {
    const auto series = parse_factor_series(input, kind);
    if (!series) {
      check(text::is_utf8(series.error().what), "an error can be shown");
      check(series.error().what.starts_with("line "), "an error has a place");
      continue;
    }
    const auto& values = series->values;
    check(values.size() >= 3 && !values.back().value, "a series ends");
    check(std::ranges::is_sorted(values, {}, &FactorStep::real_ns), "times ascend");
    for (const auto& value : values) check(!value.value || std::isfinite(*value.value), "values are numbers");
  }
}

std::span<const std::string_view> dictionary() {
  static constexpr std::array<std::string_view, 14> words{
      "g/kWh",  "kgCO2e/kWh", "ct/kWh", "EUR/MWh", "life cycle", "\n0,1\n", "\n2026-11-22T12:00Z,",
      "+01:00", "\"",         ",",      "\r\n",    "1e308",      "nan",     "9000000000"};
  return words;
}

}  // namespace perun::fuzz
