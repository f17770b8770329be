// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "host/host.hpp"

/// The binary interface of libnvidia-ml.so.1 as far as perun uses it: numbers and layouts of NVIDIA's NVML reference (NVML
/// 13). Nothing here does more than NVML itself.
namespace perun::nvml {

struct OpaqueDevice;
using Device = OpaqueDevice*;

enum class Return : int {
  success = 0,
  not_supported = 3,
  no_permission = 4,
  insufficient_size = 7,
  driver_not_loaded = 9,
  function_not_found = 13,
  gpu_is_lost = 15,
  library_mismatch = 18,
};

enum class Field : unsigned { power_average = 185, power_instant = 186 };
enum class Scope : unsigned { gpu = 0, module = 1, memory = 2 };
enum class Architecture : unsigned { pascal = 4, volta = 5, turing = 6, ampere = 7, ada = 8, hopper = 9, blackwell = 10 };

struct PciInfo {
  std::array<char, 16> bus_id_legacy;
  std::uint32_t domain, bus, device, device_id, subsystem_id;
  std::array<char, 32> bus_id;
};
static_assert(sizeof(PciInfo) == 68);

/// One of many values asked for in one call.
struct FieldValue {
  Field field;
  Scope scope;
  std::int64_t timestamp_us, latency_us;
  std::int32_t type;
  Return status;
  std::uint64_t bits;
};
static_assert(sizeof(FieldValue) == 40);

struct Utilization {
  std::uint32_t gpu_percent, memory_percent;
};
struct Memory {
  std::uint64_t total, free, used;
};

/// What stopped a GPU from running at its clock, as bits.
inline constexpr std::uint64_t idle_bit = 0x1, power_cap_bit = 0x4, hardware_bits = 0x8 | 0x40 | 0x80, thermal_bit = 0x20;

/// The functions; all but the first four may be missing in a library.
struct Api {
  Return (*init)() = nullptr;
  Return (*shut_down)() = nullptr;
  Return (*count)(unsigned*) = nullptr;
  Return (*handle_by_index)(unsigned, Device*) = nullptr;
  Return (*handle_by_pci)(const char*, Device*) = nullptr;
  Return (*driver_version)(char*, unsigned) = nullptr;
  Return (*name)(Device, char*, unsigned) = nullptr;
  Return (*uuid)(Device, char*, unsigned) = nullptr;
  Return (*pci)(Device, PciInfo*) = nullptr;
  Return (*architecture)(Device, Architecture*) = nullptr;
  Return (*power_usage)(Device, unsigned*) = nullptr;
  Return (*energy)(Device, unsigned long long*) = nullptr;
  Return (*power_limit)(Device, unsigned*) = nullptr;
  Return (*fields)(Device, int, FieldValue*) = nullptr;
  Return (*utilization)(Device, Utilization*) = nullptr;
  Return (*memory)(Device, Memory*) = nullptr;
  Return (*clock)(Device, int, unsigned*) = nullptr;
  Return (*temperature)(Device, int, unsigned*) = nullptr;
  Return (*throttle_reasons)(Device, unsigned long long*) = nullptr;
  Return (*mig_mode)(Device, unsigned*, unsigned*) = nullptr;
  Return (*most_mig)(Device, unsigned*) = nullptr;
  Return (*mig_by_index)(Device, unsigned, Device*) = nullptr;
  Library library = {};
  std::string missing = {};  ///< one of the first four that the library lacks; empty: all are there
};

/// The library of this machine; nothing where there is none.
[[nodiscard]] std::optional<Api> load(const Host& host);

/// Calls what may not be there.
template <class F, class... A>
[[nodiscard]] Return call(F* function, A... arguments) noexcept {
  return function == nullptr ? Return::function_not_found : function(arguments...);
}

/// What an error means: "the driver is not loaded".
[[nodiscard]] std::string meaning(Return status);

/// The number in a field's answer, whatever its type; `missing` for errors, negative values and what is no number.
[[nodiscard]] std::int64_t number(const FieldValue& value) noexcept;

}  // namespace perun::nvml
