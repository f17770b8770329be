// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "config/report_formats.hpp"
#include "model/run.hpp"

namespace perun {

inline constexpr double lowest_frequency_hz = 0.001, highest_frequency_hz = 5000;

/// Plain values, each with its default. Nothing here knows of files, flags or the environment.
struct Config {
  // [report]
  std::string format = "txt";
  double pue = 1.58;
  double emissions_factor = 0.355;       ///< kgCO2e/kWh
  std::string emissions_country;         ///< as given, when emissions_factor is that of the shipped table
  std::string price_country;             ///< likewise of price_factor
  std::filesystem::path emissions_file;  ///< not empty: a series in CSV instead
  double price_factor = 41.59;           ///< cent/kWh
  std::filesystem::path price_file;      ///< likewise
  double overhead_power_W = 0;           ///< of each node
  double embodied_kg = 0;                ///< of each node
  double lifespan_years = 5;
  double resource_share = 1;
  std::uint64_t html_max_samples = 2'000'000;
  // [monitor]
  double frequency_hz = 1;
  std::filesystem::path data_out = "./results";
  std::string name;                      ///< APP; empty: from the program
  std::filesystem::path spool = "auto";  ///< auto: below the user's state folder; none: nowhere
  std::vector<std::string> tags;         ///< of the runs, for finding them again
  std::vector<std::string> backends;     ///< empty: all that work
  std::vector<std::string> sensor;       ///< sources beside them: "exec:CMD", "ipmi"
  std::vector<std::string> sensors;      ///< globs; empty: all
  std::vector<std::string> exclude;      ///< globs
  std::vector<std::string> count;        ///< globs
  std::vector<std::string> no_count;     ///< globs
  int rounds = 1;
  int warmup_rounds = 0;
  double max_overhead_percent = 0;  ///< of one core; 0: no limit
  double region_frequency_hz = 200;
  std::filesystem::path control;                     ///< a named pipe; empty: none
  std::vector<std::pair<std::string, double>> work;  ///< units of work that the user states
  bool mpi_hooks = false;
  bool no_estimate = false;
  bool strict = false;
  double cpu_tdp_W = 0;
  std::string estimate;  ///< as parse_gpu_estimate takes it; empty: no GPU is estimated
  std::string baseline;  ///< as parse_baseline takes it
  std::filesystem::path sysfs = "/sys";
  std::filesystem::path procfs = "/proc";
  // [perun]
  std::string log_lvl = "WARN";
  std::string color = "auto";
};

/// What --baseline asks for.
struct BaselineWish {
  enum class From : std::uint8_t { nothing, measured, automatic, file, stated } from = From::nothing;
  std::int64_t ns = 0;  ///< measured: for so long
  double power_W = 0;   ///< stated
  std::filesystem::path file = {};
};

/// "10s", "35W" or "35", "auto", a file (with a '/' or ending in .hdf5 or .json); "" and "none" for nothing.
[[nodiscard]] Result<BaselineWish> parse_baseline(std::string_view text);

/// Where a value came from, weakest first.
enum class Layer : std::uint8_t { built_in, system_file, global_file, local_file, environment, command_line };

/// Which commands an option belongs to; before the command every option may stand.
enum class Scope : std::uint8_t {
  everywhere,
  results,  ///< monitor and report
  factors,  ///< those and postprocess
  data,     ///< results and doctor
  monitor,
  sources,  ///< monitor, sensors, doctor and qualify
};

/// What follows a flag.
enum class Takes : std::uint8_t {
  nothing,  ///< a switch; true or false in files and variables, and as --flag=false
  value,
  list,  ///< separated by commas, or the flag repeated
};

/// One setting, told once: flag, PERUN_ variable, INI key, showconf line, help and documents come from this row.
struct Option {
  std::string_view section, key;  ///< INI place: "report", "emissions-factor"
  std::string_view flags;         ///< in CLI11's words: "--data_out,--data-out"; the first long one is shown
  Takes takes;
  std::string_view metavar;  ///< empty for a switch
  std::string_view help;
  Scope scope;
  Status (*set)(Config&, std::string_view text);  ///< errors name the text, not the option
  std::string (*get)(const Config&);              ///< what `set` reads back
};
[[nodiscard]] std::span<const Option> options() noexcept;

/// The row of a key in any spelling of case, '_' and '-', or null.
[[nodiscard]] const Option* find_option(std::string_view key) noexcept;

/// Its variable: "PERUN_EMISSIONS_FACTOR".
[[nodiscard]] std::string variable(const Option& option);

/// Whether a run may have this tag: not empty, UTF-8, one line, no comma, at most 100 bytes.
[[nodiscard]] bool is_tag(std::string_view text) noexcept;

/// The items of a list value. Commas inside parentheses do not separate; empty items are left out.
[[nodiscard]] std::vector<std::string> list_items(std::string_view text);

/// The format that a file's name ends in, or "" when that is none; ".bench.json" is bench, ".prom" prometheus.
[[nodiscard]] std::string_view format_of(std::string_view file) noexcept;

/// One value before it is applied, with its place for messages: "command line", "PERUN_PUE", "./.perun.ini:3".
struct Setting {
  std::string key, text;
  Layer layer;
  std::string place;
};

/// The configuration and where each value came from.
struct Resolved {
  Config config;
  std::map<std::string, Setting, std::less<>> origin;  ///< by key; absent: built in
  std::vector<std::string> warnings;                   ///< whole sentences: unknown keys in implicit files ...
};

/// What resolve() looks at. Tests fill it by hand.
struct Surroundings {
  std::vector<Setting> command_line;                            ///< in order; later ones win, lists add up
  std::map<std::string, std::string, std::less<>> environment;  ///< all variables
  std::filesystem::path cwd = ".";
  std::filesystem::path system_file = "/etc/perun.ini";
  std::optional<std::filesystem::path> configuration;  ///< -c FILE
};

/// command line > environment > local INI (-c, PERUN_CONFIGURATION or ./.perun.ini) > global INI
/// ($XDG_CONFIG_HOME/perun.ini, else ~/.config/perun.ini) > system_file > built in.
/// Bad values are errors with their place; unknown keys are errors in a file named explicitly, warnings else;
/// unknown PERUN_ variables that look like an option are warnings.
[[nodiscard]] Result<Resolved> resolve(const Surroundings& around);

/// The configuration in INI form, one section after the other; with `origin` each line ends in its place.
[[nodiscard]] std::string to_ini(const Resolved& resolved, bool with_origin);

/// The report factors of a configuration, each with its place.
[[nodiscard]] Factors factors(const Resolved& resolved);

/// `own` with those of its factors replaced that the configuration sets in `weakest` or a stronger place.
[[nodiscard]] Factors replace_factors(Factors own, const Resolved& resolved, Layer weakest);

}  // namespace perun
