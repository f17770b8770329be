// SPDX-License-Identifier: BSD-3-Clause
#include "cli/session.hpp"

#include <gtest/gtest.h>

namespace perun {
namespace {

constexpr Moment at{1'000'000, 500'000'000};

TEST(Session, TheCallersEndIsTakenWithItsOwnTime) {
  const auto ending = ending_from(
      R"({"end": {"mono_ns": 999000, "exit_code": 3, "user_s": 1.5, "system_s": 0.25, "max_rss_bytes": 4096}, "more": 1})", at);
  EXPECT_EQ(ending.at, (Moment{999'000, 499'999'000}));
  EXPECT_EQ(ending.outcome,
            (Outcome{.finished = true, .exit_code = 3, .user_s = 1.5, .system_s = 0.25, .max_rss_bytes = 4096}));
}

TEST(Session, AnEndInTheFutureIsNow) {
  const auto ending =
      ending_from(R"({"end": {"mono_ns": 1000001, "exit_code": 0, "user_s": 0, "system_s": 0, "max_rss_bytes": 0}})", at);
  EXPECT_EQ(ending.at, at);
}

TEST(Session, WhatIsNoEndInterruptsTheRun) {
  for (const char* line :
       {"", "end", "[]", "{}", "null", "\xff", R"({"end": 1})", R"({"end": {"mono_ns": "x"}})", R"({"end": {"mono_ns": 1}})"}) {
    const auto ending = ending_from(line, at);
    EXPECT_FALSE(ending.outcome.finished) << line;
    EXPECT_EQ(ending.outcome.interrupted_by, "the program said something that perun does not understand");
    EXPECT_EQ(ending.at, at);
  }
}

}  // namespace
}  // namespace perun
