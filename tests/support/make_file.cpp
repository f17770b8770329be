// SPDX-License-Identifier: BSD-3-Clause
// Writes a data file whose every number is known, for readers of other programs: make_file FILE.
#include <cstdio>

#include "store/store.hpp"
#include "support/sample_run.hpp"

namespace {

perun::Run known_run(std::size_t ticks) {
  perun::Run run = perun::test::sample_run(2, ticks);
  auto& node = run.nodes[0];
  perun::Sensor gauge;
  gauge.id = "nvml:gpu-0";
  gauge.label = "gpu:0";
  gauge.source = "nvml";
  gauge.quantity = perun::Quantity::power;
  gauge.behavior = perun::Behavior::gauge;
  gauge.domain = perun::Domain::gpu;
  gauge.scale = 1e-3;
  gauge.counted = true;
  perun::test::add_sensor(node, gauge, ticks, 0, 1'000, 5'000);  // 0 W, 1 W, 2 W ...
  node.series[2].raw[1] = perun::missing;
  perun::Sensor slow = gauge;
  slow.id = "ipmi:node";
  slow.counted = false;
  perun::test::add_sensor(node, slow, 2, 250'000, 1'000, 0);
  return run;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  for (const std::size_t ticks : {4, 3'000}) {
    const auto added = perun::append_run(argv[1], known_run(ticks), perun::test::sample_summary());
    if (!added) {
      std::fprintf(stderr, "%s\n", added.error().what.c_str());
      return 1;
    }
  }
  return 0;
}
