// SPDX-License-Identifier: BSD-3-Clause
#include "cli/when.hpp"

#include <gtest/gtest.h>

namespace perun {
namespace {

constexpr std::int64_t second = 1'000'000'000, day = 86'400 * second, now_ns = 1'795'370'651 * second;

std::int64_t at(std::string_view text, DayEnd end = DayEnd::first) {
  const auto when = parse_when(text, end, now_ns);
  return when ? *when : -1;
}

TEST(When, DatesAndTimesAreUtc) {
  EXPECT_EQ(at("1970-01-01"), 0);
  EXPECT_EQ(at("1970-01-02", DayEnd::last), 2 * day - 1);
  EXPECT_EQ(at("2026-11-22T18:04:11"), now_ns);
  EXPECT_EQ(at("2026-11-22 18:04:11Z", DayEnd::last), now_ns);
  EXPECT_EQ(at("2026-11-22T18:04"), now_ns - 11 * second);
  EXPECT_EQ(at("2024-02-29"), 19'782 * day);
}

TEST(When, LengthsOfTimeCountBackFromNow) {
  EXPECT_EQ(at("7d"), now_ns - 7 * day);
  EXPECT_EQ(at("0.5d"), now_ns - day / 2);
  EXPECT_EQ(at("12h"), now_ns - day / 2);
  EXPECT_EQ(at("30m"), now_ns - 1800 * second);
}

TEST(When, WhatIsNoDate) {
  for (const std::string_view text :
       {"", "yesterday", "2026", "2026-13-01", "2026-02-30", "2026-11-22T25:00", "2026-11-22X18:04", "2026-11-22T18", "12",
        "-1d", "1e9d", "2026-1-2", "22.11.2026", "2026-11-22T18:04:11+01:00"})
    EXPECT_EQ(at(text), -1) << text;
  const auto error = parse_when("soon", DayEnd::first, now_ns).error();
  EXPECT_EQ(error.what, "'soon' is no date");
  EXPECT_NE(error.hint.find("2026-11-22"), std::string::npos);
}

}  // namespace
}  // namespace perun
