// SPDX-License-Identifier: BSD-3-Clause
// What long runs and full files cost, one JSON object a line; bench/scale.py holds it to the budgets.
//   scale store FILE SENSORS TICKS      adds a run of so many readings, made up on the way
//   scale commit FOLDER SENSORS TICKS   writes such a journal and commits it, the latter in a process of its own
//   scale append FILE COUNT             adds small runs until there are COUNT, and tells what the last ten of them cost
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>

#include "analysis/summarize.hpp"
#include "journal/journal.hpp"
#include "store/store.hpp"
#include "support/long_run.hpp"
#include "support/sample_run.hpp"

namespace {

namespace fs = std::filesystem;
using perun::test::LongRecording;

constexpr std::int64_t period_ns = 1'000'000;

double now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double cpu_s() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto s = [](const timeval& t) { return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec); };
  return s(used.ru_utime) + s(used.ru_stime);
}

double bytes_written() {
  std::ifstream io("/proc/self/io");
  for (std::string line; std::getline(io, line);)
    if (line.starts_with("wchar: ")) return std::stod(line.substr(7));
  return 0;
}

int fail(const perun::Error& error) {
  fmt::print(stderr, "scale: {}\n", error.what);
  return 1;
}

perun::RunSummary by_stream(const perun::Run& run, std::span<perun::Readings* const> readings) {
  return perun::summarize(run, readings);
}

int add(const fs::path& file, const perun::Run& run, std::size_t readings) {
  const double begin_s = now_s(), cpu_begin_s = cpu_s();
  if (const auto added = perun::append_run(file, run, by_stream); !added) return fail(added.error());
  fmt::print("{{\"readings\": {}, \"wall_s\": {:.3f}, \"cpu_s\": {:.3f}, \"peak_MiB\": {:.1f}, \"bytes\": {}}}\n", readings,
             now_s() - begin_s, cpu_s() - cpu_begin_s, perun::test::peak_MiB(), fs::file_size(file));
  return 0;
}

int store(const fs::path& file, std::size_t sensors, std::size_t ticks) {
  const LongRecording recording(sensors, ticks, period_ns);
  return add(file, perun::test::long_run(recording, sensors, ticks, period_ns), sensors * ticks);
}

int commit(const fs::path& folder, std::size_t sensors, std::size_t ticks) {
  const LongRecording recording(sensors, ticks, period_ns);
  const perun::Run run = perun::test::long_run(recording, sensors, ticks, period_ns);
  auto writer = perun::journal::Writer::create(folder, run);
  if (!writer) return fail(writer.error());
  writer->clock(run.begin);
  writer->begin(run.begin);
  std::size_t n = 0;
  perun::Status written = perun::Ok{};
  const auto replayed = recording.replay([&](std::span<const perun::Sample> tick) {
    writer->samples(tick);
    if (++n % 100 == 0 && written) written = writer->flush();
  });
  if (!written || !replayed) return fail(written ? replayed.error() : written.error());
  writer->clock(run.end);
  writer->outcome(run.outcome, run.end);
  writer->end();
  if (const auto ok = writer->sync(); !ok) return fail(ok.error());
  const pid_t pid = ::fork();
  if (pid == 0) {
    const auto contents = perun::journal::open(writer->path());
    std::exit(contents ? add(folder / "long.hdf5", contents->run, sensors * ticks) : fail(contents.error()));
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  perun::journal::discard(writer->path());
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int append(const fs::path& file, int count) {
  const perun::Run run = perun::test::sample_run(20, 20);
  const perun::RunSummary summary = perun::summarize(run);
  int runs = 0;
  if (const auto there = perun::Store::open(file)) runs = there->totals().runs;
  for (; runs < count - 10; ++runs)
    if (const auto added = perun::append_run(file, run, summary); !added) return fail(added.error());
  const double begin_s = cpu_s(), before = bytes_written();
  const int last = count - runs;
  for (; runs < count; ++runs)
    if (const auto added = perun::append_run(file, run, summary); !added) return fail(added.error());
  fmt::print("{{\"runs\": {}, \"cpu_ms_a_run\": {:.3f}, \"bytes_a_run\": {:.0f}, \"file_bytes\": {}}}\n", count,
             1e3 * (cpu_s() - begin_s) / last, (bytes_written() - before) / last, fs::file_size(file));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  const auto number = [&](int i) { return i < argc ? std::strtoul(argv[i], nullptr, 10) : 0; };
  if (what == "store" && argc == 5) return store(argv[2], number(3), number(4));
  if (what == "commit" && argc == 5) return commit(argv[2], number(3), number(4));
  if (what == "append" && argc == 4) return append(argv[2], static_cast<int>(number(3)));
  fmt::print(stderr, "usage: scale store FILE SENSORS TICKS | commit FOLDER SENSORS TICKS | append FILE COUNT\n");
  return 2;
}
