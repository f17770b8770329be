// SPDX-License-Identifier: BSD-3-Clause
#include "report/page/words.hpp"

#include <fmt/format.h>

#include "base/units.hpp"
#include "report/document.hpp"
#include "report/layout.hpp"
#include "report/wording.hpp"

namespace perun::page {

std::string clean(std::string_view text) {
  return json_words(layout::printable(text));
}

std::string error(const Amount& energy) {
  return energy.kind == Kind::measured ? "± " + units::si(energy.uncertainty_J, "J", 2) : "";
}

std::string with_source(std::string_view factor, std::string_view source) {
  return source.empty() ? std::string(factor) : fmt::format("{} ({})", factor, clean(source));
}

Json cell(std::string_view text) {
  return Json::array({text});
}

Json cell(std::string_view text, double number) {
  return Json::array({text, json_number(number)});
}

Json energy_cell(const Amount& energy) {
  return energy.kind == Kind::unavailable ? cell("n/a") : cell(wording::joules(energy.joules()), energy.joules());
}

Json power_cell(Kind kind, double watts) {
  return kind == Kind::unavailable ? cell("") : cell(wording::watts(watts, 4), watts);
}

}  // namespace perun::page
