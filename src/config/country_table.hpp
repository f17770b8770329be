// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace perun {

/// The tables of share/data that perun brings along, a row for each country or region.
enum class CountryTable : std::uint8_t {
  /// g CO2e per kWh of the electricity that was made in a year, over the life cycle of its plants. Ember or OWID.
  grid_intensity,
  /// Euro cent per kWh that households of 2,500 to 5,000 kWh a year paid in half a year, with all taxes. Eurostat nrg_pc_204.
  household_price,
};

struct CountryFigure {
  std::string name;  ///< "Germany"
  double value = 0;  ///< in the table's unit
  std::string period;
  std::string source;
};

/// The row for "DE", "DEU" or "Germany", whatever the case.
[[nodiscard]] std::optional<CountryFigure> country_figure(CountryTable table, std::string_view country);

/// "; did you mean 'Germany'?" or nothing.
[[nodiscard]] std::string country_guess(CountryTable table, std::string_view country);

}  // namespace perun
