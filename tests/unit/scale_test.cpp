// SPDX-License-Identifier: BSD-3-Clause
// What long runs and full files cost: small versions of `bench/scale.py`, with bytes and memory instead of times.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

#include "analysis/summarize.hpp"
#include "journal/journal.hpp"
#include "model/summary_text.hpp"
#include "store/store.hpp"
#include "support/long_run.hpp"
#include "support/sample_run.hpp"
#include "support/tree.hpp"

namespace perun {
namespace {

namespace fs = std::filesystem;

RunSummary by_stream(const Run& run, std::span<Readings* const> readings) {
  return summarize(run, readings);
}

/// Runs `work` in a process of its own; true when it succeeded with `most_MiB` more than it began with.
template <class F>
void expect_memory(double most_MiB, F&& work) {
  const pid_t pid = ::fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    const double before = test::peak_MiB();
    const bool worked = work();
    const double more = test::peak_MiB() - before;
    std::fprintf(stderr, "  %.1f MiB more than the %.1f before\n", more, before);
#ifdef __SANITIZE_ADDRESS__
    ::_exit(worked ? 0 : 1);  // its memory is not ours
#else
    ::_exit(worked && more <= most_MiB ? 0 : 1);
#endif
  }
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

constexpr std::size_t sensors = 20, ticks = 50'000;
constexpr std::int64_t period_ns = 1'000'000;

/// A journal of a million readings, which take 40 MB as series and intervals.
fs::path long_journal(const test::Tree& tree) {
  const test::LongRecording recording(sensors, ticks, period_ns);
  const Run run = test::long_run(recording, sensors, ticks, period_ns);
  auto writer = journal::Writer::create(tree.at("out"), run);
  EXPECT_TRUE(writer);
  writer->clock(run.begin);
  writer->begin(run.begin);
  EXPECT_TRUE(recording.replay([&](std::span<const Sample> tick) {
    writer->samples(tick);
    EXPECT_TRUE(writer->flush());
  }));
  writer->clock(run.end);
  writer->outcome(run.outcome, run.end);
  writer->end();
  EXPECT_TRUE(writer->flush());
  return writer->path();
}

TEST(Scale, ACommitTakesTheSameMemoryWhateverTheLength) {
  const test::Tree tree;
  const auto journal = long_journal(tree);
  const auto file = tree.at("out/long.hdf5");
  expect_memory(40, [&] {
    const auto contents = journal::open(journal);
    return contents && append_run(file, contents->run, by_stream);
  });
  expect_memory(24, [&] {
    const auto store = Store::open(file);
    const auto run = store ? store->at(0).open() : Result<OpenRun>(store.error());
    return run && run->readings.front()->sensors() == sensors &&
           summarize(run->run, std::vector<Readings*>{run->readings.front().get()}).nodes.front().readings == sensors * ticks;
  });
}

/// The readings in the journal, those in the file, and what is made of them, in pieces or at once.
TEST(Scale, StreamingChangesNothing) {
  const test::Tree tree;
  const auto journal = long_journal(tree);
  const auto file = tree.at("out/long.hdf5");
  const auto opened = journal::open(journal);
  const auto read = journal::read(journal);
  ASSERT_TRUE(opened && read);
  EXPECT_TRUE(opened->run.nodes[0].series.empty());
  EXPECT_EQ(opened->whole, read->whole);
  ASSERT_TRUE(append_run(file, opened->run, by_stream));
  const auto store = Store::open(file);
  ASSERT_TRUE(store);
  const auto loaded = store->load(0);
  ASSERT_TRUE(loaded) << loaded.error().what;
  ASSERT_EQ(read->run.nodes[0].series.size(), sensors);
  EXPECT_EQ(read->run.nodes[0].series[7].size(), ticks);
  for (std::size_t i = 0; i < sensors; ++i) EXPECT_EQ(loaded->nodes[0].series[i], read->run.nodes[0].series[i]) << i;
  auto stored = store->at(0).summary();
  ASSERT_TRUE(stored);
  EXPECT_EQ(encode(*stored), encode(summarize(*loaded)));
  EXPECT_NEAR(stored->usage.energy.joules(), 20 * 100 * 50, 0.01 * 20 * 100 * 50);
}

/// What this process has given to write(2) and its kin so far.
double bytes_written() {
  std::ifstream io("/proc/self/io");
  for (std::string line; std::getline(io, line);)
    if (line.starts_with("wchar: ")) return std::stod(line.substr(7));
  return 0;
}

/// Adding a run makes the file longer by the same and writes as much, whatever it holds.
TEST(Scale, AddingARunCostsTheNewDataOnly) {
  const test::Tree tree;
  const auto file = tree.at("app.hdf5");
  perun::Run run = test::sample_run(4, 100);
  EXPECT_TRUE(append_run(file, run, test::sample_summary()));
  std::vector<double> grown, written;
  for (int i = 2; i <= 300; ++i) {
    const double size = static_cast<double>(fs::file_size(file)), before = bytes_written();
    ASSERT_TRUE(append_run(file, run, test::sample_summary()));
    grown.push_back(static_cast<double>(fs::file_size(file)) - size);
    written.push_back(bytes_written() - before);
  }
  const auto mean = [](const std::vector<double>& all, std::size_t from) {
    return std::accumulate(all.begin() + static_cast<std::ptrdiff_t>(from),
                           all.begin() + static_cast<std::ptrdiff_t>(from) + 64, 0.0) /
           64;
  };
  EXPECT_GT(mean(written, 0), mean(grown, 0)) << "all that is new is written";
  EXPECT_LT(mean(grown, 200), 1.1 * mean(grown, 0));
  EXPECT_LT(mean(written, 200), 1.2 * mean(written, 0));
  EXPECT_LT(mean(written, 0), 1.3 * mean(grown, 0)) << "what is replaced is little";
}

}  // namespace
}  // namespace perun
