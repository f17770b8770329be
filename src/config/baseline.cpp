// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"
#include "base/units.hpp"
#include "config/config.hpp"

namespace perun {

namespace {

constexpr std::int64_t shortest_ns = 100'000'000, longest_ns = 3'600'000'000'000;
constexpr double highest_W = 1e6;

Error invalid(std::string_view text, std::string_view why) {
  return {Errc::invalid, fmt::format("'{}' {}", text::to_utf8(text), why),
          "a time (10s), a power (35W), auto, or a data file or stored baseline (results/app.hdf5)"};
}

}  // namespace

Result<BaselineWish> parse_baseline(std::string_view text) {
  using enum BaselineWish::From;
  text = text::trim(text);
  const std::string word = text::lower(text);
  if (word.empty() || word == "none" || word == "off") return BaselineWish{};
  if (word == "auto") return BaselineWish{.from = automatic};
  if (text.find('/') != std::string_view::npos || word.ends_with(".hdf5") || word.ends_with(".json"))
    return BaselineWish{.from = file, .file = text};
  std::string joined(text);  // "10 s", "35 W"
  std::erase(joined, ' ');
  if (joined.ends_with('W') || text::number(joined)) {
    const auto power_W = units::parse_quantity(joined, "W");
    if (!power_W) return invalid(text, "is not a power");
    if (!(*power_W >= 0 && *power_W <= highest_W)) return invalid(text, "is not within 0 W and 1 MW");
    return BaselineWish{.from = stated, .power_W = *power_W};
  }
  const auto ns = units::parse_duration_ns(joined);
  if (!ns) return invalid(text, "is no baseline");
  if (*ns < shortest_ns || *ns > longest_ns) return invalid(text, "is not within 0.1 s and 1 h");
  return BaselineWish{.from = measured, .ns = *ns};
}

}  // namespace perun
