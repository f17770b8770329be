// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "base/crc32c.hpp"
#include "base/text.hpp"
#include "base/units.hpp"

namespace perun {
namespace {

TEST(Units, SiKeepsFourDigitsFromMicrojoulesToGigajoules) {
  EXPECT_EQ(units::si(1e-5, "J"), "10.00 uJ");
  EXPECT_EQ(units::si(0.4, "J"), "400.0 mJ");
  EXPECT_EQ(units::si(3200, "J"), "3.200 kJ");
  EXPECT_EQ(units::si(2146.7e3, "J"), "2.147 MJ");
  EXPECT_EQ(units::si(1e10, "J"), "10.00 GJ");
  EXPECT_EQ(units::si(27e-6, "g"), "27.00 ug");
  EXPECT_EQ(units::si(0, "J"), "0 J");
  EXPECT_EQ(units::si(-1234, "W"), "-1.234 kW");
  EXPECT_EQ(units::si(0.0 / 0.0, "W"), "n/a");
}

TEST(Units, RoundingCarriesIntoTheNextPrefix) {
  EXPECT_EQ(units::si(999.96, "J"), "1.000 kJ");
  EXPECT_EQ(units::si(999.94, "J"), "999.9 J");
  EXPECT_EQ(units::significant(9.9999), "10.00");
  EXPECT_EQ(units::significant(123456), "123500");
}

TEST(Units, DurationReadsLikeAClockAboveAMinute) {
  EXPECT_EQ(units::duration(0.00123), "1.230 ms");
  EXPECT_EQ(units::duration(59.999), "1 min 0.0 s");
  EXPECT_EQ(units::duration(1250), "20 min 50.0 s");
  EXPECT_EQ(units::duration(3599.99), "1 h 00 min 00 s");
  EXPECT_EQ(units::duration(10931), "3 h 02 min 11 s");
}

TEST(Units, ParsesDurationsFrequenciesAndQuantities) {
  EXPECT_EQ(*units::parse_duration_ns("10ms"), 10'000'000);
  EXPECT_EQ(*units::parse_duration_ns("2m"), 120'000'000'000);
  EXPECT_EQ(*units::parse_duration_ns("1.5"), 1'500'000'000);
  EXPECT_FALSE(units::parse_duration_ns("-1s"));
  EXPECT_FALSE(units::parse_duration_ns("ms"));
  EXPECT_DOUBLE_EQ(*units::parse_frequency_hz("100Hz"), 100);
  EXPECT_DOUBLE_EQ(*units::parse_frequency_hz(" 0.1 "), 0.1);
  EXPECT_DOUBLE_EQ(*units::parse_frequency_hz("1kHz"), 1000);
  EXPECT_FALSE(units::parse_frequency_hz("1e999"));
  EXPECT_FALSE(units::parse_frequency_hz("json"));
  EXPECT_DOUBLE_EQ(*units::parse_quantity("1.5kW", "W"), 1500);
  EXPECT_FALSE(units::parse_quantity("1e308kW", "W")) << "more than a double holds";
  EXPECT_DOUBLE_EQ(*units::parse_quantity("25 W", "W"), 25);
  EXPECT_FALSE(units::parse_quantity("W", "W"));
}

TEST(Units, TimesAreUtcWithMilliseconds) {
  EXPECT_EQ(units::iso8601(1'795'370'651'123'456'789), "2026-11-22T18:04:11.123Z");
  EXPECT_EQ(units::iso8601(-1), "1969-12-31T23:59:59.999Z");
}

TEST(Text, NumbersMustBeWhole) {
  EXPECT_EQ(text::number("0.355"), 0.355);
  EXPECT_EQ(text::number("+2"), 2.0);
  EXPECT_FALSE(text::number("0.355abc"));
  EXPECT_FALSE(text::number(""));
  EXPECT_FALSE(text::number("nan"));
  EXPECT_FALSE(text::number("+-1"));
  EXPECT_EQ(text::integer("9223372036854775807"), 9223372036854775807LL);
  EXPECT_FALSE(text::integer("9223372036854775808"));
}

TEST(Text, SuggestsTheNearestWordOnlyWhenItIsNear) {
  constexpr std::array<std::string_view, 3> words{"json", "yaml", "txt"};
  EXPECT_EQ(text::nearest("jsn", words), "json");
  EXPECT_EQ(text::nearest("YMAL", words), "yaml");
  EXPECT_FALSE(text::nearest("postscript", words));
  EXPECT_EQ(text::did_you_mean("jsno", words), "; did you mean 'json'?");
}

TEST(Text, GlobMatchesTheWhole) {
  EXPECT_TRUE(text::glob("rapl:*", "rapl:package-0"));
  EXPECT_TRUE(text::glob("*dram", "rapl:package-0:dram"));
  EXPECT_TRUE(text::glob("cpu?", "cpu0"));
  EXPECT_FALSE(text::glob("rapl", "rapl:package-0"));
  EXPECT_FALSE(text::glob("*x*y", "xyz"));
  EXPECT_TRUE(text::glob("", ""));
}

TEST(Text, ShellQuoteReadsBack) {
  const std::vector<std::string> words{"a b", "", "it's", "x=1", "[1,2]"};
  EXPECT_EQ(text::shell_quote(words), "'a b' '' 'it'\\''s' x=1 '[1,2]'");
}

TEST(Text, Utf8IsRepairedByteByByte) {
  EXPECT_TRUE(text::is_utf8("Württemberg €"));
  EXPECT_FALSE(text::is_utf8("\xC0\x80"));
  EXPECT_FALSE(text::is_utf8("\xED\xA0\x80"));
  EXPECT_EQ(text::to_utf8("a\xFF"
                          "b"),
            "a\xEF\xBF\xBD"
            "b");
}

TEST(Crc32c, MatchesTheKnownVectorsOfRfc3720) {
  const auto crc = [](const std::string& s) { return crc32c(std::as_bytes(std::span(s))); };
  EXPECT_EQ(crc(std::string(32, '\0')), 0x8A9136AAU);
  EXPECT_EQ(crc(std::string(32, '\xFF')), 0x62A8AB43U);
  EXPECT_EQ(crc("123456789"), 0xE3069283U);
  const std::string all = "123456789";
  EXPECT_EQ(crc32c(std::as_bytes(std::span(all)).subspan(4), crc("1234")), 0xE3069283U);
}

}  // namespace
}  // namespace perun
