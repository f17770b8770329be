// SPDX-License-Identifier: BSD-3-Clause
#include "config/country_table.hpp"

#include <vector>

#include "base/text.hpp"

// The files as they stand; g++ 12 has no #embed.
asm(R"(
  .pushsection .rodata
  .global perun_grid_intensity_begin
  .global perun_grid_intensity_end
  .global perun_household_price_begin
  .global perun_household_price_end
perun_grid_intensity_begin:
  .incbin ")" PERUN_DATA
    "/grid_intensity.csv"
    R"("
perun_grid_intensity_end:
perun_household_price_begin:
  .incbin ")" PERUN_DATA
    "/household_price.csv"
    R"("
perun_household_price_end:
  .popsection
)");
extern "C" const char perun_grid_intensity_begin[], perun_grid_intensity_end[];
extern "C" const char perun_household_price_begin[], perun_household_price_end[];

namespace perun {

namespace {

std::string_view between(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

/// iso2, iso3, name, value, period, source
std::vector<std::vector<std::string_view>> rows(CountryTable table) {
  const auto csv = table == CountryTable::grid_intensity ? between(perun_grid_intensity_begin, perun_grid_intensity_end)
                                                         : between(perun_household_price_begin, perun_household_price_end);
  std::vector<std::vector<std::string_view>> out;
  for (const auto line : text::split(csv, '\n'))
    if (auto cells = text::split(line, ','); cells.size() == 6 && text::number(cells[3])) out.push_back(std::move(cells));
  return out;
}

}  // namespace

std::optional<CountryFigure> country_figure(CountryTable table, std::string_view country) {
  const std::string wanted = text::lower(text::trim(country));
  if (wanted.empty()) return std::nullopt;
  for (const auto& cells : rows(table))
    for (std::size_t i = 0; i < 3; ++i)
      if (text::lower(cells[i]) == wanted)
        return CountryFigure{std::string(cells[2]), *text::number(cells[3]), std::string(cells[4]), std::string(cells[5])};
  return std::nullopt;
}

std::string country_guess(CountryTable table, std::string_view country) {
  const auto all = rows(table);
  std::vector<std::string_view> names;
  names.reserve(all.size());
  for (const auto& cells : all) names.push_back(cells[2]);
  return text::did_you_mean(text::trim(country), names);
}

}  // namespace perun
