// SPDX-License-Identifier: BSD-3-Clause
#include "cli/factor_series.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <map>
#include <sstream>

#include "base/text.hpp"
#include "cli/when.hpp"

namespace perun {

namespace {

constexpr std::int64_t second_ns = 1'000'000'000;

/// Cells of a line, RFC 4180 without line breaks in cells.
std::vector<std::string> cells_of(std::string_view line) {
  std::vector<std::string> cells{""};
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '"' && quoted && i + 1 < line.size() && line[i + 1] == '"')
      cells.back() += line[++i];
    else if (c == '"')
      quoted = !quoted;
    else if (c == ',' && !quoted)
      cells.emplace_back();
    else
      cells.back() += c;
  }
  return cells;
}

/// What one of a title's unit is in kg/kWh or ct/kWh; nothing when it names no unit of the kind.
std::optional<double> scale_of(std::string_view title, FactorKind kind) {
  const std::string words = text::lower(title);
  const auto has = [&](std::string_view word) { return words.find(word) != std::string::npos; };
  const bool per_kWh = has("/kwh") || has("per kwh") || has("_kwh"), per_MWh = has("/mwh") || has("per mwh");
  if (kind == FactorKind::price) {
    const bool euro = has("eur") || has("\u20ac");
    if (per_kWh && (has("ct/") || has("cent"))) return 1;
    if (euro && per_kWh) return 100;
    return euro && per_MWh ? std::optional(0.1) : std::nullopt;
  }
  if (!per_kWh || has("ct/") || has("eur") || has("cent")) return std::nullopt;
  if (words.find("kgco") != std::string::npos || has("kg/") || has("kg co") || has("kg per")) return 1;
  return has("gco") || has("g/") || has("g co") || has("g per") ? std::optional(1e-3) : std::nullopt;
}

struct Column {
  std::size_t number = 0;
  double scale = 1;
};
std::optional<Column> column_for(const std::vector<std::string>& titles, FactorKind kind) {
  std::optional<Column> found;
  bool whole = false;
  for (std::size_t i = 1; i < titles.size(); ++i) {
    const auto scale = scale_of(titles[i], kind);
    const std::string words = text::lower(titles[i]);
    const bool life = words.find("life cycle") != std::string::npos || words.find("lifecycle") != std::string::npos;
    if (!scale || (found && (whole || !life))) continue;
    found = Column{i, *scale};
    whole = life;
  }
  return found;
}

/// "+01:30" in ns; nothing when it is no zone.
std::optional<std::int64_t> zone_ns(std::string_view zone) {
  if (zone.size() != 6 || zone[3] != ':') return std::nullopt;
  const auto hours = text::integer(zone.substr(1, 2)), minutes = text::integer(zone.substr(4, 2));
  if (!hours || !minutes || *hours < 0 || *hours > 14 || *minutes < 0 || *minutes > 59) return std::nullopt;
  return (*hours * 3600 + *minutes * 60) * (zone[0] == '-' ? -second_ns : second_ns);
}

std::optional<std::int64_t> time_of(std::string_view cell) {
  std::string_view s = text::trim(cell);
  if (const auto seconds = text::number(s)) {
    constexpr double most = 9e9;
    return *seconds >= 0 && *seconds < most ? std::optional(std::llround(*seconds * 1e9)) : std::nullopt;
  }
  if (s.size() < 10 || s[4] != '-') return std::nullopt;
  std::int64_t offset_ns = 0;
  if (const auto sign = s.find_first_of("+-", 10); sign != std::string_view::npos) {
    const auto zone = zone_ns(s.substr(sign));
    if (!zone) return std::nullopt;
    offset_ns = *zone;
    s = text::trim(s.substr(0, sign));
  }
  if (s.ends_with('Z')) s.remove_suffix(1);
  if (const auto point = s.find('.', 10); point != std::string_view::npos) s = s.substr(0, point);  // parts of a second
  const auto at = parse_when(s, DayEnd::first, 0);
  return at ? std::optional(*at - offset_ns) : std::nullopt;
}

/// The distance of lines that is most common.
std::int64_t usual_distance(const std::vector<FactorStep>& values) {
  std::map<std::int64_t, int> counts;
  for (std::size_t i = 1; i < values.size(); ++i) ++counts[values[i].real_ns - values[i - 1].real_ns];
  return std::ranges::max_element(counts, {}, [](const auto& row) { return row.second; })->first;
}

/// `span` later, at most the last moment there is: two lines may lie centuries apart.
std::int64_t later(std::int64_t at_ns, std::int64_t span_ns) {
  constexpr auto last = std::numeric_limits<std::int64_t>::max();
  return at_ns > last - span_ns ? last : at_ns + span_ns;
}

/// Values end where they are too old, the last one too.
FactorSeries with_ends(const std::vector<FactorStep>& values) {
  const std::int64_t usual = usual_distance(values);
  FactorSeries series;
  for (std::size_t i = 0; i < values.size(); ++i) {
    series.values.push_back(values[i]);
    const bool last = i + 1 == values.size();
    const std::int64_t serves_until = later(last ? values[i].real_ns : later(values[i].real_ns, usual), usual);
    if (last || values[i + 1].real_ns > serves_until) series.values.push_back({serves_until, std::nullopt});
  }
  return series;
}

Error wrong(std::size_t line, std::string what) {
  return {Errc::format, fmt::format("line {}: {}", line, what)};
}

}  // namespace

Result<FactorSeries> parse_factor_series(std::string_view csv, FactorKind kind) {
  constexpr std::string_view mark = "\xEF\xBB\xBF";
  if (csv.starts_with(mark)) csv.remove_prefix(mark.size());
  std::vector<FactorStep> values;
  std::optional<Column> column;
  std::size_t number = 0;
  for (const auto raw : text::split(csv, '\n')) {
    ++number;
    const auto line = text::trim(raw);
    if (line.empty() || line.starts_with('#')) continue;
    const auto cells = cells_of(line);
    if (!column) {
      column = column_for(cells, kind);
      if (column) continue;
      Error error = wrong(
          number, kind == FactorKind::price ? "no title names ct/kWh, EUR/kWh or EUR/MWh" : "no title names g/kWh or kg/kWh");
      error.hint = kind == FactorKind::price ? "begin the file with a line like: time,ct/kWh"
                                             : "begin the file with a line like: time,gCO2e/kWh";
      return error;
    }
    const auto at = time_of(cells.front());
    if (!at) return wrong(number, fmt::format("'{}' is no time", text::printable(cells.front())));
    if (!values.empty() && *at <= values.back().real_ns) return wrong(number, "times do not ascend");
    std::optional<double> value;
    if (cells.size() > column->number && !text::trim(cells[column->number]).empty()) {
      value = text::number(text::trim(cells[column->number]));
      if (!value || !std::isfinite(*value) || (*value < 0 && kind == FactorKind::emissions))
        return wrong(number, fmt::format("'{}' is no such factor", text::printable(cells[column->number])));
      *value *= column->scale;
    }
    values.push_back({*at, value});
  }
  if (values.size() < 2) return wrong(number, "there must be at least two times");
  return with_ends(values);
}

Result<FactorSeries> read_factor_series(const std::filesystem::path& file, FactorKind kind) {
  std::error_code none;
  if (std::filesystem::is_directory(file, none)) return Error{Errc::io, fmt::format("'{}' is a folder", file.string())};
  std::ifstream in(file, std::ios::binary);
  std::stringstream text;
  if (!in || !(text << in.rdbuf())) {
    const int why = errno;
    return Error{why == ENOENT   ? Errc::not_found
                 : why == EACCES ? Errc::denied
                                 : Errc::io,
                 fmt::format("cannot read '{}': {}", file.string(), in ? "it is empty" : std::strerror(why))};
  }
  auto series = parse_factor_series(text.view(), kind);
  if (!series)
    return Error{series.error().code, fmt::format("'{}', {}", file.string(), series.error().what), series.error().hint};
  return series;
}

}  // namespace perun
