// SPDX-License-Identifier: BSD-3-Clause
#include "config/config.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "config/ini.hpp"
#include "support/tree.hpp"

namespace perun {

void PrintTo(const Layer& layer, std::ostream* out) {
  *out << "layer " << static_cast<int>(layer);
}

namespace {

using test::Tree;

/// A machine with nothing configured: every layer that a test adds is below one throw-away directory.
class ConfigTest : public testing::Test {
 protected:
  ConfigTest() {
    around.cwd = tree.at("work");
    around.system_file = tree.at("etc/perun.ini");
    around.environment = {{"HOME", tree.at("home").string()}, {"PATH", "/bin"}};
    std::filesystem::create_directories(around.cwd);
  }
  void local(std::string_view text) { tree.file("work/.perun.ini", text); }
  void flag(std::string_view key, std::string_view text) {
    around.command_line.push_back({std::string(key), std::string(text), Layer::command_line, "command line"});
  }
  Resolved good() const {
    auto resolved = resolve(around);
    EXPECT_TRUE(resolved) << (resolved ? "" : resolved.error().what);
    return resolved ? *resolved : Resolved{};
  }
  std::string wrong() const {
    const auto resolved = resolve(around);
    EXPECT_FALSE(resolved);
    return resolved ? "" : resolved.error().what;
  }

  Tree tree;
  Surroundings around;
};

// The seed's example, byte for byte: trailing commas, inline comments, an umlaut that was encoded twice.
constexpr std::string_view seed_ini =
    "[report]\n"
    "format = txt\n"
    "pue = 1.58\n"
    "emissions-factor = 0.355, # kgCO2eq/kWh - source https://www.nowtricity.com/country/germany/\n"
    "price-factor = 41.59, # cent/kWh - source: https://www.stromauskunft.de/strompreise/ Baden-W\xC3\x83\xC2\xBCrttemberg "
    "lokare "
    "anbieter\n"
    "\n"
    "[monitor]\n"
    "frequency = 1\n"
    "data_out = ./results\n"
    "\n"
    "[perun]\n"
    "log_lvl = WARN\n";

TEST_F(ConfigTest, DefaultsAreTheSeeds) {
  const auto r = good();
  EXPECT_EQ(r.config.format, "txt");
  EXPECT_EQ(r.config.pue, 1.58);
  EXPECT_EQ(r.config.emissions_factor, 0.355);
  EXPECT_EQ(r.config.price_factor, 41.59);
  EXPECT_EQ(r.config.frequency_hz, 1);
  EXPECT_EQ(r.config.data_out, "./results");
  EXPECT_EQ(r.config.log_lvl, "WARN");
  EXPECT_TRUE(r.origin.empty());
  EXPECT_TRUE(r.warnings.empty());
}

TEST_F(ConfigTest, SeedsIniLoadsToItsValues) {
  local(seed_ini);
  const auto r = good();
  EXPECT_EQ(r.config.format, "txt");
  EXPECT_EQ(r.config.pue, 1.58);
  EXPECT_EQ(r.config.emissions_factor, 0.355);
  EXPECT_EQ(r.config.price_factor, 41.59);
  EXPECT_EQ(r.config.frequency_hz, 1);
  EXPECT_EQ(r.config.data_out, "./results");
  EXPECT_EQ(r.config.log_lvl, "WARN");
  EXPECT_EQ(r.origin.size(), 7U);
  EXPECT_EQ(r.origin.at("emissions-factor").place, "./.perun.ini:4");
  EXPECT_EQ(r.origin.at("log_lvl").place, "./.perun.ini:12");
  EXPECT_TRUE(r.warnings.empty());
}

TEST_F(ConfigTest, SeedsIniLoadsWithLatin1CarriageReturnsAndByteOrderMark) {
  std::string text = "\xEF\xBB\xBF" + std::string(seed_ini);
  text.replace(text.find("\xC3\x83\xC2\xBC"), 4, "\xFC");
  for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 2) text.insert(at, 1, '\r');
  tree.file("work/other.ini", text);
  around.configuration = "other.ini";
  const auto r = good();
  EXPECT_EQ(r.config.price_factor, 41.59);
  EXPECT_EQ(r.config.log_lvl, "WARN");
  EXPECT_EQ(r.origin.at("price-factor").place, "other.ini:5");
}

/// Two values of each option that differ from each other, the first also from the default.
struct Values {
  std::string_view key, a, b;
};
constexpr auto two_values = std::to_array<Values>({
    {"format", "json", "yaml"},
    {"pue", "1.2", "2"},
    {"emissions-factor", "0", "0.5"},
    {"price-factor", "0", "12.5"},
    {"overhead-power", "40", "12.5"},
    {"html-max-samples", "5000", "1000000"},
    {"embodied-kg", "1200", "0.5"},
    {"lifespan-years", "4", "6.5"},
    {"resource-share", "0.25", "0.5"},
    {"frequency", "100", "0.001"},
    {"data_out", "/tmp/a", "b c"},
    {"name", "a%b", "run 1"},
    {"spool", "/a/spool", "none"},
    {"tag", "adam,gpu", "first try"},
    {"backends", "rapl,proc", "sim:square(20,200,1s)"},
    {"sensor", "exec:awk -F, '{print $2}' x,ipmi", "file:/run/plug"},
    {"sensors", "rapl:*", "cpu?,gpu[0]"},
    {"exclude", "*dram", "x"},
    {"count", "rapl:psys", "x,y"},
    {"no-count", "battery:*", "x"},
    {"rounds", "7", "1000000"},
    {"warmup_rounds", "3", "1"},
    {"max-overhead", "2.5", "0"},
    {"region-frequency", "100", "0.001"},
    {"control-pipe", "fifo:/run/a", "fifo:b c"},
    {"work", "tokens=5000,epochs=0.5", "W=1"},
    {"mpi-hooks", "true", "false"},
    {"no-estimate", "true", "false"},
    {"strict", "true", "false"},
    {"cpu-tdp", "125", "4.5"},
    {"estimate", "gpu=A100", "gpu=2x300W@70%"},
    {"baseline", "10s", "auto"},
    {"sysfs", "/x/sys", "/y"},
    {"procfs", "/x/proc", "/y"},
    {"log_lvl", "DEBUG", "CRITICAL"},
    {"color", "never", "always"},
});

TEST_F(ConfigTest, EveryOptionIsInTheTableOfTwoValues) {
  ASSERT_EQ(options().size(), two_values.size());
  for (std::size_t i = 0; i < two_values.size(); ++i) EXPECT_EQ(options()[i].key, two_values[i].key);
}

TEST_F(ConfigTest, EveryOptionChangesItsOwnValueAndReadsBack) {
  for (const auto& [key, a, b] : two_values) {
    const auto& option = *find_option(key);
    for (const auto text : {a, b}) {
      Config config;
      ASSERT_TRUE(option.set(config, text)) << key;
      EXPECT_EQ(option.get(config), text) << key;
      for (const auto& other : options()) {
        if (&other == &option) continue;
        EXPECT_EQ(other.get(config), other.get(Config{})) << key << " changes " << other.key;
      }
    }
    Config config;
    ASSERT_TRUE(option.set(config, a));
    EXPECT_NE(option.get(config), option.get(Config{})) << key;
    ASSERT_TRUE(option.set(config, option.get(Config{}))) << key << " does not take its default";
    EXPECT_EQ(option.get(config), option.get(Config{}));
  }
}

TEST_F(ConfigTest, ACommaOfACommandDoesNotSeparate) {
  flag("sensor", "exec:tr , . <a, ipmi,exec:b -x,y z,file:c");
  flag("sensor", "socket:d");
  EXPECT_EQ(good().config.sensor, (std::vector<std::string>{"exec:tr , . <a", "ipmi", "exec:b -x,y z", "file:c", "socket:d"}));
}

TEST_F(ConfigTest, EveryOptionIsDescribedAndSpelledBothWays) {
  std::set<std::string> flags, variables;
  for (const auto& option : options()) {
    EXPECT_FALSE(option.help.empty()) << option.key;
    EXPECT_EQ(option.metavar.empty(), option.takes == Takes::nothing) << option.key;
    EXPECT_TRUE(variables.insert(variable(option)).second);
    for (const char sign : {'_', '-'}) {
      std::string spelled(option.key);
      std::ranges::replace(spelled, '_', sign);
      std::ranges::replace(spelled, '-', sign);
      EXPECT_EQ(find_option(spelled), &option);
      EXPECT_NE(("," + std::string(option.flags) + ",").find(",--" + spelled + ","), std::string::npos) << spelled;
      flags.insert(spelled);
    }
  }
  EXPECT_GE(flags.size(), options().size());
  EXPECT_EQ(find_option("PUE"), find_option("pue"));
  EXPECT_EQ(find_option("pu"), nullptr);
  EXPECT_EQ(variable(*find_option("emissions-factor")), "PERUN_EMISSIONS_FACTOR");
  EXPECT_EQ(variable(*find_option("data_out")), "PERUN_DATA_OUT");
}

/// Writes `text` for the option at one layer and says what place the origin must then name.
std::string put(Tree& tree, Surroundings& around, Layer layer, const Option& option, std::string_view text) {
  const auto ini = "[" + std::string(option.section) + "]\n" + std::string(option.key) + " = " + std::string(text) + "\n";
  switch (layer) {
    case Layer::system_file:
      return tree.file("etc/perun.ini", ini), tree.at("etc/perun.ini").string() + ":2";
    case Layer::global_file:
      return tree.file("home/.config/perun.ini", ini), tree.at("home/.config/perun.ini").string() + ":2";
    case Layer::local_file:
      return tree.file("work/.perun.ini", ini), "./.perun.ini:2";
    case Layer::environment:
      return around.environment[variable(option)] = text, variable(option);
    default:
      around.command_line.push_back({std::string(option.key), std::string(text), layer, "command line"});
  }
  return "command line";
}

TEST_F(ConfigTest, EachLayerBeatsAllWeakerOnesForEveryOption) {
  constexpr std::array layers{Layer::system_file, Layer::global_file, Layer::local_file, Layer::environment,
                              Layer::command_line};
  for (const auto& [key, a, b] : two_values)
    for (std::size_t strongest = 0; strongest < layers.size(); ++strongest) {
      const auto& option = *find_option(key);
      Tree machine;
      Surroundings on;
      on.cwd = machine.at("work");
      on.system_file = machine.at("etc/perun.ini");
      on.environment = {{"HOME", machine.at("home").string()}};
      for (std::size_t weaker = 0; weaker < strongest; ++weaker) put(machine, on, layers[weaker], option, b);
      const auto place = put(machine, on, layers[strongest], option, a);
      const auto r = resolve(on);
      ASSERT_TRUE(r) << r.error().what;
      EXPECT_EQ(option.get(r->config), a) << key << " " << place;
      ASSERT_TRUE(r->origin.contains(key));
      EXPECT_EQ(r->origin.at(std::string(key)).place, place);
      EXPECT_EQ(r->origin.at(std::string(key)).layer, layers[strongest]);
      EXPECT_TRUE(r->warnings.empty());
    }
}

TEST_F(ConfigTest, WhichFileIsTheLocalOne) {
  local("[report]\npue = 1.1\n");
  tree.file("work/named.ini", "[report]\npue = 1.2\n").file("elsewhere/flag.ini", "[report]\npue = 1.3\n");
  EXPECT_EQ(good().config.pue, 1.1);
  around.environment["PERUN_CONFIGURATION"] = "";
  EXPECT_EQ(good().config.pue, 1.1);
  around.environment["PERUN_CONFIGURATION"] = "named.ini";
  EXPECT_EQ(good().config.pue, 1.2);
  EXPECT_EQ(good().origin.at("pue").place, "named.ini:2");
  around.configuration = "../elsewhere/flag.ini";
  EXPECT_EQ(good().config.pue, 1.3);
  around.configuration = tree.at("elsewhere/flag.ini");
  EXPECT_EQ(good().config.pue, 1.3);
}

TEST_F(ConfigTest, WhichFileIsTheGlobalOne) {
  tree.file("home/.config/perun.ini", "[report]\npue = 1.1\n").file("xdg/perun.ini", "[report]\npue = 1.2\n");
  EXPECT_EQ(good().config.pue, 1.1);
  around.environment["XDG_CONFIG_HOME"] = tree.at("xdg").string();
  EXPECT_EQ(good().config.pue, 1.2);
  around.environment["XDG_CONFIG_HOME"] = "xdg";
  EXPECT_EQ(good().config.pue, 1.1);
  around.environment.clear();
  EXPECT_EQ(good().config.pue, 1.58);
}

TEST_F(ConfigTest, ZeroAndEmptyAreValues) {
  local(
      "[report]\nemissions-factor = 50\n[monitor]\nname = x\nsensors = a\nbackends =\nno-estimate = yes\nwarmup_rounds = 2\n");
  flag("emissions-factor", "0");
  flag("name", "");
  flag("no-estimate", "0");
  flag("warmup_rounds", "0");
  around.environment["PERUN_SENSORS"] = "";
  const auto r = good();
  EXPECT_EQ(r.config.emissions_factor, 0);
  EXPECT_EQ(r.config.name, "");
  EXPECT_TRUE(r.config.sensors.empty());
  EXPECT_TRUE(r.config.backends.empty());
  EXPECT_FALSE(r.config.no_estimate);
  EXPECT_EQ(r.config.warmup_rounds, 0);
  EXPECT_EQ(r.origin.at("sensors").place, "PERUN_SENSORS");
  EXPECT_EQ(r.origin.at("backends").place, "./.perun.ini:6");
}

struct Bad {
  std::string_view key, text;
  std::string what;
};

std::string no_format(std::string_view text) {
  return fmt::format("'{}' is not one of {}", text, fmt::join(report_formats, ", "));
}

TEST_F(ConfigTest, BadValuesAreToldWithTheirPlace) {
  constexpr std::string_view levels = "is not one of DEBUG, INFO, WARN, ERROR, CRITICAL";
  const std::vector<Bad> rows{
      {"format", "jsn", no_format("jsn") + "; did you mean 'json'?"},
      {"format", "", no_format("")},
      {"format", "postscript", no_format("postscript")},
      {"html-max-samples", "999", "999 is not within 1000 and 100000000"},
      {"html-max-samples", "1e6", "'1e6' is not a whole number"},
      {"embodied-kg", "a lot", "'a lot' is not a number"},
      {"lifespan-years", "0", "0 is below 0.1"},
      {"resource-share", "2", "2 is above 1"},
      {"pue", "abc", "'abc' is not a number"},
      {"pue", "", "'' is not a number"},
      {"pue", "1,58", "'1,58' is not a number"},
      {"pue", "0", "0 is below 1"},
      {"pue", "0.99", "0.99 is below 1"},
      {"pue", "-2", "-2 is below 1"},
      {"pue", "nan", "'nan' is not a number"},
      {"pue", "inf", "'inf' is not a number"},
      {"pue", "1.58 % per", "'1.58 % per' is not a number"},
      {"emissions-factor", "-0.1", "-0.1 is below 0"},
      {"emissions-factor", "0.355kg", "'0.355kg' is not a number"},
      {"price-factor", "-1", "-1 is below 0"},
      {"price-factor", "1e999", "'1e999' is not a number"},
      {"overhead-power", "-1", "-1 is below 0"},
      {"tag", "a,b\nc", "'b\nc' cannot be a tag"},
      {"frequency", "0", "0 is below the lowest rate, 0.001 Hz"},
      {"frequency", "-1", "-1 is below the lowest rate, 0.001 Hz"},
      {"frequency", "0.0009", "0.0009 is below the lowest rate, 0.001 Hz"},
      {"frequency", "1e9", "1e9 is above the 5000 Hz perun can sample"},
      {"frequency", "5001", "5001 is above the 5000 Hz perun can sample"},
      {"frequency", "json", "'json' is not a frequency like 10, 0.5 or 100Hz"},
      {"frequency", "", "'' is not a frequency like 10, 0.5 or 100Hz"},
      {"max-overhead", "-1%", "-1 is below 0"},
      {"max-overhead", "%", "'' is not a number"},
      {"frequency", "10 20", "'10 20' is not a frequency like 10, 0.5 or 100Hz"},
      {"data_out", "", "the name of the directory is empty"},
      {"data_out", "~/results", "'~/results' begins with '~', which only a shell replaces"},
      {"name", "exp/1", "'exp/1' holds a '/'"},
      {"name", "..", "'..' cannot be the name of a file and of a group in it"},
      {"name", "a\tb", "'a\tb' cannot be the name of a file and of a group in it"},
      {"name", "\xFF", "'\xEF\xBF\xBD' cannot be the name of a file and of a group in it"},
      {"sensors", "cpu gpu", "'cpu gpu' holds a blank"},
      {"backends", "rapl proc,sim", "'rapl proc' holds a blank"},
      {"exclude", "a,b c", "'b c' holds a blank"},
      {"rounds", "0", "0 is below 1"},
      {"rounds", "2.5", "'2.5' is not a whole number"},
      {"rounds", "1000001", "1000001 is above 1000000"},
      {"rounds", "99999999999999999999", "'99999999999999999999' is not a whole number"},
      {"warmup_rounds", "-1", "-1 is below 0"},
      {"no-estimate", "maybe", "'maybe' is neither true nor false"},
      {"strict", "", "'' is neither true nor false"},
      {"cpu-tdp", "-5W", "-5W is below 0"},
      {"estimate", "cpu=5W", "'cpu=5W' does not begin with gpu="},
      {"estimate", "gpu=1e9", "a GPU of '1e9' is not within 1 and 5000 W"},
      {"baseline", "soon", "'soon' is no baseline"},
      {"baseline", "-5W", "'-5W' is not within 0 W and 1 MW"},
      {"baseline", "10 ms", "'10 ms' is not within 0.1 s and 1 h"},
      {"cpu-tdp", "big", "'big' is not a quantity like 100W or 1.5kW"},
      {"sysfs", "", "the name of the directory is empty"},
      {"procfs", "", "the name of the directory is empty"},
      {"color", "sometimes", "'sometimes' is not one of auto, always, never"},
  };
  for (const auto& [key, text, what] : rows) {
    Surroundings by_flag = around, by_variable = around;
    by_flag.command_line.push_back({std::string(key), std::string(text), Layer::command_line, "command line"});
    const auto& option = *find_option(key);
    by_variable.environment[variable(option)] = text;
    const auto flagged = resolve(by_flag), varied = resolve(by_variable);
    ASSERT_FALSE(flagged) << key << " " << text;
    ASSERT_FALSE(varied) << key << " " << text;
    const auto spelled = option.flags.substr(option.flags.find("--"));
    EXPECT_EQ(flagged.error().what, std::string(spelled.substr(0, spelled.find(','))) + ": " + std::string(what));
    EXPECT_EQ(varied.error().what, variable(option) + ": " + std::string(what));
    EXPECT_EQ(flagged.error().code, Errc::invalid);
  }
  for (const std::string_view text : {"WARNING", "loud", ""}) {
    Config config;
    const auto status = find_option("log_lvl")->set(config, text);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().what, "'" + std::string(text) + "' " + std::string(levels));
  }
  local("[perun]\n\nlog_lvl = WRAN\n");
  EXPECT_EQ(wrong(), "./.perun.ini:3: log_lvl: 'WRAN' " + std::string(levels) + "; did you mean 'WARN'?");
}

TEST_F(ConfigTest, GoodValuesAtTheEdges) {
  const std::vector<Bad> rows{
      {"pue", "1", "1"},
      {"pue", "+1.5", "1.5"},
      {"max-overhead", " 5 % ", "5"},
      {"frequency", "5kHz", "5000"},
      {"frequency", "1mHz", "0.001"},
      {"frequency", " 10 ", "10"},
      {"log_lvl", "warn", "WARN"},
      {"format", "YML", "yml"},
      {"strict", "On", "true"},
      {"cpu-tdp", "1.5kW", "1500"},
      {"sensors", " a , ,b,", "a,b"},
      {"name", "a b.c", "a b.c"},
      {"data_out", "./~", "./~"},
      {"rounds", "+2", "2"},
      {"exclude", ",", ""},
      {"color", "ALWAYS", "always"},
      {"emissions-factor", "1e-3", "0.001"},
  };
  for (const auto& [key, text, value] : rows) {
    Config config;
    const auto ok = find_option(key)->set(config, text);
    ASSERT_TRUE(ok) << key << ": " << ok.error().what;
    EXPECT_EQ(find_option(key)->get(config), value);
  }
}

TEST_F(ConfigTest, RepeatedListsOnTheCommandLineAddUpAndReplaceWeakerLayers) {
  local("[monitor]\nsensors = from_file\n");
  flag("sensors", "a,b");
  flag("rounds", "2");
  flag("sensors", "c");
  flag("rounds", "3");
  const auto r = good();
  EXPECT_EQ(r.config.sensors, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(r.config.rounds, 3);
}

TEST_F(ConfigTest, CommasInParenthesesDoNotSeparate) {
  EXPECT_EQ(list_items("sim:square(20,200,1s),proc"), (std::vector<std::string>{"sim:square(20,200,1s)", "proc"}));
  EXPECT_EQ(list_items("a),b"), (std::vector<std::string>{"a)", "b"}));
  EXPECT_TRUE(list_items(" , ").empty());
}

TEST_F(ConfigTest, InlineCommentsCommasAndQuotes) {
  const std::vector<std::pair<std::string_view, std::string_view>> rows{
      {"0.355, # kg", "0.355"},
      {"3 # x", "3"},
      {"3 ; x", "3"},
      {"3\t# x", "3"},
      {"3,", "3"},
      {"# only this", ""},
      {"a#b;c", "a#b;c"},
      {"\"a # b,\" # c", "a # b,"},
      {"\" x \",", " x "},
      {"\"\"", ""},
      {R"("say \"hi\" \\ c:\x")", R"(say "hi" \ c:\x)"},
      {"a = b", "a = b"},
      {"a:b", "a:b"},
      {",", ""},
  };
  for (const auto& [text, value] : rows) {
    const auto entries = ini::parse("[s]\nkey = " + std::string(text), "f");
    ASSERT_TRUE(entries) << text;
    EXPECT_EQ(entries->at(0).value, value) << text;
  }
}

TEST_F(ConfigTest, OtherTrailingTextIsRefused) {
  for (const std::string_view text : {"0.355abc", "0.355 kg", "0.355,# kg", "0.355,,", "0.355, 1"}) {
    local("[report]\nemissions-factor = " + std::string(text) + "\n");
    EXPECT_TRUE(wrong().starts_with("./.perun.ini:2: emissions-factor: '")) << text;
  }
}

TEST_F(ConfigTest, WhatIniQuotesReadsBack) {
  for (const std::string_view value :
       {"plain", "", " a", "b ", "a # b", "#", "a,", "\"", "a\\", "\\\"", "x;y", "x ;y", ",", "a=b", "[s]"}) {
    const auto entries = ini::parse("[s]\nk = " + ini::quote(value) + " # place\n", "f");
    ASSERT_TRUE(entries) << value;
    EXPECT_EQ(entries->at(0).value, value);
  }
}

TEST_F(ConfigTest, ConfigparsersDialectIsRead) {
  local(
      "; comment\n  # indented comment\n[Report] # why\n  PUE: 1.2\n  price_factor = 2\n\n[monitor]\nsensors = a,\n   b, # "
      "second\n\n"
      "   c\ndata-out=x=y\n[report]\nFormat = json\n");
  const auto r = good();
  EXPECT_EQ(r.config.pue, 1.2);
  EXPECT_EQ(r.config.price_factor, 2);
  EXPECT_EQ(r.config.sensors, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(r.config.data_out, "x=y");
  EXPECT_EQ(r.config.format, "json");
  EXPECT_EQ(r.origin.at("data_out").place, "./.perun.ini:12");
}

TEST_F(ConfigTest, LongLinesArriveWhole) {
  const std::string name(5000, 'x');
  local("[monitor]\ndata_out = " + name + " # " + name + "\n");
  EXPECT_EQ(good().config.data_out, name);
}

TEST_F(ConfigTest, SyntaxErrorsAreToldWithFileAndLine) {
  const std::vector<std::pair<std::string_view, std::string_view>> rows{
      {"[report]\npue 1.2\n", ":2: 'pue 1.2' is neither 'key = value' nor '[section]'"},
      {"\n[report\n", ":2: '[report' has no closing ']'"},
      {"[report] x\n", ":1: 'x' follows ']'"},
      {"[report]\n= 3\n", ":2: '= 3' is neither 'key = value' nor '[section]'"},
      {"[monitor]\nname = \"a\n", ":2: name: the closing quote is missing"},
      {"[monitor]\nname = \"a\" b\n", ":2: name: 'b' follows the closing quote"},
      {"[report]\nformat = txt\n  pue = 1.2\n", ":3: continues the value of 'format' since it is indented more"},
      {"[monitor]\nsensors = a\n  \"b\n", ":3: sensors: the closing quote is missing"},
  };
  for (const auto& [text, what] : rows) {
    local(text);
    EXPECT_EQ(wrong(), "./.perun.ini" + std::string(what));
  }
  local(std::string_view("[report]\npue = 1\0.2\n", 20));
  EXPECT_EQ(wrong(), "./.perun.ini: not a text file");
}

TEST_F(ConfigTest, UnknownNamesAreErrorsInANamedFileAndWarningsElse) {
  const std::vector<std::pair<std::string_view, std::string_view>> rows{
      {"[monitor]\nfrequncy = 5\n", ":2: unknown key 'frequncy'; did you mean 'frequency'?"},
      {"[monitor]\nemision-factor = 5\n", ":2: unknown key 'emision-factor'; did you mean 'emissions-factor' in [report]?"},
      {"[monitor]\npue = 5\n", ":2: 'pue' belongs in [report]"},
      {"pue = 5\n", ":1: 'pue' belongs in [report]"},
      {"[reprot]\npue = 5\n", ":2: unknown section [reprot]; did you mean 'report'?"},
      {"[benchmarking]\nrounds = 5\n", ":2: unknown section [benchmarking]"},
      {"[report]\nqwertzuiop = 5\n", ":2: unknown key 'qwertzuiop'"},
  };
  for (const auto& [text, what] : rows) {
    Tree files;
    files.file("work/.perun.ini", text).file("x.ini", text);
    Surroundings on;
    on.cwd = files.at("work");
    on.system_file = files.at("none");
    const auto implicit = resolve(on);
    ASSERT_TRUE(implicit) << text;
    EXPECT_EQ(implicit->warnings, std::vector<std::string>{"./.perun.ini" + std::string(what) + " (ignored)"});
    EXPECT_TRUE(implicit->origin.empty());
    on.configuration = files.at("x.ini");
    const auto named = resolve(on);
    ASSERT_FALSE(named) << text;
    EXPECT_EQ(named.error().what, files.at("x.ini").string() + std::string(what));
    EXPECT_EQ(named.error().code, Errc::invalid);
    on.configuration.reset();
    on.environment["PERUN_CONFIGURATION"] = files.at("x.ini").string();
    EXPECT_FALSE(resolve(on)) << text;
  }
}

TEST_F(ConfigTest, OfARepeatedKeyTheLastCounts) {
  local("[report]\npue = 1.58\nPUE = 1.2\n");
  const auto r = good();
  EXPECT_EQ(r.config.pue, 1.2);
  EXPECT_EQ(r.origin.at("pue").place, "./.perun.ini:3");
  EXPECT_EQ(r.warnings, std::vector<std::string>{"./.perun.ini:3: 'pue' is also set in line 2; this one counts"});
}

TEST_F(ConfigTest, FilesThatCannotBeRead) {
  around.configuration = "nosuch.ini";
  EXPECT_EQ(wrong(), "cannot read 'nosuch.ini': No such file or directory");
  EXPECT_EQ(resolve(around).error().code, Errc::not_found);
  around.configuration = "";
  EXPECT_EQ(wrong(), "--configuration: the name of the file is empty");
  around.configuration = tree.root();
  EXPECT_EQ(wrong(), "cannot read '" + tree.root().string() + "': Is a directory");
  around.configuration = "/dev/zero";
  EXPECT_EQ(wrong(), "cannot read '/dev/zero': more than 1 MiB, no configuration file");
  around.configuration.reset();
  around.environment["PERUN_CONFIGURATION"] = "nosuch.ini";
  EXPECT_EQ(wrong(), "cannot read 'nosuch.ini': No such file or directory");
  around.environment.erase("PERUN_CONFIGURATION");
  std::filesystem::create_directories(tree.at("work/.perun.ini"));
  EXPECT_EQ(good().warnings, std::vector<std::string>{"cannot read './.perun.ini': Is a directory (ignored)"});
}

TEST_F(ConfigTest, VariablesThatLookLikeOptionsAreToldAndPerunsOwnAreNot) {
  for (const auto* name :
       {"PERUN_PYTHON", "PERUN_MARKS", "PERUN_SOCK", "PERUN_RUN", "PERUN_RUN_KEY", "PERUN_ACTIVE", "PERUN_CONTROL",
        "PERUN_RANK", "PERUN_SIZE", "PERUN_NODE_ID", "PERUN_UPDATE_GOLDEN", "PERUN_SOMETHING_ELSE", "PERUNPUE"})
    around.environment[name] = "1";
  EXPECT_TRUE(good().warnings.empty());
  around.environment["PERUN_FREQENCY"] = "10";
  around.environment["PERUN_EMISSION_FACTOR"] = "999";
  around.environment["PERUN_CONFIGURATON"] = "x";
  EXPECT_EQ(good().warnings,
            (std::vector<std::string>{"PERUN_CONFIGURATON is no variable of perun; did you mean PERUN_CONFIGURATION?",
                                      "PERUN_EMISSION_FACTOR is no variable of perun; did you mean PERUN_EMISSIONS_FACTOR?",
                                      "PERUN_FREQENCY is no variable of perun; did you mean PERUN_FREQUENCY?"}));
}

TEST_F(ConfigTest, PrintsTheSeedsIniLayout) {
  const auto text = to_ini(Resolved{}, false);
  EXPECT_TRUE(text.starts_with(
      "[report]\nformat = txt\npue = 1.58\nemissions-factor = 0.355\nprice-factor = 41.59\noverhead-power = 0\n"
      "html-max-samples = 2000000\nembodied-kg = 0\nlifespan-years = 5\nresource-share = 1\n\n"
      "[monitor]\nfrequency = 1\ndata_out = ./results\nname =\n"))
      << text;
  EXPECT_TRUE(text.ends_with("\n\n[perun]\nlog_lvl = WARN\ncolor = auto\n")) << text;
}

TEST_F(ConfigTest, WhatIsPrintedLoadsToTheSameWithAndWithoutOrigin) {
  flag("name", "a # b,");
  flag("data_out", " \"x\\ ;y ");
  for (const auto& [key, a, b] : two_values)
    if (key != "name" && key != "data_out") flag(key, a);
  const auto before = good();
  for (const bool origin : {false, true}) {
    Tree files;
    files.file("out.ini", to_ini(before, origin));
    Surroundings on;
    on.cwd = files.root();
    on.system_file = files.at("none");
    on.configuration = "out.ini";
    const auto after = resolve(on);
    ASSERT_TRUE(after) << after.error().what;
    for (const auto& option : options()) EXPECT_EQ(option.get(after->config), option.get(before.config)) << option.key;
  }
}

TEST_F(ConfigTest, OriginNamesTheLayerOfEachLine) {
  local("[report]\n\npue = 1.3\n");
  around.environment["PERUN_FREQUENCY"] = "10";
  flag("format", "json");
  const auto text = to_ini(good(), true);
  EXPECT_NE(text.find("format = json                    # command line\n"), std::string::npos) << text;
  EXPECT_NE(text.find("pue = 1.3                        # ./.perun.ini:3\n"), std::string::npos) << text;
  EXPECT_NE(text.find("frequency = 10                   # PERUN_FREQUENCY\n"), std::string::npos) << text;
  EXPECT_NE(text.find("price-factor = 41.59             # default\n"), std::string::npos) << text;
}

TEST_F(ConfigTest, FactorsCarryTheirPlace) {
  EXPECT_EQ(factors(Resolved{}), Factors{});
  local("[report]\nprice-factor = 12\n");
  around.environment["PERUN_PUE"] = "1.1";
  flag("emissions-factor", "0.02");
  const auto f = factors(good());
  EXPECT_EQ(f.pue, 1.1);
  EXPECT_EQ(f.pue_source, "PERUN_PUE");
  EXPECT_EQ(f.emissions_kg_per_kWh, 0.02);
  EXPECT_EQ(f.emissions_source, "command line");
  EXPECT_EQ(f.price_cent_per_kWh, 12);
  EXPECT_EQ(f.price_source, "./.perun.ini:2");
}

TEST_F(ConfigTest, FormatOfAFileIsItsSuffix) {
  for (const auto format : report_formats) EXPECT_EQ(format_of("dir.d/run." + std::string(format)), format);
  for (const std::string_view name : {"run", "json", "run.postscript", "run.json/x", "run.", "", "run.json "})
    EXPECT_EQ(format_of(name), "") << name;
}

TEST_F(ConfigTest, AFormatThatWasNotBuiltIsToldSo) {
  flag("format", "html");
  if (!format_of("x.html").empty()) {
    EXPECT_EQ(good().config.format, "html");
  } else {
    EXPECT_TRUE(wrong().ends_with("this perun was built without the format html")) << wrong();
  }
}

// Rows of mistakes that a predecessor made: each sets the right value or is refused before anything starts.
TEST_F(ConfigTest, NothingIsIgnoredSilently) {
  tree.file("named.ini", "[report]\npower_overhead = 0\n");
  around.configuration = tree.at("named.ini");
  EXPECT_TRUE(wrong().ends_with("unknown key 'power_overhead'"));
  around.configuration.reset();
  flag("frequency", "0.05");
  EXPECT_EQ(good().config.frequency_hz, 0.05);
  flag("sensors", "A,B");
  EXPECT_EQ(good().config.sensors, (std::vector<std::string>{"A", "B"}));
  flag("log_lvl", "WARN");
  EXPECT_EQ(good().config.log_lvl, "WARN");
  flag("name", "a(1");
  EXPECT_EQ(good().config.name, "a(1");
  flag("emission_factor", "999");
  EXPECT_EQ(wrong(), "unknown option 'emission_factor'");
}

}  // namespace
}  // namespace perun
