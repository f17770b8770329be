// SPDX-License-Identifier: BSD-3-Clause
#include "backends/line_protocol.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "backends/files.hpp"
#include "base/missing.hpp"
#include "base/text.hpp"
#include "base/units.hpp"
#include "host/clock.hpp"

namespace perun {

namespace {

constexpr std::size_t most_sensors = 64;
constexpr double steps = 1e6;  ///< raw numbers are millionths of the unit
constexpr double largest = 9e12;

struct Unit {
  std::string_view name;
  Quantity quantity;
  double si;
};
constexpr std::array<Unit, 9> units_known{{{"W", Quantity::power, 1},
                                           {"mW", Quantity::power, 1e-3},
                                           {"kW", Quantity::power, 1e3},
                                           {"J", Quantity::energy, 1},
                                           {"mJ", Quantity::energy, 1e-3},
                                           {"kJ", Quantity::energy, 1e3},
                                           {"Wh", Quantity::energy, 3600},
                                           {"kWh", Quantity::energy, 3.6e6},
                                           {"degC", Quantity::temperature, 1}}};

void set_unit(Sensor& s, const Unit& unit) {
  s.quantity = unit.quantity;
  s.behavior = unit.quantity == Quantity::energy ? Behavior::counter : Behavior::gauge;
  s.scale = unit.si / steps;
}

bool is_name(std::string_view word) noexcept {
  constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
  return !word.empty() && word.size() <= 64 && word != "sensor" && word != "error" &&
         word.find_first_not_of(allowed) == std::string_view::npos && !text::number(word);
}

/// One "key=value" of a declaration; false when it is not understood.
bool set_key(Sensor& s, std::string_view key, std::string_view value) {
  if (key == "unit") {
    const auto unit = std::find_if(units_known.begin(), units_known.end(), [&](const Unit& u) { return u.name == value; });
    if (unit == units_known.end()) return false;
    set_unit(s, *unit);
    return true;
  }
  if (key == "domain") {
    const auto at = std::find(domain_names.begin(), domain_names.end(), value);
    if (at == domain_names.end()) return false;
    s.domain = static_cast<Domain>(at - domain_names.begin());
    return true;
  }
  if (key == "refresh" || key == "mean") {
    const auto ns = units::parse_duration_ns(value);
    if (!ns || *ns <= 0) return false;
    (key == "mean" ? s.averaging_ns : s.refresh_ns) = *ns;
    return true;
  }
  const auto number = text::number(value);
  if (!number || !(*number >= 0) || *number > largest) return false;
  if (key == "index" && *number < 65536)
    s.index = static_cast<std::uint16_t>(*number);
  else if (key == "step" && *number > 0)
    s.resolution = std::max<std::int64_t>(std::llround(*number * steps), 1);
  else if (key == "wraps")
    s.wraps_at = std::llround(*number * steps);
  else if (key == "max")
    s.max_power_W = *number;
  else if (key == "accuracy")
    s.systematic_percent = *number;
  else
    return false;
  return true;
}

}  // namespace

void LineTable::take(std::string_view line, std::int64_t now_ns) {
  std::string_view rest = text::trim(line);
  if (rest.empty() || rest.front() == '#') return;
  const std::string_view whole = rest, word = files::word(rest);
  if (word == "perun-sensor") {
    if (text::trim(rest) != "1") complain("another version of the protocol", whole);
  } else if (word == "error") {
    if (!held_) trouble_ = text::printable(text::to_utf8(text::trim(rest).substr(0, 200)));
  } else if (word == "sensor") {
    if (!held_) declare(rest);
  } else if (text::number(word)) {
    // A number alone is a power of the whole machine, unless the sensor said what it is.
    if (sensors_.empty() && !held_) declare("value unit=W");
    if (sensors_.size() == 1)
      value(0, whole, now_ns);
    else
      complain("a number without a name", whole);
  } else if (const std::size_t at = find(word); at < names_.size()) {
    value(at, rest, now_ns);
  } else {
    complain("not understood", whole);
  }
}

void LineTable::declare(std::string_view rest) {
  const std::string_view whole = text::trim(rest), name = files::word(rest);
  if (!is_name(name)) return complain("not a name", whole);
  if (find(name) < names_.size() || sensors_.size() == most_sensors) return complain("one sensor too many", whole);
  Sensor s{.id = prefix_ + std::string(name), .label = std::string(name), .source = source_};
  set_unit(s, units_known[0]);
  s.refresh_ns = 1'000'000'000;
  while (!(rest = text::trim(rest)).empty()) {
    const auto equals = rest.find('=');
    const std::string_view key = rest.substr(0, equals);
    if (equals == std::string_view::npos) return complain("not like key=value", whole);
    if (key == "label") {  // the rest of the line
      s.label = text::printable(text::to_utf8(text::trim(rest.substr(equals + 1)).substr(0, 80)));
      break;
    }
    std::string_view value = rest.substr(equals + 1);
    value = value.substr(0, value.find_first_of(" \t"));
    if (!set_key(s, key, value))
      return complain(fmt::format("'{}' cannot be '{}'", text::printable(key), text::printable(value)), whole);
    rest.remove_prefix(equals + 1 + value.size());
  }
  if (s.label.empty()) s.label = name;
  sensors_.push_back(std::move(s));
  names_.emplace_back(name);
  latest_.push_back({0, missing, 0});
}

void LineTable::value(std::size_t at, std::string_view rest, std::int64_t now_ns) noexcept {
  Reading& r = latest_[at];
  const std::string_view number = files::word(rest), when = text::trim(rest);
  const auto v = text::number(number);
  // "n/a" and the like: the sensor lives, and has no value.
  const bool good = v && std::isfinite(*v) && std::abs(*v) <= largest && *v >= 0;
  std::int64_t t_ns = now_ns;
  if (const auto s = when.starts_with('@') ? text::number(when.substr(1)) : std::nullopt) {
    const Moment both = now();
    constexpr double hour = 3600e9;
    const double ago_ns = static_cast<double>(both.real_ns) - *s * 1e9;
    if (ago_ns >= 0 && ago_ns < hour) t_ns = now_ns - static_cast<std::int64_t>(ago_ns);
  }
  if (t_ns < r.t_ns) t_ns = r.t_ns;
  r = {t_ns, good ? std::llround(*v * steps) : missing, 0};
}

void LineTable::complain(std::string_view what, std::string_view line) {
  if (trouble_.empty() && !held_) trouble_ = fmt::format("{}: '{}'", what, files::printable(line));
}

std::size_t LineTable::find(std::string_view name) const noexcept {
  return static_cast<std::size_t>(std::find(names_.begin(), names_.end(), name) - names_.begin());
}

bool LineTable::complete() const noexcept {
  return !latest_.empty() && std::all_of(latest_.begin(), latest_.end(), [](const Reading& r) { return r.raw != missing; });
}

}  // namespace perun
