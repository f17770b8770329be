// SPDX-License-Identifier: BSD-3-Clause
#include "config/grid.hpp"

#include <vector>

#include "base/text.hpp"

// share/data/grid_intensity.csv as it stands; g++ 12 has no #embed.
asm(R"(
  .pushsection .rodata
  .global perun_grid_intensity_begin
  .global perun_grid_intensity_end
perun_grid_intensity_begin:
  .incbin ")" PERUN_GRID_INTENSITY_CSV R"("
perun_grid_intensity_end:
  .popsection
)");
extern "C" const char perun_grid_intensity_begin[], perun_grid_intensity_end[];

namespace perun {

namespace {

/// iso2, iso3, name, g_co2e_per_kwh, year, source
std::vector<std::vector<std::string_view>> rows() {
  const std::string_view csv(perun_grid_intensity_begin,
                             static_cast<std::size_t>(perun_grid_intensity_end - perun_grid_intensity_begin));
  std::vector<std::vector<std::string_view>> out;
  for (const auto line : text::split(csv, '\n'))
    if (auto cells = text::split(line, ','); cells.size() == 6 && text::number(cells[3])) out.push_back(std::move(cells));
  return out;
}

}  // namespace

std::optional<GridMix> grid_mix(std::string_view country) {
  const std::string wanted = text::lower(text::trim(country));
  if (wanted.empty()) return std::nullopt;
  for (const auto& cells : rows())
    for (std::size_t i = 0; i < 3; ++i)
      if (text::lower(cells[i]) == wanted)
        return GridMix{std::string(cells[2]), *text::number(cells[3]) / 1000, static_cast<int>(*text::integer(cells[4])),
                       std::string(cells[5])};
  return std::nullopt;
}

std::string grid_guess(std::string_view country) {
  const auto all = rows();
  std::vector<std::string_view> names;
  for (const auto& cells : all) names.push_back(cells[2]);
  return text::did_you_mean(text::trim(country), names);
}

}  // namespace perun
