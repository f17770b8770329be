// SPDX-License-Identifier: BSD-3-Clause
// A week at 10 Hz with 100 sensors, as fast as it goes: from the backend through the intake into the journal, on a clock
// that is moved by hand. Prints the memory after each day and what a sensor-hour costs in the journal and in the data
// file; exit status 1 when memory grew. long_run [DAYS [DATA_OUT]].
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

#include "analysis/summarize.hpp"
#include "journal/journal.hpp"
#include "sampling/intake.hpp"
#include "store/store.hpp"

namespace {

namespace fs = std::filesystem;

constexpr std::size_t sensors = 100;
constexpr std::int64_t period_ns = 100'000'000, ticks_per_hour = 36'000;

double resident_MiB() {
  std::ifstream statm("/proc/self/statm");
  long all = 0, resident = 0;
  statm >> all >> resident;
  return static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / (1 << 20);
}

perun::Run run_of(const std::string& id) {
  perun::Run run;
  run.id = id;
  run.app = "week";
  run.frequency_hz = 10;
  run.begin = {1'000'000'000, 1'800'000'000'000'000'000};
  perun::NodeRecord node;
  node.host = "node";
  for (std::size_t i = 0; i < sensors; ++i) {
    perun::Sensor s{.id = fmt::format("s{}", i), .label = fmt::format("sensor {}", i), .source = "bench"};
    s.scale = 1e-6;
    s.counted = true;
    node.sensors.push_back(s);
  }
  node.series.resize(sensors);
  run.nodes.push_back(std::move(node));
  return run;
}

/// The readings of one tick: powers of about 100 W that wander, read 3 us apart.
void read(std::vector<perun::Reading>& readings, std::int64_t tick) {
  for (std::size_t i = 0; i < sensors; ++i) {
    const auto n = static_cast<std::int64_t>(i);
    auto& r = readings[i];
    const auto noise = static_cast<std::int64_t>((static_cast<std::uint64_t>(tick) * 2654435761U + i * 40503U) % 1'000'000);
    r = {1'000'000'000 + tick * period_ns + n * 3'000 + noise % 20'000, r.raw + 10'000'000 + noise,
         static_cast<std::int32_t>(1'000 + noise % 500)};
  }
}

/// Runs so many ticks into a journal; `each_hour(hour, journal's size)` after each hour.
template <class F>
perun::Status sample(perun::journal::Writer& writer, std::int64_t ticks, F&& each_hour) {
  perun::Intake intake(2048);
  std::vector<perun::Reading> readings(sensors);
  std::vector<perun::RingSample> tick;
  std::vector<perun::journal::Sample> batch;
  for (std::int64_t k = 0; k < ticks; ++k) {
    read(readings, k);
    tick.clear();
    perun::Intake::gather(readings, 0, tick);
    intake.take(tick);
    batch.clear();
    intake.drain([&](std::span<const perun::RingSample> some) {
      for (const auto& s : some) batch.push_back({s.sensor, s.reading});
    });
    writer.samples(batch);
    if (const auto ok = writer.flush(); !ok) return ok;
    if ((k + 1) % ticks_per_hour == 0) each_hour((k + 1) / ticks_per_hour);
  }
  return perun::Ok{};
}

int fail(const perun::Error& error) {
  fmt::print(stderr, "long_run: {}\n", error.what);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  const long days = argc > 1 ? std::strtol(argv[1], nullptr, 10) : 7;
  const fs::path folder = argc > 2 ? fs::path(argv[2]) : fs::temp_directory_path() / fmt::format("perun-week-{}", ::getpid());

  auto writer = perun::journal::Writer::create(folder, run_of("week"));
  if (!writer) return fail(writer.error());
  const auto journal = writer->path();
  const perun::Fd file(::open(journal.c_str(), O_RDWR | O_CLOEXEC));
  double first = 0, last = 0;
  std::uintmax_t bytes = 0;
  const auto sampled = sample(*writer, days * 24 * ticks_per_hour, [&](std::int64_t hour) {
    bytes = fs::file_size(journal);
    // A week is 15 GB, which this machine need not have: what is written is given back, its length stays.
    ::fallocate(file.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(bytes));
    last = resident_MiB();
    if (hour == 1) first = last;
    if (hour % 24 == 0) fmt::print("day {}: {:.2f} MiB resident\n", hour / 24, last);
  });
  if (!sampled) return fail(sampled.error());
  fmt::print("journal: {:.0f} bytes a sensor-hour\n", static_cast<double>(bytes) / static_cast<double>(days * 24 * sensors));
  perun::journal::discard(journal);

  auto hour = perun::journal::Writer::create(folder, run_of("hour"));
  if (!hour) return fail(hour.error());
  hour->begin({1'000'000'000, 1'800'000'000'000'000'000});
  if (const auto ok = sample(*hour, ticks_per_hour, [](std::int64_t) {}); !ok) return fail(ok.error());
  const auto contents = perun::journal::open(hour->path());
  if (!contents) return fail(contents.error());
  const auto data = folder / "week.hdf5";
  const perun::Summarize summarize = [](const perun::Run& run, std::span<perun::Readings* const> readings) {
    return perun::summarize(run, readings);
  };
  if (const auto stored = perun::append_run(data, contents->run, summarize); !stored) return fail(stored.error());
  fmt::print("data file: {:.0f} bytes a sensor-hour\n", static_cast<double>(fs::file_size(data)) / sensors);
  std::error_code none;
  fs::remove_all(folder, none);
  fmt::print("memory after the first hour {:.2f} MiB, in the end {:.2f} MiB\n", first, last);
  return last <= first * 1.02 + 0.1 ? 0 : 1;
}
