// SPDX-License-Identifier: BSD-3-Clause
#include "backends/nvml_api.hpp"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <filesystem>
#include <system_error>

#include "base/missing.hpp"

namespace perun::nvml {

std::optional<Api> load(const Host& host) {
  Api api;
  std::error_code failed;
  api.library = host.library("libnvidia-ml.so.1");
  if (!api.library && std::filesystem::exists(host.at_dev("dxg"), failed))  // Windows' Linux has it elsewhere
    api.library = host.library("/usr/lib/wsl/lib/libnvidia-ml.so.1");
  if (!api.library) return std::nullopt;
  const auto need = [&](const char* name, auto& function) {
    api.library.find(name, function);
    if (function == nullptr && api.missing.empty()) api.missing = name;
  };
  need("nvmlInit_v2", api.init);
  need("nvmlShutdown", api.shut_down);
  need("nvmlDeviceGetCount_v2", api.count);
  need("nvmlDeviceGetHandleByIndex_v2", api.handle_by_index);
  const Library& l = api.library;
  l.find("nvmlDeviceGetHandleByPciBusId_v2", api.handle_by_pci);
  l.find("nvmlSystemGetDriverVersion", api.driver_version);
  l.find("nvmlDeviceGetName", api.name);
  l.find("nvmlDeviceGetUUID", api.uuid);
  l.find("nvmlDeviceGetPciInfo_v3", api.pci);
  l.find("nvmlDeviceGetArchitecture", api.architecture);
  l.find("nvmlDeviceGetPowerUsage", api.power_usage);
  l.find("nvmlDeviceGetTotalEnergyConsumption", api.energy);
  l.find("nvmlDeviceGetEnforcedPowerLimit", api.power_limit);
  l.find("nvmlDeviceGetFieldValues", api.fields);
  l.find("nvmlDeviceGetUtilizationRates", api.utilization);
  l.find("nvmlDeviceGetMemoryInfo", api.memory);
  l.find("nvmlDeviceGetClockInfo", api.clock);
  l.find("nvmlDeviceGetTemperature", api.temperature);
  l.find("nvmlDeviceGetCurrentClocksThrottleReasons", api.throttle_reasons);
  l.find("nvmlDeviceGetMigMode", api.mig_mode);
  l.find("nvmlDeviceGetMaxMigDeviceCount", api.most_mig);
  l.find("nvmlDeviceGetMigDeviceHandleByIndex", api.mig_by_index);
  return api;
}

std::string meaning(Return status) {
  switch (status) {
    case Return::success:
      return "no error";
    case Return::not_supported:
      return "not supported";
    case Return::no_permission:
      return "no permission";
    case Return::driver_not_loaded:
      return "the driver is not loaded";
    case Return::function_not_found:
      return "the library has no such function";
    case Return::gpu_is_lost:
      return "the GPU is lost (it fell off the bus, or its driver died)";
    case Return::library_mismatch:
      return "library and driver are of different versions";
    default:
      return fmt::format("NVML error {}", static_cast<int>(status));
  }
}

std::int64_t number(const FieldValue& value) noexcept {
  if (value.status != Return::success) return missing;
  const auto from_signed = [](std::int64_t v) { return v < 0 ? missing : v; };
  const auto low = static_cast<std::uint32_t>(value.bits);
  switch (value.type) {
    case 0: {
      const double v = std::bit_cast<double>(value.bits);
      return v >= 0 && v < 9e18 ? std::llround(v) : missing;  // false for NaN
    }
    case 1:
      return low;
    case 2:
    case 3:
      return value.bits > static_cast<std::uint64_t>(INT64_MAX) ? missing : static_cast<std::int64_t>(value.bits);
    case 4:
      return from_signed(static_cast<std::int64_t>(value.bits));
    case 5:
      return from_signed(static_cast<std::int32_t>(low));
    case 6:
      return static_cast<std::uint16_t>(low);
    default:
      return missing;
  }
}

}  // namespace perun::nvml
