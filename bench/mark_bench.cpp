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
  if (::perun_marks_create(marks_file().c_str()) != 0 || ::perun_attach(marks_file().c_str(), nullptr) != 0) {
    std::perror("mark_bench");
    std::exit(1);
  }
}

void detach() {
  ::perun_detach();
  ::unlink(marks_file().c_str());
}

void by_name(benchmark::State& state) {
  for (auto _ : state) {
    ::perun_begin("train step");
    ::perun_end("train step");
  }
}

void by_number(benchmark::State& state) {
  const auto region = ::perun_region_id("train step");
  for (auto _ : state) {
    ::perun_enter(region);
    ::perun_leave(region);
  }
}

void counter(benchmark::State& state) {
  for (auto _ : state) ::perun_count("tokens", 128);
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
