// SPDX-License-Identifier: BSD-3-Clause
#include "base/units.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <utility>

#include "base/text.hpp"

namespace perun::units {

namespace {

struct Suffix {
  std::string_view text;
  double factor;
};

/// "12.5ms" -> 12.5 and its suffix's factor multiplied; the longest matching suffix wins.
template <std::size_t N>
Result<double> with_suffix(std::string_view text, const std::array<Suffix, N>& suffixes, std::string_view expected) {
  const auto trimmed = text::trim(text);
  for (const auto& [suffix, factor] : suffixes) {
    if (!trimmed.ends_with(suffix)) continue;
    const auto value = text::number(text::trim(trimmed.substr(0, trimmed.size() - suffix.size())));
    if (value && std::isfinite(*value * factor)) return *value * factor;
  }
  return Error{Errc::invalid, fmt::format("'{}' is not {}", text, expected)};
}

/// A number rounded to some significant digits: 0.036 to 2 is -2 and "36".
struct Rounded {
  Rounded(double value, int significant) {
    std::array<char, 64> text{};
    const auto precision = std::clamp(significant - 1, 0, 40);
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::scientific, precision).ptr;
    const std::string_view all(text.data(), static_cast<std::size_t>(end - text.data()));
    const auto e = all.find('e');
    for (const char c : all.substr(0, e))
      if (c != '-' && c != '.') digits += c;
    negative = all.front() == '-';
    const char* from = text.data() + e + (all[e + 1] == '+' ? 2 : 1);
    std::from_chars(from, end, exponent);
  }
  /// Without an exponent, as if the first digit stood for 10 to the power of `place`.
  [[nodiscard]] std::string text(int place) const {
    std::string out = negative ? "-" : "";
    const auto before = static_cast<std::size_t>(std::max(0, place + 1));  // digits before the point
    if (before == 0) return out.append("0.").append(static_cast<std::size_t>(-place - 1), '0').append(digits);
    if (before >= digits.size()) return out.append(digits).append(before - digits.size(), '0');
    return out.append(digits, 0, before).append(".").append(digits, before);
  }
  std::string digits = {};
  int exponent = 0;
  bool negative = false;
};

}  // namespace

std::string significant(double value, int digits) {
  if (!std::isfinite(value)) return "n/a";
  if (value == 0) return "0";
  const Rounded rounded(value, digits);
  return rounded.text(rounded.exponent);
}

std::string si(double value, std::string_view unit, int digits) {
  constexpr std::array<std::string_view, 10> prefixes{"p", "n", "u", "m", "", "k", "M", "G", "T", "P"};
  if (!std::isfinite(value)) return "n/a";
  if (value == 0) return std::string("0 ").append(unit);
  // Rounding may add a digit in front (999.96 -> 1000), so the prefix is chosen for the rounded value.
  const Rounded rounded(value, digits);
  const int thousands = rounded.exponent >= 0 ? rounded.exponent / 3 : -((2 - rounded.exponent) / 3);
  const int index = std::clamp(thousands, -4, 5);
  std::string out = rounded.text(rounded.exponent - 3 * index);
  return out.append(" ").append(prefixes[static_cast<std::size_t>(index + 4)]).append(unit);
}

std::string duration(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) return "n/a";
  if (seconds < 60 && fmt::format("{:.2f}", seconds) != "60.00") return si(seconds, "s");
  if (seconds < 3600 && std::round(seconds * 10) < 36000) {
    const auto tenths = static_cast<std::int64_t>(std::llround(seconds * 10));
    return fmt::format("{} min {}.{} s", tenths / 600, tenths % 600 / 10, tenths % 10);
  }
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  return fmt::format("{} h {:02} min {:02} s", whole / 3600, whole / 60 % 60, whole % 60);
}

Result<std::int64_t> parse_duration_ns(std::string_view text) {
  constexpr std::array<Suffix, 8> suffixes{
      {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"min", 60e9}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}, {"", 1e9}}};
  const auto ns = with_suffix(text, suffixes, "a duration like 10ms, 2.5s, 3m or 1h");
  if (!ns) return ns.error();
  if (*ns < 0 || *ns > 9e18) return Error{Errc::invalid, fmt::format("the duration '{}' is out of range", text)};
  return static_cast<std::int64_t>(std::llround(*ns));
}

Result<double> parse_frequency_hz(std::string_view text) {
  constexpr std::array<Suffix, 4> suffixes{{{"kHz", 1e3}, {"mHz", 1e-3}, {"Hz", 1}, {"", 1}}};
  return with_suffix(text, suffixes, "a frequency like 10, 0.5 or 100Hz");
}

Result<double> parse_quantity(std::string_view text, std::string_view unit) {
  constexpr std::array<Suffix, 6> prefixes{{{"u", 1e-6}, {"m", 1e-3}, {"k", 1e3}, {"M", 1e6}, {"G", 1e9}, {"", 1}}};
  std::string_view number = text::trim(text);
  if (number.ends_with(unit)) number.remove_suffix(unit.size());
  return with_suffix(number, prefixes, fmt::format("a quantity like 100{0} or 1.5k{0}", unit));
}

std::string iso8601(std::int64_t real_ns) {
  // Not gmtime(): that reads the time zone's files first.
  using namespace std::chrono;
  const sys_time<milliseconds> moment{floor<milliseconds>(nanoseconds{real_ns})};
  const auto day = floor<days>(moment);
  const year_month_day date{day};
  const hh_mm_ss time{moment - day};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", int{date.year()}, unsigned{date.month()},
                     unsigned{date.day()}, time.hours().count(), time.minutes().count(), time.seconds().count(),
                     time.subseconds().count());
}

}  // namespace perun::units
