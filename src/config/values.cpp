// SPDX-License-Identifier: BSD-3-Clause
#include "config/values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "base/units.hpp"
#include "config/country_table.hpp"
#include "model/gpu_estimate.hpp"

namespace perun::values {

namespace {

constexpr std::array<std::string_view, 5> log_levels{"DEBUG", "INFO", "WARN", "ERROR", "CRITICAL"};

std::string marked(std::string_view text) {
  return "'" + text::to_utf8(text) + "'";
}

bool names_csv(std::string_view text) {
  return text.find('/') != std::string_view::npos || text::lower(text).ends_with(".csv");
}

/// What a factor is set to: a number, a row of a table that stands for one, or a file of values over time.
struct FactorSetting {
  double& number;
  std::string& country;
  std::filesystem::path& file;
};

}  // namespace

Error invalid(std::string what, std::string hint) {
  return {Errc::invalid, std::move(what), std::move(hint)};
}

Result<std::string> choice(std::string_view text, std::span<const std::string_view> words) {
  const auto trimmed = text::trim(text);
  for (const auto word : words)
    if (text::lower(word) == text::lower(trimmed)) return std::string(word);
  return invalid(
      fmt::format("{} is not one of {}{}", marked(text), fmt::join(words, ", "), text::did_you_mean(trimmed, words)));
}

Status at_least(double& out, double least, std::string_view text) {
  const auto value = text::number(text::trim(text));
  if (!value) return invalid(marked(text) + " is not a number");
  if (*value < least) return invalid(fmt::format("{} is below {}", text::trim(text), text::shortest(least)));
  out = *value;
  return Ok{};
}

Status share(double& out, std::string_view text) {
  double value = 0;
  if (auto ok = at_least(value, 0, text); !ok) return ok;
  if (value > 1) return invalid(fmt::format("{} is above 1", text::trim(text)));
  out = value;
  return Ok{};
}

Status count(int& out, int least, std::string_view text) {
  constexpr int most = 1'000'000;
  const auto value = text::integer(text::trim(text));
  if (!value) return invalid(marked(text) + " is not a whole number");
  if (*value < least) return invalid(fmt::format("{} is below {}", *value, least));
  if (*value > most) return invalid(fmt::format("{} is above {}", *value, most));
  out = static_cast<int>(*value);
  return Ok{};
}

Status samples(std::uint64_t& out, std::string_view text) {
  constexpr std::int64_t least = 1000, most = 100'000'000;
  const auto value = text::integer(text::trim(text));
  if (!value) return invalid(marked(text) + " is not a whole number");
  if (*value < least || *value > most) return invalid(fmt::format("{} is not within {} and {}", *value, least, most));
  out = static_cast<std::uint64_t>(*value);
  return Ok{};
}

Status truth(bool& out, std::string_view text) {
  const auto word = text::lower(text::trim(text));
  for (const std::string_view yes : {"true", "yes", "on", "1"})
    if (word == yes) return out = true, Ok{};
  for (const std::string_view no : {"false", "no", "off", "0"})
    if (word == no) return out = false, Ok{};
  return invalid(marked(text) + " is neither true nor false");
}

Status folder(std::filesystem::path& out, std::string_view text) {
  if (text.empty()) return invalid("the name of the directory is empty");
  if (text == "~" || text.starts_with("~/"))
    return invalid(marked(text) + " begins with '~', which only a shell replaces", "write the whole path");
  if (text.find_first_of("\r\n") != std::string_view::npos) return invalid("the name of the directory holds a line break");
  out = text;
  return Ok{};
}

Status frequency(double& out, std::string_view text) {
  const auto hz = units::parse_frequency_hz(text);
  if (!hz) return hz.error();
  if (*hz < lowest_frequency_hz)
    return invalid(fmt::format("{} is below the lowest rate, {} Hz", text::trim(text), text::shortest(lowest_frequency_hz)));
  if (*hz > highest_frequency_hz)
    return invalid(fmt::format("{} is above the {} Hz perun can sample", text::trim(text), highest_frequency_hz));
  out = *hz;
  return Ok{};
}

Status percent(double& out, std::string_view text) {
  auto digits = text::trim(text);
  if (digits.ends_with('%')) digits = text::trim(digits.substr(0, digits.size() - 1));
  return at_least(out, 0, digits);
}

Status power(double& out, std::string_view text) {
  const auto watts = units::parse_quantity(text, "W");
  if (!watts) return watts.error();
  if (*watts < 0) return invalid(fmt::format("{} is below 0", text::trim(text)));
  out = *watts;
  return Ok{};
}

Status baseline(Config& c, std::string_view text) {
  if (const auto wish = parse_baseline(text); !wish) return wish.error();
  c.baseline = text::trim(text);
  return Ok{};
}

Status estimate(Config& c, std::string_view text) {
  if (!text::trim(text).empty())
    if (const auto gpu = parse_gpu_estimate(text); !gpu) return gpu.error();
  c.estimate = text::trim(text);
  return Ok{};
}

std::string factor_spelled(double number, const std::string& country, const std::filesystem::path& file) {
  if (!file.empty()) return file.string();
  return country.empty() ? text::shortest(number) : country;
}

namespace {

Status set_factor(FactorSetting to, std::string_view text, CountryTable table, double per_unit, std::string_view hint) {
  const auto word = text::trim(text);
  double number = to.number;
  std::string country;
  std::filesystem::path file;
  if (names_csv(word)) {
    if (auto ok = folder(file, word); !ok) return ok;
  } else if (text::number(word)) {
    if (auto ok = at_least(number, 0, word); !ok) return ok;
  } else {
    const auto row = country_figure(table, word);
    if (!row) return invalid(fmt::format("{} is not a number{}", marked(text), country_guess(table, word)), std::string(hint));
    number = row->value / per_unit;
    country = word;
  }
  to.file = file;
  to.country = country;
  to.number = number;
  return Ok{};
}

}  // namespace

Status emissions(Config& c, std::string_view text) {
  return set_factor({c.emissions_factor, c.emissions_country, c.emissions_file}, text, CountryTable::grid_intensity, 1000,
                    "kg per kWh, a country (DE, DEU, Germany) or region (World), or a file ending in .csv");
}

Status price(Config& c, std::string_view text) {
  return set_factor({c.price_factor, c.price_country, c.price_file}, text, CountryTable::household_price, 1,
                    "cent per kWh, a country of Europe (DE, DEU, Germany), or a file ending in .csv");
}

Status app_name(std::string& out, std::string_view text) {
  constexpr std::size_t longest = 200;
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
  if (text.find('/') != std::string_view::npos)
    return invalid(marked(text) + " holds a '/'", "for another place use --data_out");
  if (text == "." || text == ".." || std::ranges::any_of(text, control) || !text::is_utf8(text))
    return invalid(marked(text) + " cannot be the name of a file and of a group in it");
  if (text.size() > longest) return invalid(fmt::format("the name has {} bytes; at most {} go", text.size(), longest));
  out = text;
  return Ok{};
}

Status patterns(std::vector<std::string>& out, std::string_view text) {
  auto items = list_items(text);
  for (const auto& item : items)
    if (item.find_first_of(" \t\r\n") != std::string::npos)
      return invalid(marked(item) + " holds a blank", "separate by commas");
  out = std::move(items);
  return Ok{};
}

Status tags(std::vector<std::string>& out, std::string_view text) {
  auto items = list_items(text);
  for (const auto& item : items)
    if (!is_tag(item)) return invalid(marked(item) + " cannot be a tag", "a tag is one line of at most 100 bytes");
  out = std::move(items);
  return Ok{};
}

Status sources(std::vector<std::string>& out, std::string_view text) {
  constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz_";
  std::vector<std::string> items;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size()) {
      if (text[i] != ',') continue;
      const auto rest = text::trim(text.substr(i + 1));
      const auto end = std::min(rest.find_first_not_of(letters), rest.size());
      if (!rest.empty() && (end == 0 || (end < rest.size() && rest[end] != ':' && rest[end] != ','))) continue;
    }
    if (const auto item = text::trim(text.substr(begin, i - begin)); !item.empty()) items.emplace_back(item);
    begin = i + 1;
  }
  out = std::move(items);
  return Ok{};
}

Status log_level(Config& c, std::string_view text) {
  auto word = choice(text, log_levels);
  if (!word) return word.error();
  c.log_lvl = *std::move(word);
  return Ok{};
}

Status control(std::filesystem::path& out, std::string_view text) {
  if (text.empty()) return out.clear(), Ok{};
  constexpr std::string_view fifo = "fifo:";
  if (!text.starts_with(fifo)) return invalid(marked(text) + " does not begin with fifo:", "write fifo:PATH");
  return folder(out, text.substr(fifo.size()));
}

Status work(std::vector<std::pair<std::string, double>>& out, std::string_view text) {
  std::vector<std::pair<std::string, double>> all;
  for (const auto& item : list_items(text)) {
    const auto sign = item.rfind('=');
    const auto amount = sign == std::string::npos ? std::nullopt : text::number(text::trim(item.substr(sign + 1)));
    const std::string name(text::trim(item.substr(0, sign)));
    if (!amount || name.empty()) return invalid(marked(item) + " is not NAME=NUMBER");
    if (*amount <= 0) return invalid(marked(item) + " is no work: it must be above 0");
    all.emplace_back(name, *amount);
  }
  out = std::move(all);
  return Ok{};
}

std::string spelled(const std::vector<std::pair<std::string, double>>& work) {
  std::string out;
  for (const auto& [name, amount] : work) out += (out.empty() ? "" : ",") + name + "=" + text::shortest(amount);
  return out;
}

std::string joined(const std::vector<std::string>& items) {
  return fmt::format("{}", fmt::join(items, ","));
}
std::string spelled(bool value) {
  return value ? "true" : "false";
}

}  // namespace perun::values
