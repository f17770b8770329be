// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace perun {

/// A row of share/data/cpu_tdp.csv.
struct CpuModel {
  std::string_view name;
  double tdp_W = 0;
};

/// A processor's name without what makers and kernels put around it:
/// "Intel(R) Xeon(R) Gold 6248 CPU @ 2.50GHz" and "Intel Xeon Gold 6248" are both "xeon gold 6248".
[[nodiscard]] std::string plain_cpu_name(std::string_view name);

/// The model that /proc/cpuinfo names; only the whole name counts. The table is part of the program.
[[nodiscard]] std::optional<CpuModel> find_cpu_model(std::string_view cpuinfo_name);

}  // namespace perun
