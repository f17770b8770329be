// SPDX-License-Identifier: BSD-3-Clause
#include "cli/help.hpp"

#include <fmt/format.h>

#include "base/text.hpp"
#include "cli/grammar.hpp"

namespace perun {

namespace {

constexpr std::size_t width = 80, column = 32;

/// "  -l, --log_lvl LEVEL" of CLI11's words: the short flag and the first long one.
std::string left_side(std::string_view flags, std::string_view metavar) {
  std::string short_flag, long_flag;
  for (const auto flag : text::split(flags, ',')) {
    if (!flag.starts_with("--"))
      short_flag = flag;
    else if (long_flag.empty())
      long_flag = flag;
  }
  auto out = fmt::format("  {:2}{} {}", short_flag, short_flag.empty() || long_flag.empty() ? " " : ",", long_flag);
  if (long_flag.empty()) out = "  " + short_flag;
  return metavar.empty() ? out : fmt::format("{} {}", out, metavar);
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

std::string of(const Flag& flag) {
  return row(left_side(flag.flags, flag.metavar), flag.help);
}

std::string of(const Option& option) {
  const auto value = option.takes == Takes::nothing ? "" : option.get(Config{});
  return row(left_side(option.flags, option.metavar),
             value.empty() ? std::string(option.help) : fmt::format("{} (default {})", option.help, value));
}

enum class Part { own, common };

Part part(Scope scope, Command only) {
  return scope == Scope::everywhere && (only == Command::nothing || only == Command::version) ? Part::common : Part::own;
}

std::string flag_rows(Command command, Part wanted) {
  std::string out;
  for (const auto& flag : command_line_flags())
    if (belongs(flag, command) && part(flag.scope, flag.only) == wanted) out += of(flag);
  return out;
}

std::string option_rows(Command command, Part wanted) {
  std::string out;
  for (const auto& option : options())
    if (belongs(option.scope, command) && part(option.scope, Command::nothing) == wanted) out += of(option);
  return out;
}

/// The options a command has of its own, and those of every command.
std::string own_options(Command command) {
  return flag_rows(command, Part::own) + option_rows(command, Part::own);
}
std::string common_options(Command command) {
  return option_rows(command, Part::common) + flag_rows(command, Part::common);
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
  out += own_options(Command::nothing) + common_options(Command::nothing);
  return out +
         "\nExamples\n"
         "  perun monitor train.py --epochs 5\n"
         "  perun monitor -f 100 -o run.json -- ./solver input.nml\n"
         "  perun report --format json results/train.hdf5\n"
         "  perun showconf --origin\n";
}

}  // namespace

std::string help(Command topic) {
  const auto* info = find_command(topic);
  if (info == nullptr) return perun_help();
  const auto space = info->arguments.empty() ? "" : " ";
  auto out = fmt::format("Usage: perun {} [OPTIONS]{}{}\n\n{}", info->name, space, info->arguments, info->about);
  if (const auto own = own_options(topic); !own.empty()) out += "\nOptions\n" + own;
  return out + "\nOptions of all commands\n" + common_options(topic);
}

}  // namespace perun
