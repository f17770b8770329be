// SPDX-License-Identifier: BSD-3-Clause
// The table of AMD's firmware.
#include <array>

#include "backends/gpu_metrics.hpp"
#include "fuzz/driver.hpp"

namespace perun::fuzz {

void one_input(std::string_view input) {
  const auto m = parse_gpu_metrics({reinterpret_cast<const unsigned char*>(input.data()), input.size()});
  for (const std::int64_t value : {m.energy, m.power_mW, m.boottime_ns})
    check(value == missing || (value >= 0 && m.known), "a number of a known revision, or none");
}

std::span<const std::string_view> dictionary() {
  using namespace std::string_view_literals;
  static constexpr std::array words{"\x78\x00\x01\x03"sv, "\x00\x01\x01\x08"sv, "\x00\x01\x02\x04"sv, "\x08\x01\x03\x00"sv,
                                    "\xff\xff\xff\xff\xff\xff\xff\xff"sv};
  return words;
}

}  // namespace perun::fuzz
