// SPDX-License-Identifier: BSD-3-Clause
// A libze_loader.so.1 with one driver and the cards of FAKE_ZE: "PCI-ADDRESS WATTS card|package|none" a line: which domain of
// power it has. FAKE_ZE_INIT: what zesInit returns.
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "host/clock.hpp"

namespace {

struct Card {
  unsigned domain, bus, device, function;
  double watts;
  char whole[16];
};
std::array<Card, 8> cards;
int count = 0;
std::int64_t begin_ns = 0;

void* handle(int number) {
  return reinterpret_cast<void*>(static_cast<std::uintptr_t>(number));
}
const Card& card(void* of) {
  return cards[reinterpret_cast<std::uintptr_t>(of) % 100 - 1];
}
void read_cards() {
  const char* path = std::getenv("FAKE_ZE");
  std::FILE* file = path == nullptr ? nullptr : std::fopen(path, "re");
  count = 0;
  if (file == nullptr) return;
  for (Card c{}; count < 8 &&
                 std::fscanf(file, "%x:%x:%x.%x %lf %15s", &c.domain, &c.bus, &c.device, &c.function, &c.watts, c.whole) == 6;)
    cards[static_cast<unsigned>(count++)] = c;
  std::fclose(file);
}
template <class T>
void put(void* structure, std::size_t at, T value) {
  std::memcpy(static_cast<char*>(structure) + at, &value, sizeof value);
}

}  // namespace

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT int zesInit(std::uint32_t) {
  read_cards();
  if (begin_ns == 0) begin_ns = perun::monotonic_ns();
  const char* status = std::getenv("FAKE_ZE_INIT");
  if (status != nullptr) return static_cast<int>(std::strtoul(status, nullptr, 0));
  return count > 0 ? 0 : 0x78000001;
}
EXPORT int zesDriverGet(std::uint32_t* n, void** to) {
  if (to != nullptr) *to = handle(1);
  return *n = 1, 0;
}
EXPORT int zesDeviceGet(void*, std::uint32_t* n, void** to) {
  for (int i = 0; to != nullptr && i < count; ++i) to[i] = handle(i + 1);
  return *n = static_cast<std::uint32_t>(count), 0;
}
EXPORT int zesDeviceGetProperties(void*, void* properties) {
  std::int32_t kind = 0;
  std::memcpy(&kind, properties, sizeof kind);
  if (kind != 1) return 0x78000004;
  std::strcpy(static_cast<char*>(properties) + 16 + 112, "Data Center GPU Max 1100");
  return 0;
}
EXPORT int zesDevicePciGetProperties(void* device, void* properties) {
  const Card& c = card(device);
  put(properties, 16, c.domain);
  put(properties, 20, c.bus);
  put(properties, 24, c.device);
  put(properties, 28, c.function);
  return 0;
}
EXPORT int zesDeviceGetCardPowerDomain(void* device, void** power) {
  if (std::strcmp(card(device).whole, "card") != 0) return 0x78000003;
  return *power = handle(static_cast<int>(reinterpret_cast<std::uintptr_t>(device)) + 100), 0;
}
EXPORT int zesDeviceEnumPowerDomains(void* device, std::uint32_t* n, void** to) {
  if (std::strcmp(card(device).whole, "none") == 0) return *n = 0, 0;
  const int number = static_cast<int>(reinterpret_cast<std::uintptr_t>(device));
  if (to != nullptr && *n >= 2) to[0] = handle(number + 200), to[1] = handle(number + 300);  // a tile, then the package
  return *n = 2, 0;
}
EXPORT int zesPowerGetProperties(void* power, void* properties) {
  put(properties, 16, static_cast<unsigned char>(reinterpret_cast<std::uintptr_t>(power) / 100 == 2));
  return 0;
}
/// A tile uses a tenth.
EXPORT int zesPowerGetEnergyCounter(void* power, void* energy) {
  const auto number = reinterpret_cast<std::uintptr_t>(power) / 100;
  read_cards();
  if (count == 0) return 0x70000001;
  const double s = static_cast<double>(perun::monotonic_ns() - begin_ns) * 1e-9;
  put(energy, 0, static_cast<std::uint64_t>(card(power).watts * (number == 2 ? 0.1 : 1) * s * 1e6) + 1);
  put(energy, 8, static_cast<std::uint64_t>(s * 1e6));
  return 0;
}
