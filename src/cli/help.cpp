// SPDX-License-Identifier: BSD-3-Clause
#include "cli/help.hpp"

#include <fmt/format.h>

#include "base/text.hpp"
#include "cli/grammar.hpp"

namespace perun {

namespace {

constexpr std::size_t width = 80, column = 32;

/// "-l, --log_lvl" of CLI11's words: the short flag and the first long one.
std::string flag_names(std::string_view flags) {
  std::string short_flag, long_flag;
  for (const auto flag : text::split(flags, ',')) {
    if (!flag.starts_with("--"))
      short_flag = flag;
    else if (long_flag.empty())
      long_flag = flag;
  }
  if (short_flag.empty() || long_flag.empty()) return short_flag + long_flag;
  return fmt::format("{}, {}", short_flag, long_flag);
}

/// `left`, then `text` wrapped into the columns after it.
std::string row(std::string_view left, std::string_view text) {
  std::string out, line = fmt::format("{:<{}}", left, column - 1);
  if (left.size() >= column) {
    out = fmt::format("{}\n", left);
    line.assign(column - 1, ' ');
  }
  for (const auto word : text::split(text, ' ')) {
    if (line.size() + 1 + word.size() > width) {
      out += line + "\n";
      line.assign(column - 1, ' ');
    }
    line += fmt::format(" {}", word);
  }
  return out + line + "\n";
}

std::string listed(std::span<const HelpRow> rows) {
  std::string out;
  for (const auto& [flags, metavar, text] : rows) {
    const auto left =
        fmt::format("{}{}{}{}", flags.starts_with("--") ? "      " : "  ", flags, metavar.empty() ? "" : " ", metavar);
    out += row(left, text);
  }
  return out;
}

HelpRow of(const Flag& flag) {
  return {flag_names(flag.flags), std::string(flag.metavar), std::string(flag.help)};
}

HelpRow of(const Option& option) {
  const auto value = option.takes == Takes::nothing ? "" : option.get(Config{});
  return {flag_names(option.flags), std::string(option.metavar),
          value.empty() ? std::string(option.help) : fmt::format("{} (default {})", option.help, value)};
}

enum class Part { own, common };

Part part(Scope scope, Command only) {
  return scope == Scope::everywhere && (only == Command::nothing || only == Command::version) ? Part::common : Part::own;
}

void add_flags(Command command, Part wanted, std::vector<HelpRow>& rows) {
  for (const auto& flag : command_line_flags())
    if (belongs(flag, command) && part(flag.scope, flag.only) == wanted) rows.push_back(of(flag));
}

void add_options(Command command, Part wanted, std::vector<HelpRow>& rows) {
  for (const auto& option : options())
    if (belongs(option.scope, command) && part(option.scope, Command::nothing) == wanted) rows.push_back(of(option));
}

std::string perun_help() {
  std::string out =
      "perun - measure and report the energy, power and CO2e of programs\n\n"
      "Usage: perun [OPTIONS] COMMAND [OPTIONS] [ARGS...]\n";
  std::string_view heading;
  for (const auto& info : commands()) {
    if (info.heading.empty()) continue;  // not for people
    if (info.heading != heading) out += fmt::format("\n{}\n", info.heading);
    heading = info.heading;
    out += fmt::format("  {:<12} {}\n", info.name, info.summary);
  }
  out += "\nOptions (before or after the command; also as PERUN_<NAME> and in .perun.ini)\n";
  const auto rows = help_options(Command::nothing);
  out += listed(rows.own) + listed(rows.common);
  return out +
         "\nExamples\n"
         "  perun monitor train.py --epochs 5\n"
         "  perun monitor -f 100 -o run.json -- ./solver input.nml\n"
         "  perun report --format json results/train.hdf5\n"
         "  perun showconf --origin\n";
}

}  // namespace

HelpOptions help_options(Command command) {
  HelpOptions rows;
  add_flags(command, Part::own, rows.own);
  add_options(command, Part::own, rows.own);
  add_options(command, Part::common, rows.common);
  add_flags(command, Part::common, rows.common);
  return rows;
}

std::string help(Command topic) {
  const auto* info = find_command(topic);
  if (info == nullptr) return perun_help();
  const auto space = info->arguments.empty() ? "" : " ";
  auto out = fmt::format("Usage: perun {} [OPTIONS]{}{}\n\n{}", info->name, space, info->arguments, info->about);
  const auto rows = help_options(topic);
  if (!rows.own.empty()) out += "\nOptions\n" + listed(rows.own);
  return out + "\nOptions of all commands\n" + listed(rows.common);
}

}  // namespace perun
