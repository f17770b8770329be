// SPDX-License-Identifier: BSD-3-Clause
#include "cli/command_line.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "base/text.hpp"
#include "cli/grammar.hpp"

namespace perun {

namespace {

std::string see_help(Command command) {
  const auto* info = find_command(command);
  return fmt::format("see 'perun {}--help'", info == nullptr ? "" : std::string(info->name) + " ");
}

Error usage(Command command, std::string what) {
  return {Errc::invalid, std::move(what), see_help(command)};
}

/// CLI11's view of the grammar. It calls back while it reads, so that settings keep the order they are typed in.
class Grammar {
 public:
  explicit Grammar(CommandLine& line) : line_(line) {
    app_.require_subcommand(0, 1);
    fill(app_, Command::nothing);
    for (const auto& info : commands()) apps_[info.command] = app_.add_subcommand(std::string(info.name));
    auto& help = *app_.add_subcommand("help");
    help.set_help_flag();
    help.allow_extras();
    apps_[Command::help] = &help;
    positional(help, [this](const std::string& word) { topic_ = word; });
    filled_ = {Command::nothing, Command::help};
  }
  Grammar(const Grammar&) = delete;
  Grammar& operator=(const Grammar&) = delete;

  /// Splits the words at PROGRAM, which CLI11 must not see: it would take [1,2] apart. Also parts `--flag=` from
  /// its empty value, for which CLI11 would take the next word. Fails where a value is missing.
  Status cut(std::span<const std::string> words);
  Status parse();

 private:
  /// Gives a command its options, which CLI11 is slow at: only the one that is meant gets them.
  const CLI::App& filled(Command command) {
    auto& app = *apps_.at(command);
    if (!filled_.insert(command).second) return app;
    fill(app, command);
    const auto arguments = find_command(command)->arguments;
    const bool takes_place =
        arguments.find("FILE") != std::string_view::npos || arguments.find("DIR") != std::string_view::npos;
    if (!takes_words(command) && takes_place) positional(app, [this](const std::string& file) { line_.file = file; });
    return app;
  }

  void fill(CLI::App& app, Command command) {
    app.set_help_flag();
    app.allow_extras();
    for (const auto& flag : command_line_flags())
      if (belongs(flag, command))
        add(app, flag.flags, flag.metavar.empty() ? Takes::nothing : Takes::value,
            [this, take = flag.take](const std::string& text) { keep(take(line_, text)); });
    for (const auto& option : options())
      if (belongs(option.scope, command))
        add(app, option.flags, option.takes, [this, key = option.key](const std::string& text) {
          line_.settings.push_back({std::string(key), text, Layer::command_line, "command line"});
        });
  }

  template <class Take>
  static void add(CLI::App& app, std::string_view flags, Takes takes, Take take) {
    auto* option = app.add_option(std::string(flags), [take](const CLI::results_t& texts) {
      for (const auto& text : texts) take(text);
      return true;
    });
    option->allow_extra_args(false)->trigger_on_parse();
    if (takes == Takes::nothing) option->expected(0)->default_str("true");
  }

  template <class Take>
  static void positional(CLI::App& app, Take take) {
    add(app, "FILE", Takes::value, take);
  }

  void keep(const Status& status) {
    if (!status && !failure_) failure_ = status.error();
  }

  /// Words of any number, which finish() looks at.
  static bool takes_words(Command command) { return command == Command::runs || command == Command::compare; }

  Command command_of(const CLI::App& app) const {
    for (const auto& [command, sub] : apps_)
      if (sub == &app) return command;
    return Command::nothing;
  }
  /// Whether `word` is an option whose value is the word after it.
  static bool wants_next(const CLI::App& app, std::string_view word);
  Error unknown(const CLI::App& app, const std::string& word);
  Status finish(const CLI::App* chosen);
  /// The first word after "runs", when it says what to do.
  void take_action() {
    constexpr std::array<std::string_view, 7> actions{"list", "show", "tag", "untag", "rename", "delete", "compact"};
    if (line_.words.empty() || std::ranges::find(actions, line_.words.front()) == actions.end()) return;
    line_.action = line_.words.front();
    line_.words.erase(line_.words.begin());
  }

  CommandLine& line_;
  CLI::App app_;
  std::map<Command, CLI::App*> apps_;
  std::set<Command> filled_;  ///< those that have their options
  std::vector<std::string> left_;
  std::optional<std::string> topic_;
  std::optional<Error> failure_;
};

bool takes_value(const CLI::Option* option) {
  return option != nullptr && option->get_items_expected_min() > 0;
}

bool Grammar::wants_next(const CLI::App& app, std::string_view word) {
  if (word.starts_with("--")) return takes_value(app.get_option_no_throw(std::string(word)));
  for (std::size_t i = 1; i < word.size(); ++i) {
    const auto* option = app.get_option_no_throw(std::string("-") + word[i]);
    if (takes_value(option)) return i + 1 == word.size();
    if (option == nullptr) return false;
  }
  return false;
}

Status Grammar::cut(std::span<const std::string> words) {
  const CLI::App* at = &app_;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto& word = words[i];
    const bool in_mark = at == apps_.at(Command::mark);
    if (in_mark && (word == "--" || word.size() < 2 || word[0] != '-')) {
      line_.program.assign(words.begin() + static_cast<std::ptrdiff_t>(i), words.end());  // "--" tells texts from verbs
      return Ok{};
    }
    const bool takes_words =
        at == apps_.at(Command::monitor) || at == apps_.at(Command::session) || at == apps_.at(Command::live);
    // --run takes a word that is no program.
    if (at == apps_.at(Command::live) && std::ranges::find(left_, "--run") != left_.end() && !word.starts_with('-')) {
      line_.program.push_back(word);
      continue;
    }
    if (takes_words && (word == "--" || word.size() < 2 || word[0] != '-')) {
      const auto rest = words.subspan(i + (word == "--" ? 1 : 0));
      line_.program.assign(rest.begin(), rest.end());
      return Ok{};
    }
    if (word == "--" && at == &app_) continue;
    if (word == "--") {
      left_.insert(left_.end(), words.begin() + static_cast<std::ptrdiff_t>(i), words.end());
      return Ok{};
    }
    if (word.starts_with("--") && word.ends_with('=') && word.find('=') + 1 == word.size()) {
      left_.push_back(word.substr(0, word.size() - 1));
      left_.emplace_back();
      continue;
    }
    left_.push_back(word);
    if (word.size() > 1 && word[0] == '-') {
      if (!wants_next(*at, word)) continue;
      if (++i == words.size()) return usage(command_of(*at), fmt::format("{} needs a value", word));
      left_.push_back(words[i]);
    } else if (at == &app_) {
      const auto sub = std::ranges::find(apps_, word, [](const auto& row) { return row.second->get_name(); });
      if (sub != apps_.end()) at = &filled(sub->first);
    }
  }
  return Ok{};
}

Error Grammar::unknown(const CLI::App& app, const std::string& word) {
  const auto command = command_of(app);
  if (word.size() < 2 || word[0] != '-') {
    if (command != Command::nothing) return usage(command, fmt::format("unexpected word '{}'", text::to_utf8(word)));
    std::vector<std::string_view> names;
    for (const auto& info : commands())
      if (!info.heading.empty()) names.push_back(info.name);
    const auto guess = text::did_you_mean(word, names);
    return {Errc::invalid, fmt::format("unknown command '{}'{}", text::to_utf8(word), guess),
            guess.empty() ? "to measure a program: perun monitor PROGRAM; else see 'perun --help'" : see_help(command)};
  }
  const auto name = word.substr(0, word.find('='));
  for (const auto& info : commands())
    if (filled(info.command).get_option_no_throw(name) != nullptr)
      return usage(command, fmt::format("{} is an option of 'perun {}'", name, info.name));
  std::vector<std::string> names;
  for (const auto* option : app.get_options())
    for (const auto& long_name : option->get_lnames()) names.push_back("--" + long_name);
  const std::vector<std::string_view> known(names.begin(), names.end());
  return usage(command, fmt::format("unknown option '{}'{}", text::to_utf8(name), text::did_you_mean(name, known)));
}

Status Grammar::parse() {
  try {
    app_.parse(std::vector<std::string>(left_.rbegin(), left_.rend()));
  } catch (const CLI::ParseError& error) {
    return usage(Command::nothing, error.what());
  }
  const auto chosen = app_.get_subcommands();
  for (const CLI::App* app :
       {static_cast<const CLI::App*>(&app_), static_cast<const CLI::App*>(chosen.empty() ? &app_ : chosen[0])})
    for (const auto& word : app->remaining()) {
      const bool plain = word.size() < 2 || word[0] != '-';
      if (plain && takes_words(command_of(*app)))
        line_.words.push_back(word);
      else if (plain && command_of(*app) == Command::merge)
        line_.pieces.push_back(word);
      else if (word != "--")
        return unknown(*app, word);  // CLI11 counts the -- before positionals as left over
    }
  if (failure_) return *failure_;
  return finish(chosen.empty() ? nullptr : chosen.front());
}

Status Grammar::finish(const CLI::App* chosen) {
  const auto command = chosen == nullptr ? Command::nothing : command_of(*chosen);
  if (line_.command == Command::version || line_.command == Command::licenses) return Ok{};
  if (command == Command::help) {
    line_.command = command;
    if (!topic_) return Ok{};
    const auto info = std::ranges::find(commands(), *topic_, &CommandInfo::name);
    if (info == commands().end()) return unknown(app_, *topic_);
    line_.topic = info->command;
    return Ok{};
  }
  if (line_.command == Command::help) {
    line_.topic = command;
    return Ok{};
  }
  line_.command = command;
  if ((command == Command::monitor || command == Command::session) && line_.program.empty())
    return usage(command, "the PROGRAM to measure is missing");
  if (command == Command::live && line_.running && line_.program.size() > 1)
    return usage(command, "--run takes one ID of a run in progress, or none");
  if (command == Command::mark && line_.program.empty()) return usage(command, "there is nothing to mark");
  if (command == Command::postprocess && !line_.file) return usage(command, "the FILE to postprocess is missing");
  if (command == Command::merge && line_.pieces.empty()) return usage(command, "the FOLDER with the first piece is missing");
  if (command == Command::compare && line_.words.size() < 2)
    return usage(command, "there must be two runs or files to compare, the first being the base");
  if (command == Command::export_runs && !line_.file) return usage(command, "the FILE to export is missing");
  if (command == Command::plot && line_.outputs.empty())
    return usage(command, "the figure to draw is missing: -o FILE.svg, .png or .pdf");
  if (command == Command::runs) take_action();
  if (!line_.outputs.empty() && command != Command::monitor && command != Command::session && command != Command::live &&
      command != Command::report && command != Command::plot && command != Command::export_runs &&
      command != Command::compare && chosen != nullptr)
    return usage(command, fmt::format("'perun {}' writes no report; --output is in vain", chosen->get_name()));
  return Ok{};
}

}  // namespace

Result<CommandLine> parse_command_line(std::span<const std::string> words) {
  CommandLine line;
  Grammar grammar(line);
  if (auto ok = grammar.cut(words); !ok) return ok.error();
  if (auto ok = grammar.parse(); !ok) return ok.error();
  return line;
}

}  // namespace perun
