// SPDX-License-Identifier: BSD-3-Clause
#include "report/wording.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "base/units.hpp"

namespace perun::wording {

std::string_view tag(Kind kind) noexcept {
  if (kind == Kind::estimated) return " (estimated)";
  return kind == Kind::mixed ? " (partly estimated)" : "";
}

std::string_view part(Domain d) noexcept {
  constexpr std::array<std::string_view, 16> names{"Node",      "Platform", "CPU",    "CPU cores", "Uncore",  "DRAM",
                                                   "GPU",       "CPU",      "Memory", "Disk",      "Network", "Node",
                                                   "Superchip", "CPU",      "APU",    "Rail"};
  return names[static_cast<std::size_t>(d)];
}

std::string joules(double J) {
  return units::si(J, "J");
}

std::string watts(double W, int digits) {
  return std::abs(W) >= 1 && std::abs(W) < 9999.5 ? units::significant(W, digits) + " W" : units::si(W, "W", digits);
}

std::string co2e(double kg, int digits) {
  return std::abs(kg) < 999.95 ? units::si(kg * 1000, "g", digits) : units::si(kg / 1000, "t", digits);
}

std::string cost(double cent, int digits) {
  if (std::abs(cent) >= 99.995) {
    const double euro = cent / 100;
    return (std::abs(euro) < 999.95 ? fmt::format("{:.2f}", euro) : units::significant(euro, digits)) + " EUR";
  }
  const bool tiny = cent != 0 && std::abs(cent) < 1e-4;
  return (tiny ? fmt::format("{:.{}e}", cent, digits - 1) : units::significant(cent, digits)) + " ct";
}

std::string percent(double share) {
  return fmt::format("{:.1f} %", share * 100);
}

std::string bytes(double count) {
  return units::si(count, "B", 3);
}

std::string ending(const Outcome& outcome) {
  if (outcome.running) return "running";
  if (!outcome.finished) return "interrupted";
  if (outcome.signal != 0) return fmt::format("exit {} (signal {})", outcome.exit_code, outcome.signal);
  return fmt::format("exit {}", outcome.exit_code);
}

}  // namespace perun::wording
