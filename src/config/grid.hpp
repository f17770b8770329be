// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace perun {

/// Mean emissions of the electricity that a country or region made in a year, over the life cycle of its plants.
struct GridMix {
  std::string name;  ///< "Germany"
  double kg_per_kWh = 0;
  int year = 0;
  std::string source;  ///< "Ember" or "OWID"
};

/// The row of share/data/grid_intensity.csv for "DE", "DEU" or "Germany", whatever the case.
[[nodiscard]] std::optional<GridMix> grid_mix(std::string_view country);

/// "; did you mean 'Germany'?" or nothing.
[[nodiscard]] std::string grid_guess(std::string_view country);

}  // namespace perun
