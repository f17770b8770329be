// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <vector>

#include "model/summary.hpp"

/// What a report says of the parts of a node, in words.
namespace perun::parts_text {

/// Whether a device is a GPU, and no second meter of one.
[[nodiscard]] bool is_gpu(const NodeSummary& node, const DeviceSummary& device);

/// "412.0 J (cpu:0 package, gpu:0); other (fans, disks, losses) 88.00 J"; empty where no meter of the whole node counts.
[[nodiscard]] std::string inside(const NodeSummary& node);

/// "1 of 2 GPUs are visible to this run: 100.0 J of 400.0 J"; empty where that is not known.
[[nodiscard]] std::string visible_gpus(const NodeSummary& node);

/// "GPU 93 %", "GPU memory up to 10 GiB", ...
[[nodiscard]] std::vector<std::string> gpu_activity(const Activity& activity);

}  // namespace perun::parts_text
