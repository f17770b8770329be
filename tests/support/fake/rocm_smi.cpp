// SPDX-License-Identifier: BSD-3-Clause
// A librocm_smi64.so with the cards of FAKE_ROCM: "PCI-ADDRESS WATTS" a line, e.g. "0000:c1:00.0 300". The energy counts
// from the library's first use; nan for WATTS: no power.
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "host/clock.hpp"

namespace {

struct Card {
  unsigned domain, bus, device, function;
  double watts;
};
std::int64_t begin_ns = 0;

std::array<Card, 8> cards;
int read_cards() {
  const char* path = std::getenv("FAKE_ROCM");
  std::FILE* file = path == nullptr ? nullptr : std::fopen(path, "re");
  int n = 0;
  if (file == nullptr) return 0;
  for (Card c{}; n < 8 && std::fscanf(file, "%x:%x:%x.%x %lf", &c.domain, &c.bus, &c.device, &c.function, &c.watts) == 5;)
    cards[static_cast<unsigned>(n++)] = c;
  std::fclose(file);
  return n;
}

}  // namespace

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT int rsmi_init(std::uint64_t) {
  if (begin_ns == 0) begin_ns = perun::monotonic_ns();
  return 0;
}
EXPORT int rsmi_shut_down() {
  return 0;
}
EXPORT int rsmi_num_monitor_devices(std::uint32_t* n) {
  return *n = static_cast<std::uint32_t>(read_cards()), 0;
}
EXPORT int rsmi_dev_pci_id_get(std::uint32_t i, std::uint64_t* bdf) {
  const Card& c = cards[i];
  return *bdf = std::uint64_t{c.domain} << 32 | c.bus << 8 | c.device << 3 | c.function, 0;
}
EXPORT int rsmi_dev_energy_count_get(std::uint32_t i, std::uint64_t* steps, float* microjoules, std::uint64_t* time_ns) {
  const auto now_ns = perun::monotonic_ns();
  const double watts = std::isnan(cards[i].watts) ? 100 : cards[i].watts;
  *steps = static_cast<std::uint64_t>(watts * static_cast<double>(now_ns - begin_ns) * 1e-9 * 0x1p16) + 1;
  *microjoules = 15.3F;
  *time_ns = static_cast<std::uint64_t>(now_ns);
  return 0;
}
EXPORT int rsmi_dev_power_get(std::uint32_t i, std::uint64_t* microwatts, int* type) {
  if (std::isnan(cards[i].watts)) return 2;
  *microwatts = static_cast<std::uint64_t>(cards[i].watts * 1e6);
  return *type = 1, 0;
}
