// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace perun {

/// GPUs whose power is to be made up since nothing tells it, as the user describes them.
struct GpuEstimate {
  int count = 0;          ///< GPUs of the node, measured ones included; 0: as many as its PCI bus shows
  std::string name = {};  ///< "A100"; empty: only a power was given
  double idle_W = 0, max_W = 0;
  std::optional<double> load = {};  ///< 0..1, as given; empty: what the driver tells, else half
};

/// "gpu=A100", "gpu=300W", with a number of GPUs before ("gpu=4xT4") and a mean load behind ("gpu=300W@70%") if wanted. A model
/// has idle and greatest power by a table (Cloud Carbon Footprint); of a power 11.5 % are taken for idle, as that table has it.
[[nodiscard]] Result<GpuEstimate> parse_gpu_estimate(std::string_view text);

}  // namespace perun
