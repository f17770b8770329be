// SPDX-License-Identifier: BSD-3-Clause
#include "cli/factors.hpp"

#include <gtest/gtest.h>

#include "cli/factor_series.hpp"
#include "config/country_table.hpp"
#include "support/tree.hpp"

namespace perun {
namespace {

constexpr std::int64_t second = 1'000'000'000, hour = 3600 * second;
constexpr std::int64_t noon = 1'795'348'800 * second;  // 2026-11-22T12:00:00Z

FactorSeries emissions(std::string_view csv) {
  const auto series = parse_factor_series(csv, FactorKind::emissions);
  EXPECT_TRUE(series) << (series ? "" : series.error().what);
  return series ? *series : FactorSeries{};
}

TEST(FactorSeries, ValuesHoldUntilTheNextOne) {
  const auto s =
      emissions("time,gCO2e/kWh\n2026-11-22T12:00Z,100\n2026-11-22T13:00Z,300\n2026-11-22T14:00Z,\n2026-11-22T15:00Z,200\n");
  EXPECT_FALSE(s.at(noon - 1));
  EXPECT_DOUBLE_EQ(s.at(noon).value_or(-1), 0.1);
  EXPECT_DOUBLE_EQ(s.at(noon + hour - 1).value_or(-1), 0.1);
  EXPECT_DOUBLE_EQ(s.at(noon + hour).value_or(-1), 0.3);
  EXPECT_FALSE(s.at(noon + 2 * hour));  // an empty cell
  EXPECT_DOUBLE_EQ(s.at(noon + 4 * hour - 1).value_or(-1), 0.2);
  EXPECT_FALSE(s.at(noon + 4 * hour));  // the last one holds as long as the others
}

TEST(FactorSeries, NoValueHoldsOverALongGap) {
  const auto s = emissions("t,kg/kWh\n0,1\n3600,2\n7200,3\n86400,4\n90000,5\n");
  EXPECT_DOUBLE_EQ(s.at(4 * hour - 1).value_or(-1), 3);
  EXPECT_FALSE(s.at(4 * hour));
  EXPECT_DOUBLE_EQ(s.at(24 * hour).value_or(-1), 4);
}

TEST(FactorSeries, UnitsAreThoseOfTheTitle) {
  const auto value = [](std::string_view csv, FactorKind kind) {
    const auto s = parse_factor_series(csv, kind);
    return s ? s->at(0).value_or(-1) : -2;
  };
  using enum FactorKind;
  for (const char* title : {"gCO2e/kWh", "Carbon intensity gCO\u2082eq/kWh (direct)", "g/kWh", "intensity [g CO2 per kWh]"})
    EXPECT_DOUBLE_EQ(value(std::string("t,") + title + "\n0,250\n1,1\n", emissions), 0.25) << title;
  EXPECT_DOUBLE_EQ(value("t,kgCO2e/kWh\n0,0.25\n1,1\n", emissions), 0.25);
  EXPECT_DOUBLE_EQ(value("t,ct/kWh\n0,30\n1,1\n", price), 30);
  EXPECT_DOUBLE_EQ(value("t,EUR/kWh\n0,0.3\n1,1\n", price), 30);
  EXPECT_DOUBLE_EQ(value("t,Price [EUR/MWh]\n0,-50\n1,1\n", price), -5);
  // Two columns of one file; of emissions those of the whole life cycle.
  constexpr std::string_view both =
      "Datetime (UTC),Zone,ct/kWh,gCO2eq/kWh (direct),\"gCO2eq/kWh (Life cycle), mean\"\n0,DE,30,100,120\n1,DE,1,1,1\n";
  EXPECT_DOUBLE_EQ(value(both, emissions), 0.12);
  EXPECT_DOUBLE_EQ(value(both, price), 30);
}

TEST(FactorSeries, TimesAreReadAsTheyAreWritten) {
  for (const char* time : {"2026-11-22T12:00:00Z", "2026-11-22 12:00", "2026-11-22T13:30:00.000+01:30",
                           "2026-11-22T07:00-05:00", "1795348800", "2026-11-22T12:00:00.5Z"})
    EXPECT_TRUE(
        emissions(std::string("\xEF\xBB\xBFtime,g/kWh\r\n# a comment\r\n\r\n") + time + ",1\r\n2027-01-01,2\r\n").at(noon))
        << time;
}

TEST(FactorSeries, MistakesAreToldWithTheirLine) {
  const auto what = [](std::string_view csv) {
    const auto s = parse_factor_series(csv, FactorKind::emissions);
    return s ? "nothing" : s.error().what;
  };
  EXPECT_EQ(what(""), "line 1: there must be at least two times");
  EXPECT_EQ(what("time,value\n0,1\n"), "line 1: no title names g/kWh or kg/kWh");
  EXPECT_EQ(what("time,ct/kWh\n0,1\n"), "line 1: no title names g/kWh or kg/kWh");
  EXPECT_EQ(what("t,g/kWh\n0,1\n0,2\n"), "line 3: times do not ascend");
  EXPECT_EQ(what("t,g/kWh\nyesterday,1\n"), "line 2: 'yesterday' is no time");
  EXPECT_EQ(what("t,g/kWh\n2026-11-22T12:00+99:00,1\n"), "line 2: '2026-11-22T12:00+99:00' is no time");
  EXPECT_EQ(what("t,g/kWh\n0,-1\n"), "line 2: '-1' is no such factor");
  EXPECT_EQ(what("t,g/kWh\n0,nan\n"), "line 2: 'nan' is no such factor");
  EXPECT_EQ(what("t,g/kWh\n0,1\n"), "line 3: there must be at least two times");
}

Resolved configured(std::vector<std::pair<std::string, std::string>> settings) {
  Surroundings around;
  for (const auto& [key, text] : settings) around.command_line.push_back({key, text, Layer::command_line, "command line"});
  around.system_file = "/nowhere";
  const auto resolved = resolve(around);
  EXPECT_TRUE(resolved) << (resolved ? "" : resolved.error().what);
  return resolved ? *resolved : Resolved{};
}

TEST(CountryTables, CountriesAreFoundByCodeAndName) {
  for (const auto table : {CountryTable::grid_intensity, CountryTable::household_price}) {
    const auto name = [&](std::string_view country) {
      const auto row = country_figure(table, country);
      return row ? row->name : "";
    };
    EXPECT_EQ(name("de"), "Germany");
    EXPECT_EQ(name("DEU"), "Germany");
    EXPECT_EQ(name(" European Union "), "European Union");
    EXPECT_EQ(name("NO"), "Norway");
    EXPECT_EQ(name(""), "");
    EXPECT_EQ(name("Atlantis"), "");
    EXPECT_EQ(country_guess(table, "Germny"), "; did you mean 'Germany'?");
  }
  const auto grid = country_figure(CountryTable::grid_intensity, "de"),
             price = country_figure(CountryTable::household_price, "de");
  EXPECT_EQ(grid->source + grid->period, "Ember2024");
  EXPECT_NEAR(grid->value, 340, 20);
  EXPECT_EQ(price->source + price->period, "Eurostat2024 first half");
  EXPECT_EQ(price->value, 39.51);
}

TEST(CountryTables, PricesAreOfThirtyNineCountriesAndTheUnion) {
  int known = 0;
  for (const auto country : {"AL", "AT", "BE", "BA", "BG", "HR", "CY", "CZ", "DK", "EE",
                             "FI", "FR", "GE", "DE", "GR", "HU", "IS", "IE", "IT", "XK",
                             "LV", "LI", "LT", "LU", "MT", "MD", "ME", "NL", "MK", "NO",
                             "PL", "PT", "RO", "RS", "SK", "SI", "ES", "SE", "TR", "European Union"}) {
    const auto row = country_figure(CountryTable::household_price, country);
    ASSERT_TRUE(row) << country;
    EXPECT_GT(row->value, 4) << country;
    EXPECT_LT(row->value, 40) << country;
    ++known;
  }
  EXPECT_EQ(known, 40);
  EXPECT_FALSE(country_figure(CountryTable::household_price, "US"));
}

TEST(Factors, OfACountrySayFromWhereTheyAre) {
  const Factors f = factors(configured({{"emissions-factor", "FR"}}));
  EXPECT_EQ(f.emissions_kg_per_kWh, country_figure(CountryTable::grid_intensity, "FR")->value / 1000);
  EXPECT_TRUE(f.emissions_source.starts_with("France 2024, Ember, ")) << f.emissions_source;
  EXPECT_TRUE(f.emissions_source.ends_with("; command line")) << f.emissions_source;
  const Factors paid = factors(configured({{"price-factor", "Italy"}}));
  EXPECT_EQ(paid.price_cent_per_kWh, 32.74);
  EXPECT_EQ(paid.price_source, "Italy 2024 first half, Eurostat, households, all taxes included; command line");
  EXPECT_EQ(factors(configured({{"price-factor", "FR"}, {"price-factor", "12"}})).price_source, "command line");
  // A number later on replaces it whole.
  EXPECT_EQ(factors(configured({{"emissions-factor", "FR"}, {"emissions-factor", "0.5"}})).emissions_source, "command line");
}

TEST(Factors, OfASeriesNeedTheRun) {
  test::Tree tree;
  tree.file("grid.csv", "t,g/kWh\n1795348800,100\n1795352400,300\n");
  const auto choice = FactorChoice::of(configured({{"emissions-factor", tree.at("grid.csv").string()}}), Layer::command_line);
  ASSERT_TRUE(choice) << choice.error().what;
  EXPECT_TRUE(choice->folds());
  const auto begun = choice->at(noon + 1);
  ASSERT_TRUE(begun);
  EXPECT_DOUBLE_EQ(begun->emissions_kg_per_kWh, 0.1);
  EXPECT_NE(begun->emissions_source.find("as the run began"), std::string::npos);
  const auto too_early = choice->at(noon - 1);
  ASSERT_FALSE(too_early);
  EXPECT_NE(too_early.error().what.find("tells no factor for 2026-11-22T11:59:59"), std::string::npos);
  int loaded = 0;
  const auto load = [&]() -> Result<perun::Run> {
    ++loaded;
    perun::Run run;
    run.begin = {second, noon + 900 * second};
    run.end = {1801 * second, noon + 2700 * second};
    run.outcome.finished = true;
    run.nodes.emplace_back().clock = {run.begin, run.end};
    return run;
  };
  const auto replaced = choice->replace(Factors{}, load);
  ASSERT_TRUE(replaced);
  EXPECT_EQ(loaded, 1);
  EXPECT_NEAR(replaced->emissions_kg_per_kWh, 0.1, 1e-12);
  EXPECT_EQ(replaced->price_source, "default");
  const auto none = FactorChoice::of(configured({}), Layer::command_line);
  ASSERT_TRUE(none && none->replace(Factors{}, load));
  EXPECT_EQ(loaded, 1);
  EXPECT_FALSE(FactorChoice::of(configured({{"price-factor", tree.at("grid.csv").string()}}), Layer::command_line));
  EXPECT_FALSE(FactorChoice::of(configured({{"price-factor", "/gone.csv"}}), Layer::command_line));
}

}  // namespace
}  // namespace perun
