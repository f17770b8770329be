// SPDX-License-Identifier: BSD-3-Clause
#include "report/parts_text.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "report/layout.hpp"
#include "report/wording.hpp"

namespace perun::parts_text {

bool is_gpu(const NodeSummary& node, const DeviceSummary& device) {
  if (device.domain != Domain::gpu) return false;
  return std::none_of(node.devices.begin(), node.devices.end(),
                      [&](const auto& d) { return d.id == device.part_of && d.domain == Domain::gpu; });
}

std::string inside(const NodeSummary& node) {
  if (!node.inside) return "";
  constexpr std::size_t most = 8;
  const auto& ids = node.inside->devices;
  std::string labels;
  for (const auto& d : node.devices)
    if (std::find(ids.begin(), ids.end(), d.id) != ids.end())
      labels += (labels.empty() ? "" : ", ") + layout::printable(d.label);
  if (ids.size() > most) labels = fmt::format("{} sensors", ids.size());
  return fmt::format("{} ({}); other (fans, disks, losses) {}", wording::joules(node.inside->joules), labels,
                     wording::joules(node.usage.energy.joules() - node.inside->joules));
}

std::string visible_gpus(const NodeSummary& node) {
  if (!node.gpus_visible) return "";
  const VisibleGpus& gpus = *node.gpus_visible;
  return fmt::format("{} of {} GPUs are visible to this run: {} of {}", gpus.gpus, gpus.gpus_of_node,
                     wording::joules(gpus.joules), wording::joules(gpus.joules_of_node));
}

std::vector<std::string> gpu_activity(const Activity& a) {
  std::vector<std::string> out;
  if (a.gpu_utilization) out.push_back("GPU " + wording::percent(*a.gpu_utilization));
  if (a.gpu_memory_used_max_bytes) out.push_back("GPU memory up to " + wording::bytes(*a.gpu_memory_used_max_bytes));
  if (a.gpu_temperature_max_C) out.push_back(fmt::format("GPUs up to {:.0f} degrees C", *a.gpu_temperature_max_C));
  if (a.gpu_power_capped.value_or(0) > 0)
    out.push_back("GPUs held back by their power limit " + wording::percent(*a.gpu_power_capped) + " of the time");
  if (a.gpu_slowed.value_or(0) > 0)
    out.push_back("GPUs slowed down for heat or by hardware " + wording::percent(*a.gpu_slowed) + " of the time");
  return out;
}

}  // namespace perun::parts_text
