// SPDX-License-Identifier: BSD-3-Clause
// The parts of a job of many nodes, as their sampling processes would have left them:
//   job_parts DATA_OUT NODES RANKS_PER_NODE SENSORS SECONDS     one reading of each sensor a second, some 100 W each
// for bench/jobs.py, which has them joined.
#include <fmt/format.h>

#include <cstdlib>
#include <vector>

#include "journal/job_folder.hpp"
#include "journal/journal.hpp"

namespace {

using namespace perun;

constexpr std::int64_t second = 1'000'000'000, wall = 1'800'000'000 * second;

Run run_of(int node, int sensors) {
  Run run;
  run.id = "20261125T000000-0000000000000000";
  run.app = "many";
  run.command = {"./many"};
  run.frequency_hz = 1;
  NodeRecord record;
  record.host = fmt::format("n{:05}", node);
  for (int i = 0; i < sensors; ++i) {
    Sensor s{.id = fmt::format("s{}", i), .label = fmt::format("sensor {}", i), .source = "bench"};
    s.scale = 1e-6;
    s.counted = true;
    record.sensors.push_back(s);
  }
  run.nodes.push_back(std::move(record));
  return run;
}

Status write_part(const std::filesystem::path& folder, int node, int nodes, int ranks, int sensors, int seconds) {
  const Run run = run_of(node, sensors);
  const journal::Part part{.job = {.launcher = "slurm", .key = "many", .size = nodes * ranks, .ranks = {}, .scheduler = {}},
                           .node_id = run.nodes[0].host,
                           .boot_id = run.nodes[0].host,
                           .segment = 0,
                           .clock_error_s = 0.001,
                           .local_size = ranks};
  const auto path = journal::part_path(folder, part.node_id, 0);
  auto writer = journal::Writer::create_at(path, run, {}, &part);
  if (!writer) return writer.error();
  const auto at = [&](std::int64_t s) { return Moment{(1000 + node + s) * second, wall + s * second}; };
  writer->clock(at(0));
  std::vector<journal::Sample> samples;
  for (int t = 0; t <= seconds; ++t) {
    samples.clear();
    for (int i = 0; i < sensors; ++i)
      samples.push_back({static_cast<std::uint32_t>(i), {at(t).mono_ns + i * 3'000, t * 100'000'000LL + (t * 7919LL + i) % 1'000'000, 1'500}});
    writer->samples(samples);
    if (t % 60 == 59)
      if (const auto ok = writer->flush(); !ok) return ok;
  }
  for (int r = 0; r < ranks; ++r)
    writer->rank({.rank = node * ranks + r, .status = RankStatus::ok, .pid = 100 + r, .begin = at(0), .end = at(seconds)});
  writer->clock(at(seconds));
  writer->end();
  if (const auto ok = writer->flush(); !ok) return ok;
  const auto ended = journal::end_part(path, ranks);
  return ended ? Status(Ok{}) : ended.error();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) return fmt::print(stderr, "usage: job_parts DATA_OUT NODES RANKS_PER_NODE SENSORS SECONDS\n"), 2;
  const int nodes = std::atoi(argv[2]), ranks = std::atoi(argv[3]), sensors = std::atoi(argv[4]), seconds = std::atoi(argv[5]);
  const auto folder = journal::enter_job(argv[1], "many", 0);
  if (!folder) return fmt::print(stderr, "{}\n", folder.error().what), 1;
  for (int node = 0; node < nodes; ++node)
    if (const auto ok = write_part(folder->path, node, nodes, ranks, sensors, seconds); !ok)
      return fmt::print(stderr, "{}\n", ok.error().what), 1;
  return 0;
}
