// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "backends/nvml_api.hpp"
#include "base/fd.hpp"
#include "base/missing.hpp"
#include "model/run.hpp"

namespace perun::nvml {

/// How a GPU's energy counter behaved while it was watched.
enum class Counter : unsigned char { none, still, counts };

/// One GPU as NVML tells of it.
struct Gpu {
  Device device = nullptr;
  std::uint16_t index = 0;
  std::string name, uuid, bus_id;
  std::vector<std::string> mig = {};  ///< UUIDs of its instances
  bool mig_enabled = false;
  Architecture architecture = {};
  double limit_W = 0;  ///< 0: not told
  Counter counter = Counter::none;
  /// Of the counter, when it was first looked at: what the first reading is, so that no energy since then is lost. Raw value
  /// `missing`: none.
  Reading first = {0, missing, 0};
  double counter_W = 0;  ///< mean power by the counter while it was watched; 0: not known
  bool instant = false;  ///< the field of power now answers
  bool average = false;  ///< the field of the last second's power
  bool memory = false;   ///< the field of its memory's power now answers
  bool usage = false;    ///< power without a word on the time it stands for
  double power_W = 0;
  double module_W = 0;     ///< of the superchip it is part of; 0: it is none
  Fd runtime_status = {};  ///< /sys's word on whether it sleeps; only where it may
};

struct Found {
  std::vector<Gpu> gpus;
  std::vector<BlockedSource> blocked;
  std::string driver;
};

/// NVIDIA's GPUs by /sys: PCI addresses, and those of them that sleep.
struct Sleepers {
  std::vector<std::string> all, asleep;
};
[[nodiscard]] Sleepers find_sleepers(const Host& host);

/// All GPUs that NVML gives out, sleeping ones left out. NVML is initialised. Takes 0.15 s while the counters are watched,
/// 0.35 s where there are superchips.
[[nodiscard]] Found find_gpus(const Host& host, const Api& api, const Sleepers& sleepers);

/// Whether the file says that the device sleeps; asking NVML would wake it.
[[nodiscard]] bool sleeps(const Fd& runtime_status) noexcept;

/// The GPUs that CUDA shows a program with such a CUDA_VISIBLE_DEVICES: numbers, UUIDs or their beginnings, MIG instances
/// in both spellings. As CUDA does, it stops at the first word that names none. One entry per GPU.
[[nodiscard]] std::vector<bool> visible(const std::vector<Gpu>& gpus, std::string_view list);

}  // namespace perun::nvml
