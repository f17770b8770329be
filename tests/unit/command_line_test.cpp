// SPDX-License-Identifier: BSD-3-Clause
#include "cli/command_line.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <sstream>

#include "cli/grammar.hpp"
#include "cli/help.hpp"
#include "support/tree.hpp"

namespace perun {
namespace {

using Words = std::vector<std::string>;

/// What the words came to, as one line: "monitor program=[x][y] frequency=10 -o=a.json".
std::string told(const Words& words) {
  const auto line = parse_command_line(words);
  if (!line) return "error: " + line.error().what + (line.error().hint.empty() ? "" : " | " + line.error().hint);
  const auto name = [](Command command) {
    const auto* info = find_command(command);
    if (info != nullptr) return info->name;
    return std::string_view(command == Command::help ? "help" : command == Command::version ? "version" : "nothing");
  };
  std::ostringstream out;
  out << name(line->command);
  if (line->topic != Command::nothing) out << " topic=" << name(line->topic);
  if (!line->program.empty()) out << " program=";
  for (const auto& word : line->program) out << '[' << word << ']';
  if (line->file) out << " file=[" << *line->file << ']';
  for (const auto& setting : line->settings) {
    EXPECT_EQ(setting.layer, Layer::command_line);
    EXPECT_EQ(setting.place, "command line");
    out << ' ' << setting.key << "=[" << setting.text << ']';
  }
  for (const auto& output : line->outputs) out << " -o=" << output;
  if (line->configuration) out << " -c=" << line->configuration->string();
  if (line->run) out << " run=" << *line->run;
  if (!line->action.empty()) out << " action=" << line->action;
  for (const auto& word : line->words) out << " (" << word << ')';
  for (const auto& piece : line->pieces) out << " piece=" << piece;
  if (line->app) out << " app=" << *line->app;
  for (const auto& tag : line->tags) out << " tag=" << tag;
  if (line->since) out << " since=" << *line->since;
  if (line->until) out << " until=" << *line->until;
  if (line->format) out << " format=" << *line->format;
  for (const auto& text : line->fail_if) out << " fail_if=" << text;
  if (line->confidence != 0.95) out << " confidence=" << line->confidence;
  if (line->allow_missing) out << " allow_missing";
  if (line->wide) out << " wide";
  if (line->compact) out << " compact";
  if (line->quiet) out << " quiet";
  if (line->forget) out << " forget";
  if (line->dry_run) out << " dry_run";
  if (line->recompute) out << " recompute";
  if (line->json) out << " json";
  if (line->fix_script) out << " fix_script";
  if (line->no_load) out << " no_load";
  if (line->length_ns) out << " for=" << *line->length_ns;
  if (line->defaults) out << " default";
  if (line->origin) out << " origin";
  return out.str();
}

struct Row {
  Words words;
  std::string what;
};

void check(const std::vector<Row>& rows) {
  for (const auto& [words, what] : rows) EXPECT_EQ(told(words), what) << testing::PrintToString(words);
}

TEST(CommandLine, CompareTakesRunsAndFiles) {
  check({
      {{"compare", "a.hdf5", "last~1", "--fail-if", "energy>+5%", "--fail-if=time<0%", "--confidence", "99%",
        "--allow-missing"},
       "compare (a.hdf5) (last~1) fail_if=energy>+5% fail_if=time<0% confidence=0.99 allow_missing"},
      {{"compare", "-o", "-", "0", "-o", "x.md", "1", "--data_out", "d"}, "compare data_out=[d] -o=- -o=x.md (0) (1)"},
      {{"compare", "a.hdf5"},
       "error: there must be two runs or files to compare, the first being the base | see 'perun compare --help'"},
      {{"compare", "a", "b", "--confidence", "1"}, "error: --confidence: '1' is not within 0.5 and 0.9999"},
      {{"report", "--fail-if", "x"}, "error: --fail-if is an option of 'perun compare' | see 'perun report --help'"},
  });
}

TEST(CommandLine, ASessionTakesWhatMonitorTakes) {
  check({
      {{"session", "--pue=1.2", "--forget", "-f", "10", "--", "python3", "x.py", "--pue", "2"},
       "session program=[python3][x.py][--pue][2] pue=[1.2] frequency=[10] forget"},
      {{"session", "-o", "a.json", "x"}, "session program=[x] -o=a.json"},
      {{"session"}, "error: the PROGRAM to measure is missing | see 'perun session --help'"},
      {{"monitor", "--forget", "x"}, "error: --forget is an option of 'perun session' | see 'perun monitor --help'"},
  });
}

TEST(CommandLine, SeedsOwnLines) {
  check({
      {{"monitor", "--format", "yaml", "path/to/your/script.py", "args"},
       "monitor program=[path/to/your/script.py][args] format=[yaml]"},
      {{"monitor", "--format", "json", "-o", "results/", "path/to/your/script.py", "args"},
       "monitor program=[path/to/your/script.py][args] format=[json] data_out=[results/]"},
      {{"monitor", "--format", "json", "-o", "results/", "script.py"},
       "monitor program=[script.py] format=[json] data_out=[results/]"},
      {{"--format", "yaml", "monitor", "script.py"}, "monitor program=[script.py] format=[yaml]"},
      {{"-f", "json", "monitor", "script.py"}, "monitor program=[script.py] format=[json]"},
      {{"-f", "10", "monitor", "script.py"}, "monitor program=[script.py] frequency=[10]"},
      {{"monitor", "-f", "json", "script.py"}, "monitor program=[script.py] format=[json]"},
      {{"monitor", "-f", "10", "script.py"}, "monitor program=[script.py] frequency=[10]"},
      {{"--pue", "1.2", "report", "x.hdf5"}, "report file=[x.hdf5] pue=[1.2]"},
      {{"-c", "my.ini", "--data_out", "d", "-l", "DEBUG", "--emissions-factor", "0.1", "--price-factor", "9", "--frequency",
        "2.5", "monitor", "s"},
       "monitor program=[s] data_out=[d] log_lvl=[DEBUG] emissions-factor=[0.1] price-factor=[9] frequency=[2.5] -c=my.ini"},
      {{"report", "--recompute", "x.hdf5"}, "report file=[x.hdf5] recompute"},
      {{"postprocess", "x.hdf5"}, "postprocess file=[x.hdf5]"},
      {{"--pue", "1.2", "postprocess", "--run", "last~1", "--dry-run", "x.hdf5"},
       "postprocess file=[x.hdf5] pue=[1.2] run=last~1 dry_run"},
      {{"postprocess"}, "error: the FILE to postprocess is missing | see 'perun postprocess --help'"},
      {{"showconf"}, "showconf"},
      {{"showconf", "--default"}, "showconf default"},
      {{"--version"}, "version"},
      {{"--help"}, "help"},
      {{"report", "--help"}, "help topic=report"},
  });
}

TEST(CommandLine, WordsAfterProgramAreVerbatim) {
  check({
      {{"monitor", "p", "[1,2]"}, "monitor program=[p][[1,2]]"},
      {{"monitor", "p", "[]"}, "monitor program=[p][[]]"},
      {{"monitor", "p", ""}, "monitor program=[p][]"},
      {{"monitor", "p", "a\nb"}, "monitor program=[p][a\nb]"},
      {{"monitor", "p", "--help"}, "monitor program=[p][--help]"},
      {{"monitor", "p", "-h", "--version", "--format", "nosuch"}, "monitor program=[p][-h][--version][--format][nosuch]"},
      {{"monitor", "p", "--", "--"}, "monitor program=[p][--][--]"},
      {{"monitor", "p", "report"}, "monitor program=[p][report]"},
      {{"monitor", "p", "{x}", "$HOME", "*", "\\", "\"", "'"}, "monitor program=[p][{x}][$HOME][*][\\][\"][']"},
      {{"monitor", "p", "\xFF\xFE"}, "monitor program=[p][\xFF\xFE]"},
      {{"monitor", "--", "p", "x"}, "monitor program=[p][x]"},
      {{"monitor", "--", "--p", "-x"}, "monitor program=[--p][-x]"},
      {{"monitor", "--", "--"}, "monitor program=[--]"},
      {{"monitor", "--pue", "1.2", "--", "p", "--pue", "3"}, "monitor program=[p][--pue][3] pue=[1.2]"},
      {{"monitor", "monitor"}, "monitor program=[monitor]"},
      {{"monitor", "report"}, "monitor program=[report]"},
      {{"monitor", "-"}, "monitor program=[-]"},
      {{"monitor", "[a]"}, "monitor program=[[a]]"},
      {{"--", "monitor", "p"}, "monitor program=[p]"},
      {{"monitor", "--name", "sleep", "sleep", "1"}, "monitor program=[sleep][1] name=[sleep]"},
      {{"monitor", "--strict", "a", "b.py"}, "monitor program=[a][b.py] strict=[true]"},
  });
}

TEST(CommandLine, OptionsBeforeAndAfterTheCommandInTheirOrder) {
  check({
      {{"--frequency", "1", "monitor", "--frequency", "2", "p"}, "monitor program=[p] frequency=[1] frequency=[2]"},
      {{"monitor", "--frequency", "1", "-f", "2", "--frequency", "3", "p"},
       "monitor program=[p] frequency=[1] frequency=[2] frequency=[3]"},
      {{"monitor", "-f2.5", "p"}, "monitor program=[p] frequency=[2.5]"},
      {{"monitor", "-fjson", "p"}, "monitor program=[p] format=[json]"},
      {{"monitor", "--frequency=5", "p"}, "monitor program=[p] frequency=[5]"},
      {{"monitor", "-f", "-1", "p"}, "monitor program=[p] frequency=[-1]"},
      {{"monitor", "--frequency", "-1", "p"}, "monitor program=[p] frequency=[-1]"},
      {{"monitor", "-f", ".5", "p"}, "monitor program=[p] frequency=[.5]"},
      {{"monitor", "-f", "jsn", "p"}, "monitor program=[p] format=[jsn]"},
      {{"monitor", "-f", "", "p"}, "monitor program=[p] format=[]"},
      {{"monitor", "--data-out", "a", "--data_out", "b", "p"}, "monitor program=[p] data_out=[a] data_out=[b]"},
      {{"monitor", "--emissions_factor", "0", "--price_factor=0", "p"},
       "monitor program=[p] emissions-factor=[0] price-factor=[0]"},
      {{"monitor", "--warmup_rounds", "1", "--warmup-rounds", "2", "--rounds", "3", "p"},
       "monitor program=[p] warmup_rounds=[1] warmup_rounds=[2] rounds=[3]"},
      {{"monitor", "--name=", "p"}, "monitor program=[p] name=[]"},
      {{"monitor", "--name", "", "p"}, "monitor program=[p] name=[]"},
      {{"--name=", "monitor", "p"}, "monitor program=[p] name=[]"},
      {{"monitor", "--name", "[a,b]", "p"}, "monitor program=[p] name=[[a,b]]"},
      {{"monitor", "--name", "--", "p"}, "monitor program=[p] name=[--]"},
      {{"monitor", "--sensors", "a,b", "--sensors", "[c]*", "p"}, "monitor program=[p] sensors=[a,b] sensors=[[c]*]"},
      {{"monitor", "--backends=sim:const(100)", "--exclude", "x", "p"},
       "monitor program=[p] backends=[sim:const(100)] exclude=[x]"},
      {{"monitor", "--no-estimate", "--strict=false", "p"}, "monitor program=[p] no-estimate=[true] strict=[false]"},
      {{"monitor", "--cpu-tdp", "65W", "--sysfs", "s", "--procfs", "q", "--color", "never", "p"},
       "monitor program=[p] cpu-tdp=[65W] sysfs=[s] procfs=[q] color=[never]"},
      {{"monitor", "-q", "p"}, "monitor program=[p] quiet"},
      {{"-q", "monitor", "-v", "p"}, "monitor program=[p] log_lvl=[INFO] quiet"},
      {{"monitor", "-qv", "p"}, "monitor program=[p] log_lvl=[INFO] quiet"},
      {{"monitor", "-qf", "10", "p"}, "monitor program=[p] frequency=[10] quiet"},
      {{"monitor", "-qf10", "p"}, "monitor program=[p] frequency=[10] quiet"},
      {{"monitor", "-ccfg.ini", "p"}, "monitor program=[p] -c=cfg.ini"},
      {{"monitor", "--configuration", "a", "-c", "b", "p"}, "monitor program=[p] -c=b"},
      {{"--pue", "1.2"}, "nothing pue=[1.2]"},
      {{}, "nothing"},
  });
}

TEST(CommandLine, Outputs) {
  const test::Tree tree;
  const auto folder = tree.root().string();
  const auto no_format = [](std::string_view name) {
    return fmt::format(
        "error: --output: the name '{}' does not end in a format | end it in .{}, or in / for the directory of the data files",
        name, fmt::join(report_formats, ", ."));
  };
  check({
      {{"monitor", "-o", "-", "p"}, "monitor program=[p] -o=-"},
      {{"monitor", "-o", "a.json", "-o", "b.txt", "p"}, "monitor program=[p] -o=a.json -o=b.txt"},
      {{"monitor", "--output=a.yml", "p"}, "monitor program=[p] -o=a.yml"},
      {{"-o", "a.yaml", "report", "x.hdf5"}, "report file=[x.hdf5] -o=a.yaml"},
      {{"report", "x.hdf5", "-o", "a.yaml"}, "report file=[x.hdf5] -o=a.yaml"},
      {{"monitor", "-o", folder, "p"}, "monitor program=[p] data_out=[" + folder + "]"},
      {{"monitor", "-o", "no/such/", "p"}, "monitor program=[p] data_out=[no/such/]"},
      {{"monitor", "-o", "a.ps", "p"}, no_format("a.ps")},
      {{"monitor", "-o", "results", "p"}, no_format("results")},
      {{"-o", "a.json", "showconf"},
       "error: 'perun showconf' writes no report; --output is in vain | see 'perun showconf --help'"},
      {{"-o", "a.json", "sensors"},
       "error: 'perun sensors' writes no report; --output is in vain | see 'perun sensors --help'"},
  });
}

TEST(CommandLine, OtherCommands) {
  check({
      {{"report"}, "report"},
      {{"report", "x.hdf5", "--run", "3", "--format", "json"}, "report file=[x.hdf5] format=[json] run=3"},
      {{"report", "--run", "last", "x"}, "report file=[x] run=last"},
      {{"report", "--run", "all", "--run", "last~2", "x"}, "report file=[x] run=last~2"},
      {{"report", "--run=all", "[x].hdf5"}, "report file=[[x].hdf5] run=all"},
      {{"report", "--", "-x.hdf5"}, "report file=[-x.hdf5]"},
      {{"report", "report"}, "report file=[report]"},
      {{"report", "-f", "yml", "x"}, "report file=[x] format=[yml]"},
      {{"sensors"}, "sensors"},
      {{"sensors", "--json", "--backends", "rapl"}, "sensors backends=[rapl] json"},
      {{"doctor"}, "doctor"},
      {{"doctor", "--json", "--sysfs", "s", "--data_out", "d"}, "doctor sysfs=[s] data_out=[d] json"},
      {{"doctor", "--fix-script"}, "doctor fix_script"},
      {{"qualify", "--for", "3s", "--no-load", "--json", "--sensors", "rapl:*"},
       "qualify sensors=[rapl:*] json no_load for=3000000000"},
      {{"showconf", "--origin", "--rounds", "3", "-f", "10"}, "showconf rounds=[3] frequency=[10] origin"},
      {{"showconf", "--origin", "--default"}, "showconf default origin"},
  });
}

TEST(CommandLine, HelpAndVersion) {
  check({
      {{"-h"}, "help"},
      {{"monitor", "--help"}, "help topic=monitor"},
      {{"monitor", "-h", "p"}, "help topic=monitor program=[p]"},
      {{"--help", "sensors"}, "help topic=sensors"},
      {{"help"}, "help"},
      {{"help", "showconf"}, "help topic=showconf"},
      {{"help", "moniter"}, "error: unknown command 'moniter'; did you mean 'monitor'? | see 'perun --help'"},
      {{"--version", "monitor"}, "version"},
  });
}

TEST(CommandLine, MistakesAreToldBeforeAnythingStarts) {
  constexpr std::string_view monitor = " | see 'perun monitor --help'";
  const auto in_monitor = [&](std::string_view what) { return "error: " + std::string(what) + std::string(monitor); };
  const std::vector<std::pair<Words, std::string>> rows{
      {{"monitor"}, in_monitor("the PROGRAM to measure is missing")},
      {{"monitor", "--"}, in_monitor("the PROGRAM to measure is missing")},
      {{"monitor", "--strict"}, in_monitor("the PROGRAM to measure is missing")},
      {{"monitor", "--frequnecy", "10", "x"}, in_monitor("unknown option '--frequnecy'; did you mean '--frequency'?")},
      {{"monitor", "--emission_factor", "999", "x"},
       in_monitor("unknown option '--emission_factor'; did you mean '--emissions_factor'?")},
      {{"monitor", "--power_overhead=0", "x"}, in_monitor("unknown option '--power_overhead'; did you mean '--max_overhead'?")},
      {{"monitor", "--live_callback_files", "a", "b.py"}, in_monitor("unknown option '--live_callback_files'")},
      {{"monitor", "-z", "x"}, in_monitor("unknown option '-z'")},
      {{"monitor", "-qz", "x"}, in_monitor("unknown option '-z'")},
      {{"monitor", "--json", "x"}, "error: --json is an option of 'perun live' | see 'perun monitor --help'"},
      {{"monitor", "--rounds"}, in_monitor("--rounds needs a value")},
      {{"monitor", "-f"}, in_monitor("-f needs a value")},
      {{"--pue"}, "error: --pue needs a value | see 'perun --help'"},
      {{"report", "--rounds", "3", "x"}, "error: --rounds is an option of 'perun monitor' | see 'perun report --help'"},
      {{"report", "x", "y"}, "error: unexpected word 'y' | see 'perun report --help'"},
      {{"report", "--run", "a b", "x"}, "error: --run: 'a b' is not a number, last, last~N, the beginning of an id, or all"},
      {{"report", "--run", "last~", "x"},
       "error: --run: 'last~' is not a number, last, last~N, the beginning of an id, or all"},
      {{"report", "--run", "-1", "x"}, "error: --run: '-1' is not a number, last, last~N, the beginning of an id, or all"},
      {{"report", "--run", "", "x"}, "error: --run: '' is not a number, last, last~N, the beginning of an id, or all"},
      {{"report", "--run", "1,,2"}, "error: --run: '1,,2' is not a number, last, last~N, the beginning of an id, or all"},
      {{"export"}, "error: the FILE to export is missing | see 'perun export --help'"},
      {{"report", "--compact", "x"}, "error: --compact is an option of 'perun runs' | see 'perun report --help'"},
      {{"sensors", "x"}, "error: unexpected word 'x' | see 'perun sensors --help'"},
      {{"showconf", "--orign"}, "error: unknown option '--orign'; did you mean '--origin'? | see 'perun showconf --help'"},
      {{"moniter", "x"}, "error: unknown command 'moniter'; did you mean 'monitor'? | see 'perun --help'"},
      {{"--frequency", "10", "x.py"},
       "error: unknown command 'x.py' | to measure a program: perun monitor PROGRAM; else see 'perun --help'"},
      {{"--bogus", "10", "monitor", "x"}, "error: unknown option '--bogus' | see 'perun --help'"},
      {{"--origin", "showconf"}, "error: --origin is an option of 'perun showconf' | see 'perun --help'"},
      {{""}, "error: unknown command '' | to measure a program: perun monitor PROGRAM; else see 'perun --help'"},
  };
  for (const auto& [words, what] : rows) EXPECT_EQ(told(words), what) << testing::PrintToString(words);
}

TEST(CommandLine, MergeTakesAnyNumberOfFolders) {
  EXPECT_EQ(told({"merge", "a"}), "merge piece=a");
  EXPECT_EQ(told({"merge", "a", "b", "--data_out", "r", "c"}), "merge data_out=[r] piece=a piece=b piece=c");
  EXPECT_EQ(told({"merge"}), "error: the FOLDER with the first piece is missing | see 'perun merge --help'");
  EXPECT_EQ(told({"merge", "a", "--what"}), "error: unknown option '--what' | see 'perun merge --help'");
}

TEST(CommandLine, RunsAndExport) {
  check({
      {{"runs"}, "runs"},
      {{"runs", "results"}, "runs (results)"},
      {{"runs", "--json", "--app", "he*", "--tag", "a", "--tag", "b", "--since", "7d", "--until", "2026-11-22", "--data_out",
        "d"},
       "runs data_out=[d] app=he* tag=a tag=b since=7d until=2026-11-22 json"},
      {{"runs", "list", "x.hdf5"}, "runs action=list (x.hdf5)"},
      {{"runs", "tag", "x.hdf5", "last~1", "adam", "[1,2]"}, "runs action=tag (x.hdf5) (last~1) (adam) ([1,2])"},
      {{"runs", "rename", "x.hdf5", "3", ""}, "runs action=rename (x.hdf5) (3) ()"},
      {{"runs", "delete", "x.hdf5", "3", "--compact", "--dry-run"}, "runs action=delete (x.hdf5) (3) compact dry_run"},
      {{"report", "x", "--run", "20261122T18,last~2,5"}, "report file=[x] run=20261122T18,last~2,5"},
      {{"export", "x.hdf5", "-f", "csv", "--wide", "-o", "y.csv", "--run", "1"},
       "export file=[x.hdf5] -o=y.csv run=1 format=csv wide"},
      {{"export", "x.hdf5", "--wide", "--long"}, "export file=[x.hdf5]"},
  });
}

TEST(CommandLine, ErrorsAreUsageErrors) {
  EXPECT_EQ(parse_command_line(Words{"nosuch"}).error().code, Errc::invalid);
}

TEST(CommandLine, EveryOptionOfTheTableIsAFlagBeforeAndAfterMonitorInEachSpelling) {
  for (const auto& option : options()) {
    std::istringstream flags{std::string(option.flags)};
    for (std::string flag; std::getline(flags, flag, ',');) {
      Words before{flag}, after{"monitor", flag};
      if (option.takes != Takes::nothing) {
        before.emplace_back("v");
        after.emplace_back("v");
      }
      before.insert(before.end(), {"monitor", "p"});
      after.emplace_back("p");
      const auto expected =
          "monitor program=[p] " + std::string(option.key) + (option.takes == Takes::nothing ? "=[true]" : "=[v]");
      EXPECT_EQ(told(before), expected);
      EXPECT_EQ(told(after), expected);
    }
  }
}

TEST(Help, FitsInto80Columns) {
  std::vector<Command> topics{Command::nothing};
  for (const auto& info : commands()) topics.push_back(info.command);
  for (const auto topic : topics) {
    std::istringstream text(help(topic));
    int lines = 0;
    for (std::string line; std::getline(text, line); ++lines) {
      EXPECT_LE(line.size(), 80U) << line;
      EXPECT_FALSE(line.ends_with(' ')) << line;
      EXPECT_EQ(line.find('\t'), std::string::npos) << line;
    }
    EXPECT_GT(lines, 8);
    EXPECT_TRUE(help(topic).ends_with('\n'));
  }
}

TEST(Help, ListsEveryCommandAndExactlyTheOptionsThatBelong) {
  for (const auto& info : commands()) {
    EXPECT_EQ(help(Command::nothing).find("\n  " + std::string(info.name) + " ") != std::string::npos, !info.heading.empty());
    const auto text = help(info.command);
    EXPECT_TRUE(text.starts_with("Usage: perun " + std::string(info.name) + " [OPTIONS]")) << text;
    for (const auto& option : options()) {
      auto flag = option.flags.substr(option.flags.find("--"));
      flag = flag.substr(0, flag.find(','));
      EXPECT_EQ(text.find(" " + std::string(flag) + (option.metavar.empty() ? " " : " " + std::string(option.metavar))) !=
                    std::string::npos,
                belongs(option.scope, info.command))
          << flag << " in " << info.name;
    }
  }
  for (const std::string_view later : {"\n  bench "}) EXPECT_EQ(help(Command::nothing).find(later), std::string::npos);
}

TEST(Help, ShowsDefaults) {
  const auto text = help(Command::nothing);
  for (const std::string_view part :
       {"(default txt)", "(default 1.58)", "(default 0.355)", "(default 41.59)", "(default ./results)", "(default WARN)"})
    EXPECT_NE(text.find(part), std::string::npos) << part;
  for (const auto format : report_formats) EXPECT_NE(find_option("format")->help.find(format), std::string_view::npos);
}

}  // namespace
}  // namespace perun
