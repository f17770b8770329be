// SPDX-License-Identifier: BSD-3-Clause
#include "backends/rocm_smi.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "base/missing.hpp"

namespace perun {

namespace {

/// "0000:c1:00.0" of domain << 32 | bus << 8 | device << 3 | function.
std::string address_of(std::uint64_t bdf) {
  return fmt::format("{:04x}:{:02x}:{:02x}.{}", bdf >> 32, bdf >> 8 & 0xFF, bdf >> 3 & 0x1F, bdf & 7);
}

std::int64_t plausible(std::uint64_t value) noexcept {
  return value > static_cast<std::uint64_t>(INT64_MAX) ? missing : static_cast<std::int64_t>(value);
}

}  // namespace

std::unique_ptr<RocmSmi> RocmSmi::open(const Host& host) {
  std::unique_ptr<RocmSmi> smi(new RocmSmi());
  for (const auto* name : {"librocm_smi64.so.7", "librocm_smi64.so.6", "librocm_smi64.so.5", "librocm_smi64.so.1"})
    if (!smi->library_) smi->library_ = host.library(name);
  const Library& l = smi->library_;
  l.find("rsmi_init", smi->init_);
  l.find("rsmi_shut_down", smi->shut_down_);
  l.find("rsmi_num_monitor_devices", smi->count_);
  l.find("rsmi_dev_pci_id_get", smi->address_);
  l.find("rsmi_dev_energy_count_get", smi->energy_);
  l.find("rsmi_dev_power_get", smi->power_);
  l.find("rsmi_dev_power_ave_get", smi->mean_power_);
  const bool whole = smi->init_ != nullptr && smi->shut_down_ != nullptr && smi->count_ != nullptr && smi->address_ != nullptr;
  if (whole && smi->init_(0) == 0) return smi;
  smi->shut_down_ = nullptr;
  return nullptr;
}

RocmSmi::~RocmSmi() {
  if (shut_down_ != nullptr) shut_down_();
}

std::optional<std::uint32_t> RocmSmi::find(std::string_view address) const {
  std::uint32_t count = 0;
  if (count_(&count) != 0) return std::nullopt;
  for (std::uint32_t i = 0; i < std::min(count, 1024U); ++i) {
    std::uint64_t bdf = 0;
    if (address_(i, &bdf) == 0 && address_of(bdf) == address) return i;
  }
  return std::nullopt;
}

std::int64_t RocmSmi::energy(std::uint32_t card) const noexcept {
  std::uint64_t steps = 0, time_ns = 0;
  float microjoules = 0;  // said to be 15.3, which is the step rounded
  return energy_ != nullptr && energy_(card, &steps, &microjoules, &time_ns) == 0 ? plausible(steps) : missing;
}

std::int64_t RocmSmi::power_mW(std::uint32_t card) const noexcept {
  constexpr int no_type = -1;  // RSMI_INVALID_POWER is all ones
  std::uint64_t microwatts = 0;
  int type = no_type;
  if (power_ != nullptr && power_(card, &microwatts, &type) == 0 && type != no_type) return plausible(microwatts / 1000);
  if (mean_power_ != nullptr && mean_power_(card, 0, &microwatts) == 0) return plausible(microwatts / 1000);
  return missing;
}

}  // namespace perun
