// SPDX-License-Identifier: BSD-3-Clause
#include "cli/when.hpp"

#include <fmt/format.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/text.hpp"
#include "base/units.hpp"

namespace perun {

namespace {

constexpr std::int64_t second_ns = 1'000'000'000, day_ns = 86'400 * second_ns;

/// Two or four digits and nothing else.
std::optional<int> digits(std::string_view s, std::size_t count, int least, int most) {
  if (s.size() != count || s.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  const auto n = text::integer(s);
  return n && *n >= least && *n <= most ? std::optional(static_cast<int>(*n)) : std::nullopt;
}

std::optional<std::int64_t> day_of(std::string_view s) {
  const auto parts = text::split(s, '-');
  if (parts.size() != 3) return std::nullopt;
  const auto y = digits(parts[0], 4, 1970, 2261), m = digits(parts[1], 2, 1, 12), d = digits(parts[2], 2, 1, 31);
  if (!y || !m || !d) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*y), std::chrono::month(static_cast<unsigned>(*m)),
                                         std::chrono::day(static_cast<unsigned>(*d))};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date).time_since_epoch().count() * day_ns;
}

std::optional<std::int64_t> time_of(std::string_view s) {
  const auto parts = text::split(s, ':');
  if (parts.size() != 2 && parts.size() != 3) return std::nullopt;
  const auto h = digits(parts[0], 2, 0, 23), m = digits(parts[1], 2, 0, 59);
  const auto sec = parts.size() == 3 ? digits(parts[2], 2, 0, 60) : std::optional(0);
  if (!h || !m || !sec) return std::nullopt;
  return (std::int64_t{*h} * 3600 + std::int64_t{*m} * 60 + *sec) * second_ns;
}

}  // namespace

Result<std::int64_t> parse_when(std::string_view text, DayEnd end, std::int64_t now_ns) {
  std::string_view s = text::trim(text);
  const Error wrong{Errc::invalid, fmt::format("'{}' is no date", text::to_utf8(text)),
                    "for example 2026-11-22, 2026-11-22T18:04 (UTC), or 7d for seven days ago"};
  if (s.ends_with('d') && s.size() > 1 && s.size() < 8) {
    const auto days = text::number(s.substr(0, s.size() - 1));
    if (!days || *days < 0 || *days > 36'500) return wrong;
    return now_ns - static_cast<std::int64_t>(*days * static_cast<double>(day_ns));
  }
  if (s.size() >= 10 && s[4] == '-') {
    if (s.ends_with('Z')) s.remove_suffix(1);
    const auto day = day_of(s.substr(0, 10));
    if (!day) return wrong;
    if (s.size() == 10) return end == DayEnd::first ? *day : *day + day_ns - 1;
    const auto time = s[10] == 'T' || s[10] == ' ' ? time_of(s.substr(11)) : std::nullopt;
    if (!time) return wrong;
    return *day + *time;
  }
  const auto ago = units::parse_duration_ns(s);
  if (!ago || text::number(s)) return wrong;
  return now_ns - *ago;
}

}  // namespace perun
