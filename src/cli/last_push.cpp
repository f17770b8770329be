// SPDX-License-Identifier: BSD-3-Clause
#include "cli/last_push.hpp"

#include <fmt/format.h>

#include "base/text.hpp"
#include "cli/pusher.hpp"
#include "live/otlp.hpp"
#include "version.hpp"

namespace perun {

namespace {

constexpr int patience_ms = 15'000;

}  // namespace

std::string otlp_of(const RunSummary& run) {
  live::RunView view;
  view.id = run.id;
  view.app = run.app;
  view.begin_real_ns = run.begin_real_ns;
  view.kind = run.usage.energy.kind;
  view.joules = run.usage.energy.joules();
  if (run.footprint) view.co2e_kg = run.footprint->co2e_kg;
  for (const NodeSummary& node : run.nodes) {
    live::NodeView& seen = view.nodes.emplace_back();
    seen.host = node.host;
    seen.kind = node.usage.energy.kind;
    seen.joules = node.usage.energy.joules();
    for (const DeviceSummary& device : node.devices) {
      live::DeviceView& meter = view.devices.emplace_back();
      meter.node = view.nodes.size() - 1;
      meter.id = device.id;
      meter.label = device.label;
      meter.domain = device.domain;
      meter.kind = device.usage.energy.kind;
      meter.counted = device.counted && meter.kind != Kind::unavailable;
      meter.joules = device.usage.energy.joules();
    }
  }
  return live::otlp_request(view, version, run.end_real_ns);
}

Status push_runs(const std::string& url, std::span<const RunSummary> runs) {
  auto pusher = Pusher::start(url);
  if (!pusher) return pusher.error();
  for (const RunSummary& run : runs) pusher->queue(otlp_of(run));
  if (pusher->finish(patience_ms)) return Ok{};
  return Error{Errc::busy, fmt::format("{} did not take the metrics within {} s", text::printable(url), patience_ms / 1000),
               "the run itself is stored as ever"};
}

}  // namespace perun
