// SPDX-License-Identifier: BSD-3-Clause
// JSON as `perun export` writes it, and as the Python perun did.
#include <array>

#include "analysis/summarize.hpp"
#include "exchange/source.hpp"
#include "fuzz/driver.hpp"
#include "fuzz/memory_file.hpp"

namespace perun::fuzz {

void one_input(std::string_view input) {
  const MemoryFile file(input);
  const auto source = Source::open(file.path());
  if (!source) return check(source.error().what.find(file.path()) != std::string::npos, "a refusal names the file");
  const auto numbers = source->numbers();
  check(static_cast<bool>(numbers), "what was read has numbers");
  for (const int number : *numbers) {
    const auto run = source->load(number);
    check(static_cast<bool>(run), "what is listed is there");
    for (const auto& node : run->nodes) check(node.series.size() == node.sensors.size(), "each sensor has its series");
    static_cast<void>(summarize(*run));
  }
}

std::span<const std::string_view> dictionary() {
  static constexpr std::array<std::string_view, 18> words{"null",          "{}",           "[]",          "[[[[",
                                                          "{\"a\":",       "-1",           "1e400",       "9223372036854775808",
                                                          "\"nan\"",       "{\"hex\":\"f", "\"sensors\"", "\"t_ns\":",
                                                          "\"raw\":",      "\"regions\"",  "\"nodes\"",   "\"raw_data\"",
                                                          "\"mpi_ranks\"", "true"};
  return words;
}

}  // namespace perun::fuzz
