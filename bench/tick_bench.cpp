// SPDX-License-Identifier: BSD-3-Clause
// The cost of one sample: perun's RAPL backend over 20 counters against the least that reading them can cost, a bare
// loop of clock, pread, clock over the same files.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "backends/backend.hpp"
#include "base/fd.hpp"
#include "host/sysfs.hpp"
#include "sampling/ring.hpp"
#include "sampling/sampler.hpp"
#include "support/tree.hpp"

namespace {

constexpr int zones = 20;

/// A machine of twenty sockets.
class Machine {
 public:
  Machine() {
    for (int i = 0; i < zones; ++i) {
      const std::string zone = "sys/class/powercap/intel-rapl:" + std::to_string(i) + "/";
      tree_.file(zone + "name", "package-" + std::to_string(i) + "\n")
          .file(zone + "energy_uj", "123456789012\n")
          .file(zone + "max_energy_range_uj", "262143328850\n");
      files_.push_back(perun::sysfs::open(tree_.at(zone + "energy_uj")));
    }
  }
  [[nodiscard]] perun::Host host() const { return tree_.host(); }
  [[nodiscard]] const std::vector<perun::Fd>& files() const { return files_; }

 private:
  perun::test::Tree tree_;
  std::vector<perun::Fd> files_;
};

std::unique_ptr<perun::Backend> rapl(const perun::Host& host) {
  for (const auto* info : perun::backends())
    if (info->name == "rapl") {
      auto probe = info->probe({.host = host, .argument = {}});
      return std::move(std::get<std::unique_ptr<perun::Backend>>(probe));
    }
  return nullptr;
}

void bare_loop(benchmark::State& state) {
  const Machine machine;
  char buffer[64];
  for (auto _ : state) {
    for (const auto& file : machine.files()) {
      benchmark::DoNotOptimize(perun::monotonic_ns());
      benchmark::DoNotOptimize(::pread(file.get(), buffer, sizeof buffer, 0));
    }
    benchmark::DoNotOptimize(perun::monotonic_ns());
  }
  state.SetItemsProcessed(state.iterations() * zones);
}
BENCHMARK(bare_loop);

void rapl_read(benchmark::State& state) {
  const Machine machine;
  const auto backend = rapl(machine.host());
  std::vector<perun::Reading> out(backend->sensors().size());
  for (auto _ : state) {
    backend->read(out);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetItemsProcessed(state.iterations() * zones);
}
BENCHMARK(rapl_read);

void ring_push_and_drain(benchmark::State& state) {
  perun::SpscRing<perun::RingSample> ring(1024);
  const std::vector<perun::RingSample> tick(zones);
  for (auto _ : state) {
    ring.push(tick);
    ring.drain([](std::span<const perun::RingSample> some) { benchmark::DoNotOptimize(some.data()); });
  }
  state.SetItemsProcessed(state.iterations() * zones);
}
BENCHMARK(ring_push_and_drain);

}  // namespace

BENCHMARK_MAIN();
