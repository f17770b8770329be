// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"
#include "config/config.hpp"
#include "config/country_table.hpp"
#include "config/ini.hpp"

namespace perun {

namespace {

/// How a file came to be read: what is wrong in a file that the user named is an error, else a warning.
enum class Named : std::uint8_t { by_user, by_habit };

struct File {
  std::filesystem::path path;
  std::string shown;  ///< in messages
  Layer layer;
  Named named;
};

/// "--pue", for messages about the command line.
std::string long_flag(const Option& option) {
  for (const auto flag : text::split(option.flags, ','))
    if (flag.starts_with("--")) return std::string(flag);
  return std::string(option.flags);
}

/// Where the reader finds the text that is wrong: "--pue", "PERUN_PUE" or "./.perun.ini:3: pue".
std::string subject(const Option& option, const Setting& setting) {
  if (setting.layer == Layer::command_line) return long_flag(option);
  if (setting.layer == Layer::environment) return setting.place;
  return fmt::format("{}: {}", setting.place, option.key);
}

Status apply(Resolved& out, const Option& option, Setting setting) {
  if (auto ok = option.set(out.config, setting.text); !ok)
    return Error{ok.error().code, fmt::format("{}: {}", subject(option, setting), ok.error().what), ok.error().hint};
  setting.key = option.key;
  out.origin.insert_or_assign(setting.key, std::move(setting));
  return Ok{};
}

std::vector<std::string_view> keys() {
  std::vector<std::string_view> all;
  for (const auto& option : options()) all.push_back(option.key);
  return all;
}

std::vector<std::string_view> sections() {
  std::vector<std::string_view> all;
  for (const auto& option : options())
    if (std::ranges::find(all, option.section) == all.end()) all.push_back(option.section);
  return all;
}

/// What is wrong with the place of an entry, or nothing.
std::string misplaced(const ini::Entry& entry, const Option* option) {
  const auto known = sections();
  const auto section = text::lower(entry.section);
  const auto key = text::to_utf8(entry.key);
  if (option != nullptr && option->section == section) return {};
  if (!entry.section.empty() && std::ranges::find(known, section) == known.end())
    return fmt::format("unknown section [{}]{}", text::to_utf8(entry.section), text::did_you_mean(entry.section, known));
  if (option != nullptr) return fmt::format("'{}' belongs in [{}]", key, option->section);
  const auto all = keys();
  const auto near = text::nearest(entry.key, all);
  if (!near) return fmt::format("unknown key '{}'", key);
  const auto* meant = find_option(*near);
  return fmt::format("unknown key '{}'; did you mean '{}'{}?", key, *near,
                     meant->section == section ? "" : fmt::format(" in [{}]", meant->section));
}

/// The text of an entry for its option: only lists may go on over several lines.
Result<std::string> value_of(const ini::Entry& entry, const Option& option, const File& file) {
  if (entry.continued_at == 0) return entry.value;
  if (option.takes != Takes::list)
    return Error{Errc::invalid, fmt::format("{}:{}: continues the value of '{}' since it is indented more", file.shown,
                                            entry.continued_at, option.key)};
  auto text = entry.value;
  std::ranges::replace(text, '\n', ',');
  return text;
}

Status apply_entries(Resolved& out, const File& file, const std::vector<ini::Entry>& entries) {
  std::map<std::string_view, int> seen;
  for (const auto& entry : entries) {
    const auto place = fmt::format("{}:{}", file.shown, entry.line);
    const auto* option = find_option(entry.key);
    if (const auto wrong = misplaced(entry, option); !wrong.empty()) {
      if (file.named == Named::by_user) return Error{Errc::invalid, fmt::format("{}: {}", place, wrong)};
      out.warnings.push_back(fmt::format("{}: {} (ignored)", place, wrong));
      continue;
    }
    if (const auto [before, first] = seen.try_emplace(option->key, entry.line); !first)
      out.warnings.push_back(
          fmt::format("{}: '{}' is also set in line {}; this one counts", place, option->key, before->second));
    auto text = value_of(entry, *option, file);
    if (!text) return text.error();
    if (auto ok = apply(out, *option, {entry.key, *std::move(text), file.layer, place}); !ok) return ok;
  }
  return Ok{};
}

Status apply_file(Resolved& out, const File& file) {
  const auto entries = ini::read(file.path, file.shown);
  if (entries) return apply_entries(out, file, *entries);
  // A syntax error is one wherever it stands; a file perun only looks for may be absent or unreadable.
  const auto& error = entries.error();
  if (file.named == Named::by_user || error.code == Errc::invalid) return error;
  if (error.code != Errc::not_found) out.warnings.push_back(error.what + " (ignored)");
  return Ok{};
}

std::string_view find(const Surroundings& around, std::string_view name) {
  const auto it = around.environment.find(name);
  return it == around.environment.end() ? std::string_view{} : std::string_view(it->second);
}

/// Weakest first.
Result<std::vector<File>> files(const Surroundings& around) {
  std::vector<File> all{{around.system_file, around.system_file.string(), Layer::system_file, Named::by_habit}};
  std::filesystem::path home = find(around, "XDG_CONFIG_HOME");
  // The XDG base directory specification has relative paths ignored.
  if (!home.is_absolute()) home = std::filesystem::path(find(around, "HOME")) / ".config";
  if (home.is_absolute())
    all.push_back({home / "perun.ini", (home / "perun.ini").string(), Layer::global_file, Named::by_habit});

  const auto named = find(around, "PERUN_CONFIGURATION");
  if (around.configuration && around.configuration->empty())
    return Error{Errc::invalid, "--configuration: the name of the file is empty"};
  if (around.configuration || !named.empty()) {
    const std::filesystem::path file = around.configuration ? *around.configuration : std::filesystem::path(named);
    all.push_back({around.cwd / file, file.string(), Layer::local_file, Named::by_user});
  } else {
    all.push_back({around.cwd / ".perun.ini", "./.perun.ini", Layer::local_file, Named::by_habit});
  }
  return all;
}

/// Variables that perun itself gives or takes and that are no options.
bool own_variable(std::string_view name) {
  constexpr std::array<std::string_view, 10> own{"PYTHON", "MARKS", "SOCK",    "ACTIVE",        "CONTROL",
                                                 "RANK",   "SIZE",  "NODE_ID", "UPDATE_GOLDEN", "CONFIGURATION"};
  return name.starts_with("RUN") || std::ranges::find(own, name) != own.end();
}

void warn_of_variables(Resolved& out, const Surroundings& around) {
  constexpr std::string_view prefix = "PERUN_";
  std::vector<std::string> names{"CONFIGURATION"};
  for (const auto& option : options()) names.push_back(variable(option).substr(prefix.size()));
  const std::vector<std::string_view> known(names.begin(), names.end());
  for (const auto& [name, value] : around.environment) {
    if (!name.starts_with(prefix)) continue;
    const auto rest = std::string_view(name).substr(prefix.size());
    if (own_variable(rest) || std::ranges::find(known, rest) != known.end()) continue;
    if (const auto near = text::nearest(rest, known))
      out.warnings.push_back(fmt::format("{} is no variable of perun; did you mean {}{}?", text::to_utf8(name), prefix, *near));
  }
}

Status apply_environment(Resolved& out, const Surroundings& around) {
  for (const auto& option : options()) {
    const auto name = variable(option);
    const auto it = around.environment.find(name);
    if (it == around.environment.end()) continue;
    if (auto ok = apply(out, option, {std::string(option.key), it->second, Layer::environment, name}); !ok) return ok;
  }
  warn_of_variables(out, around);
  return Ok{};
}

Status apply_command_line(Resolved& out, const Surroundings& around) {
  for (auto setting : around.command_line) {
    const auto* option = find_option(setting.key);
    if (option == nullptr) return Error{Errc::invalid, fmt::format("unknown option '{}'", setting.key)};
    const auto before = out.origin.find(option->key);
    if (option->takes == Takes::list && before != out.origin.end() && before->second.layer == Layer::command_line)
      setting.text = before->second.text + "," + setting.text;
    if (auto ok = apply(out, *option, std::move(setting)); !ok) return ok;
  }
  return Ok{};
}

std::string place(const Resolved& resolved, std::string_view key) {
  const auto it = resolved.origin.find(key);
  return it == resolved.origin.end() ? "default" : text::to_utf8(it->second.place);
}

}  // namespace

Result<Resolved> resolve(const Surroundings& around) {
  Resolved out;
  const auto all = files(around);
  if (!all) return all.error();
  for (const auto& file : *all)
    if (auto ok = apply_file(out, file); !ok) return ok.error();
  if (auto ok = apply_environment(out, around); !ok) return ok.error();
  if (auto ok = apply_command_line(out, around); !ok) return ok.error();
  return out;
}

std::string to_ini(const Resolved& resolved, bool with_origin) {
  std::string out;
  for (const auto section : sections()) {
    out += fmt::format("{}[{}]\n", out.empty() ? "" : "\n", section);
    for (const auto& option : options()) {
      if (option.section != section) continue;
      const auto value = ini::quote(option.get(resolved.config));
      const auto line = fmt::format("{} ={}{}", option.key, value.empty() ? "" : " ", value);
      out += with_origin ? fmt::format("{:<32} # {}\n", line, place(resolved, option.key)) : line + "\n";
    }
  }
  return out;
}

Factors factors(const Resolved& resolved) {
  Factors f;
  f.pue = resolved.config.pue;
  f.emissions_kg_per_kWh = resolved.config.emissions_factor;
  f.price_cent_per_kWh = resolved.config.price_factor;
  f.pue_source = place(resolved, "pue");
  f.emissions_source = place(resolved, "emissions-factor");
  if (const auto mix = country_figure(CountryTable::grid_intensity, resolved.config.emissions_country))
    f.emissions_source =
        fmt::format("{} {}, {}, life cycle of what it generates; {}", mix->name, mix->period, mix->source, f.emissions_source);
  f.price_source = place(resolved, "price-factor");
  if (const auto price = country_figure(CountryTable::household_price, resolved.config.price_country))
    f.price_source =
        fmt::format("{} {}, {}, households, all taxes included; {}", price->name, price->period, price->source, f.price_source);
  f.overhead_power_W = resolved.config.overhead_power_W;
  f.overhead_source = place(resolved, "overhead-power");
  f.embodied_kg = resolved.config.embodied_kg;
  f.lifespan_years = resolved.config.lifespan_years;
  f.resource_share = resolved.config.resource_share;
  f.embodied_source = place(resolved, "embodied-kg");
  f.lifespan_source = place(resolved, "lifespan-years");
  f.resource_source = place(resolved, "resource-share");
  return f;
}

Factors replace_factors(Factors own, const Resolved& resolved, Layer weakest) {
  const Factors set = factors(resolved);
  const auto is_set = [&](std::string_view key) {
    const auto found = resolved.origin.find(key);
    return found != resolved.origin.end() && found->second.layer >= weakest;
  };
  if (is_set("pue")) own.pue = set.pue, own.pue_source = set.pue_source;
  if (is_set("emissions-factor"))
    own.emissions_kg_per_kWh = set.emissions_kg_per_kWh, own.emissions_source = set.emissions_source,
    own.emissions_over_time.clear();
  if (is_set("price-factor"))
    own.price_cent_per_kWh = set.price_cent_per_kWh, own.price_source = set.price_source, own.price_over_time.clear();
  if (is_set("overhead-power")) own.overhead_power_W = set.overhead_power_W, own.overhead_source = set.overhead_source;
  if (is_set("embodied-kg")) own.embodied_kg = set.embodied_kg, own.embodied_source = set.embodied_source;
  if (is_set("lifespan-years")) own.lifespan_years = set.lifespan_years, own.lifespan_source = set.lifespan_source;
  if (is_set("resource-share")) own.resource_share = set.resource_share, own.resource_source = set.resource_source;
  return own;
}

}  // namespace perun
