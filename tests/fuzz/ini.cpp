// SPDX-License-Identifier: BSD-3-Clause
// Configuration files, and the values in them.
#include <array>
#include <string>

#include "base/text.hpp"
#include "config/config.hpp"
#include "config/ini.hpp"
#include "fuzz/driver.hpp"

namespace perun::fuzz {

namespace {

/// What showconf would write of a value is that value again.
void check_quoting(const std::string& value) {
  if (value.find_first_of("\r\n") != std::string::npos) return;
  const auto again = ini::parse("[s]\nk = " + ini::quote(value), "again");
  check(static_cast<bool>(again), "a quoted value can be read");
  check(again->size() == 1 && again->front().value == value, "a quoted value is read as it was");
}

/// An option that takes a value shows one that it takes again, with the same result.
void check_option(const Option& option, const std::string& value) {
  Config config;
  if (!option.set(config, value)) return;
  const std::string shown = option.get(config);
  Config again;
  check(static_cast<bool>(option.set(again, shown)), option.key);
  check(option.get(again) == shown, option.key);
}

}  // namespace

void one_input(std::string_view input) {
  const auto entries = ini::parse(input, "input");
  if (!entries) return check(text::is_utf8(entries.error().what), "an error can be shown");
  for (const auto& entry : *entries) {
    check(entry.line > 0, "an entry has a place");
    check_quoting(entry.value);
    if (const auto* option = find_option(entry.key)) check_option(*option, entry.value);
  }
}

std::span<const std::string_view> dictionary() {
  static constexpr std::array<std::string_view, 24> words{"[report]\n",
                                                          "[monitor]\n",
                                                          "\npue = ",
                                                          "\nfrequency = ",
                                                          "\nemissions-factor: ",
                                                          "\ndata_out = ",
                                                          "\nname = ",
                                                          "\nbackends = ",
                                                          "\nsensors = ",
                                                          "\nstrict = ",
                                                          "\ncpu-tdp = ",
                                                          "\nrounds = ",
                                                          " # ",
                                                          " ; ",
                                                          "\"",
                                                          "\\\"",
                                                          ",",
                                                          "\r\n",
                                                          "\n  ",
                                                          "\xEF\xBB\xBF",
                                                          "1e308",
                                                          "true",
                                                          "100Hz",
                                                          "sim:sum(a,b)"};
  return words;
}

}  // namespace perun::fuzz
