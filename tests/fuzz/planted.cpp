// SPDX-License-Identifier: BSD-3-Clause
// A parser with a fault behind two conditions: the driver must find it (tests/fuzz/finds_planted.sh).
#include <array>

#include "fuzz/driver.hpp"

namespace perun::fuzz {

void one_input(std::string_view input) {
  const auto at = input.find("range=18446744073709551616");
  check(at == std::string_view::npos, "the planted fault");
}

std::span<const std::string_view> dictionary() {
  static constexpr std::array<std::string_view, 1> words{"range="};
  return words;
}

}  // namespace perun::fuzz
