// SPDX-License-Identifier: BSD-3-Clause
#include "journal/journal.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "support/filled_run.hpp"
#include "support/tree.hpp"

namespace perun::journal {
namespace {

namespace fs = std::filesystem;

class JournalTest : public ::testing::Test {
 protected:
  /// Writes a journal of `ticks` readings of three sensors, 10 ms apart; sensor s counts up by s + 1.
  fs::path write(int ticks) {
    auto writer = Writer::create(tree_.root(), run_);
    EXPECT_TRUE(writer) << writer.error().what;
    writer->clock(run_.nodes[0].clock[0]);
    writer->begin(run_.begin);
    for (int i = 0; i < ticks; ++i) {
      std::vector<Sample> tick;
      for (std::uint32_t s = 0; s < 3; ++s)
        tick.push_back(
            {s, {run_.begin.mono_ns + i * 10'000'000, i == 1 ? missing : i * (s + 1), static_cast<std::int32_t>(s)}});
      writer->samples(tick);
      EXPECT_TRUE(writer->flush());
    }
    Marks begun = run_.nodes[0].marks, rest;
    std::swap(begun.sums, rest.sums);
    std::swap(begun.losses, rest.losses);
    writer->marks(begun);
    writer->marks(rest);
    writer->quality(run_.nodes[0].quality);
    writer->outcome(run_.outcome, run_.end);
    writer->end();
    EXPECT_TRUE(writer->sync());
    return writer->path();
  }

  static std::string bytes(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  test::Tree tree_;
  perun::Run run_ = test::filled_run();
};

TEST_F(JournalTest, GivesBackWhatWasWritten) {
  const auto contents = read(write(5));
  ASSERT_TRUE(contents) << contents.error().what;
  const perun::Run& got = contents->run;
  EXPECT_EQ(got.id, run_.id);
  EXPECT_EQ(got.app, run_.app);
  EXPECT_EQ(got.command, run_.command);
  EXPECT_EQ(got.cwd, run_.cwd);
  EXPECT_EQ(got.work, run_.work);
  EXPECT_EQ(got.nodes[0].marks, run_.nodes[0].marks);
  EXPECT_EQ(got.frequency_hz, run_.frequency_hz);
  EXPECT_EQ(got.round_id, run_.round_id);
  EXPECT_EQ(got.round, run_.round);
  EXPECT_EQ(got.factors, run_.factors);
  EXPECT_EQ(got.config_ini, run_.config_ini);
  EXPECT_EQ(got.begin, run_.begin);
  EXPECT_EQ(got.end, run_.end);
  EXPECT_EQ(got.outcome, run_.outcome);
  const NodeRecord &node = got.nodes.at(0), &want = run_.nodes[0];
  EXPECT_EQ(node.host, want.host);
  EXPECT_EQ(node.attributes, want.attributes);
  EXPECT_EQ(node.sensors, want.sensors);
  EXPECT_EQ(node.blocked, want.blocked);
  EXPECT_EQ(node.clock, want.clock);
  EXPECT_EQ(node.quality, want.quality);
  ASSERT_EQ(node.series.size(), 3U);
  EXPECT_EQ(node.series[2].raw, (std::vector<std::int64_t>{0, missing, 6, 9, 12}));
  EXPECT_EQ(node.series[2].halfwidth_ns, (std::vector<std::int32_t>(5, 2)));
  EXPECT_EQ(node.series[0].t_ns[4], run_.begin.mono_ns + 40'000'000);
  EXPECT_TRUE(contents->begun);
  EXPECT_TRUE(contents->ended);
  EXPECT_FALSE(contents->committing);
}

TEST_F(JournalTest, SensorsMayJoinLater) {
  auto writer = Writer::create(tree_.root(), run_);
  ASSERT_TRUE(writer);
  writer->begin(run_.begin);
  const std::int64_t t = run_.begin.mono_ns;
  writer->samples(std::vector<Sample>{{3, {t, 1, 0}}});
  std::vector<Sensor> all = run_.nodes[0].sensors;
  ASSERT_EQ(all.size(), 3u);
  for (Sensor& s : all) s.counted = false;
  all.push_back(Sensor{.id = "nvml:a", .label = "a", .source = "x", .counted = true});
  writer->joined(all, 3, std::vector<BlockedSource>{{"nvml", "GPU 1: no permission", ""}}, {{"nvidia_driver", "550"}});
  writer->samples(std::vector<Sample>{{0, {t + 1, 5, 0}}, {3, {t + 1, 7, 0}}, {4, {t + 1, 9, 0}}});
  writer->joined(all, 4, std::vector<BlockedSource>{{"level_zero", "late", ""}}, {});
  writer->end();
  ASSERT_TRUE(writer->sync());
  const auto contents = read(writer->path());
  ASSERT_TRUE(contents) << contents.error().what;
  const NodeRecord& node = contents->run.nodes.front();
  EXPECT_EQ(node.sensors, all) << "and what counts was judged anew";
  ASSERT_EQ(node.series.size(), 4u);
  EXPECT_EQ(node.series[3].raw, std::vector<std::int64_t>{7}) << "none before it was known";
  EXPECT_EQ(node.blocked.size(), run_.nodes[0].blocked.size() + 2);
  EXPECT_EQ(node.attributes.back().second, "550");
}

TEST_F(JournalTest, EveryTruncationIsAPrefix) {
  const auto path = write(4);
  const std::string all = bytes(path);
  const auto full = read(path);
  ASSERT_TRUE(full);
  const auto cut = tree_.root() / "cut.journal";
  std::size_t readable = 0, last = 0;
  for (std::size_t n = 0; n <= all.size(); ++n) {
    std::ofstream(cut, std::ios::binary | std::ios::trunc) << all.substr(0, n);
    const auto contents = read(cut);
    if (!contents) {
      EXPECT_EQ(contents.error().code, Errc::format) << n;
      EXPECT_EQ(readable, 0U) << "a longer prefix must not be less readable";
      continue;
    }
    ++readable;
    EXPECT_LE(contents->whole, n);
    const auto& raw = contents->run.nodes[0].series[0].raw;
    ASSERT_GE(raw.size(), last);
    last = raw.size();
    EXPECT_TRUE(std::equal(raw.begin(), raw.end(), full->run.nodes[0].series[0].raw.begin()));
    if (n < all.size()) {
      EXPECT_FALSE(contents->ended);
    }
  }
  EXPECT_GT(readable, 300U);
  EXPECT_EQ(last, 4U);
}

TEST_F(JournalTest, ARunThatWasCutOffEndsAtItsLastReading) {
  const auto path = write(3);
  const std::string all = bytes(path);
  const auto at = all.find("\"finished\"");
  ASSERT_NE(at, std::string::npos);
  std::ofstream(path, std::ios::binary | std::ios::trunc) << all.substr(0, at);
  const auto contents = read(path);
  ASSERT_TRUE(contents);
  EXPECT_FALSE(contents->run.outcome.finished);
  EXPECT_EQ(contents->run.outcome.interrupted_by, "perun was killed before the program ended");
  EXPECT_EQ(contents->run.end.mono_ns, run_.begin.mono_ns + 20'000'000);
  EXPECT_EQ(contents->run.end.real_ns - contents->run.begin.real_ns, 20'000'000);
}

TEST_F(JournalTest, NoFlippedBitGoesUnnoticed) {
  const auto path = write(4);
  const std::string all = bytes(path);
  const auto full = read(path);
  ASSERT_TRUE(full);
  const auto bad = tree_.root() / "bad.journal";
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::string flipped = all;
    flipped[i] = static_cast<char>(flipped[i] ^ (1 << (i % 8)));
    std::ofstream(bad, std::ios::binary | std::ios::trunc) << flipped;
    const auto contents = read(bad);
    if (!contents) continue;
    EXPECT_LE(contents->whole, i) << "the frame with the flipped bit was taken";
  }
}

TEST_F(JournalTest, ALivingWriterIsLeftAlone) {
  fs::path path;
  {
    auto writer = Writer::create(tree_.root(), run_);
    ASSERT_TRUE(writer);
    path = writer->path();
    EXPECT_EQ(path, path_of(tree_.root(), run_.id, "gpu07"));
    EXPECT_TRUE(abandoned(tree_.root()).empty());
    EXPECT_EQ(Writer::reopen(path).error().code, Errc::busy);
    EXPECT_FALSE(Writer::create(tree_.root(), run_)) << "one run, one journal";
  }
  EXPECT_EQ(abandoned(tree_.root()), std::vector<fs::path>{path});
}

TEST_F(JournalTest, ReopeningCutsTheTornTailAndGoesOn) {
  const auto path = write(2);
  std::ofstream(path, std::ios::binary | std::ios::app) << "torn";
  {
    auto writer = Writer::reopen(path);
    ASSERT_TRUE(writer) << writer.error().what;
    writer->committing();
    ASSERT_TRUE(writer->flush());
  }
  const auto contents = read(path);
  ASSERT_TRUE(contents);
  EXPECT_TRUE(contents->committing);
  EXPECT_EQ(contents->whole, bytes(path).size());
}

TEST_F(JournalTest, DiscardingLeavesNoTrace) {
  const auto path = write(1);
  discard(path);
  EXPECT_TRUE(fs::is_empty(tree_.root()));
}

TEST_F(JournalTest, AFullDiskKeepsWhatFitsAndSaysSo) {
  // The file size limit stands in for a full disk: it fails the same write the same way.
  const pid_t pid = ::fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    auto writer = Writer::create(tree_.root(), run_);
    if (!writer) ::_exit(10);
    const rlimit small{16'384, 16'384};
    ::setrlimit(RLIMIT_FSIZE, &small);
    bool failed = false;
    const std::vector<Sample> tick(64, {0, {1, 2, 3}});
    for (int i = 0; i < 2000; ++i) {
      writer->samples(tick);
      if (!writer->flush()) failed = true;
    }
    ::_exit(failed && writer->dropped() > 0 ? 0 : 11);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  ASSERT_EQ(WEXITSTATUS(status), 0);
  const auto contents = read(path_of(tree_.root(), run_.id, "gpu07"));
  ASSERT_TRUE(contents) << contents.error().what;
  EXPECT_GE(contents->run.nodes[0].series[0].size(), 64U);
}

TEST_F(JournalTest, KeysNeverMeet) {
  EXPECT_NE(new_run_key(), new_run_key());
  EXPECT_EQ(new_run_key().size(), 33U);
}

}  // namespace
}  // namespace perun::journal
