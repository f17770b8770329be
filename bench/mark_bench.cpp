// SPDX-License-Identifier: BSD-3-Clause
// What a mark costs: begin and end together, by name and by number, watched and not, from one thread and from eight.
#include <benchmark/benchmark.h>
#include <perun/perun.h>

#include <unistd.h>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "regions/marks.h"

namespace {

std::string marks_file() {
  return "/dev/shm/perun-bench-" + std::to_string(::getpid()) + ".marks";
}

void attach() {
  ::unlink(marks_file().c_str());
  if (::perun_marks_create(marks_file().c_str()) != 0 || ::perun_attach(marks_file().c_str(), nullptr) != 0 ||
      ::perun_marks_open(&agent, marks_file().c_str()) != 0) {
    std::perror("mark_bench");
    std::exit(1);
  }
}

void detach() {
  ::perun_marks_unmap(&agent);
  ::perun_detach();
  ::unlink(marks_file().c_str());
}

perun_marks agent{};  ///< the reader's view

/// Empties the rings now and then as the agent would, so that every mark is written and none is lost.
void keep_up(std::uint64_t marks) {
  if (marks % 2048 != 0 || agent.base == nullptr) return;
  for (std::uint32_t i = 0; i < ::perun_header_of(&agent)->blocks_used; ++i) {
    perun_block* b = ::perun_block_of(&agent, i);
    __atomic_store_n(&b->tail, __atomic_load_n(&b->head, __ATOMIC_ACQUIRE), __ATOMIC_RELEASE);
  }
}

void by_name(benchmark::State& state) {
  std::uint64_t marks = 0;
  for (auto _ : state) {
    ::perun_begin("train step");
    ::perun_end("train step");
    keep_up(++marks);
  }
}

void by_number(benchmark::State& state) {
  const auto region = ::perun_region_id("train step");
  std::uint64_t marks = 0;
  for (auto _ : state) {
    ::perun_enter(region);
    ::perun_leave(region);
    keep_up(++marks);
  }
}

void counter(benchmark::State& state) {
  std::uint64_t marks = 0;
  for (auto _ : state) {
    ::perun_count("tokens", 128);
    keep_up(++marks);
  }
}

void attached(const benchmark::State&) {
  attach();
}
void over(const benchmark::State&) {
  detach();
}

}  // namespace

BENCHMARK(by_name)->Name("begin+end/not watched");
BENCHMARK(by_name)->Name("begin+end/name")->Setup(attached)->Teardown(over);
BENCHMARK(by_number)->Name("begin+end/number")->Setup(attached)->Teardown(over);
BENCHMARK(by_number)->Name("begin+end/number")->Threads(8)->Setup(attached)->Teardown(over);
BENCHMARK(counter)->Name("count/name")->Setup(attached)->Teardown(over);

BENCHMARK_MAIN();
