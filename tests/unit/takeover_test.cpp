// SPDX-License-Identifier: BSD-3-Clause
// Journals in other hands and other places: who may take one over, and what a power cut leaves.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "journal/journal.hpp"
#include "support/filled_run.hpp"
#include "support/tree.hpp"

namespace perun::journal {
namespace {

namespace fs = std::filesystem;

class TakeoverTest : public testing::Test {
 protected:
  static std::string bytes(const fs::path& path) {
    std::stringstream out;
    out << std::ifstream(path, std::ios::binary).rdbuf();
    return out.str();
  }
  static void put(const fs::path& path, const std::string& content, int seconds_ago = 0) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
    const timespec then{::time(nullptr) - seconds_ago, 0};
    const timespec times[]{then, then};
    ::utimensat(AT_FDCWD, path.c_str(), times, 0);
  }

  /// A journal with two readings, by a writer that goes on living in `keep`.
  fs::path begin(std::optional<Writer>& keep) {
    auto writer = Writer::create(tree_.at("out"), run_);
    EXPECT_TRUE(writer) << writer.error().what;
    writer->begin(run_.begin);
    tick(*writer, 1);
    tick(*writer, 2);
    EXPECT_TRUE(writer->flush());
    keep = std::move(*writer);
    return keep->path();
  }
  void tick(Writer& writer, int n) {
    const Sample sample{0, {run_.begin.mono_ns + n * 1'000'000, n, 0}};
    writer.samples({&sample, 1});
  }

  /// A journal of somebody on another machine.
  fs::path written_elsewhere(int seconds_ago) {
    std::vector<std::byte> out;
    const auto text = [](const std::string& s) { return std::as_bytes(std::span(s)); };
    append_frame(out, FrameType::header, text(encode_header(run_)));
    Owner far = this_process();
    far.boot_id = "another";
    append_frame(out, FrameType::writer, text(encode_writer({far, "/somewhere"})));
    const fs::path path = path_of(tree_.at("out"), run_.id, "gpu07");
    fs::create_directories(path.parent_path());
    put(path, std::string(magic) + std::string(reinterpret_cast<const char*>(out.data()), out.size()), seconds_ago);
    return path;
  }

  test::Tree tree_;
  perun::Run run_ = test::filled_run();
};

TEST_F(TakeoverTest, AJournalSaysWhoWritesItAndWhereItBelongs) {
  std::optional<Writer> writer;
  const auto path = begin(writer);
  const auto contents = read(path);
  ASSERT_TRUE(contents);
  EXPECT_EQ(contents->writer.owner, this_process());
  EXPECT_EQ(home_of(path), tree_.at("out"));
  EXPECT_EQ(standing(path), Standing::written);
  writer.reset();
  EXPECT_EQ(standing(path), Standing::cut_off) << "of this boot and unlocked: gone, whatever process numbers say";
}

TEST_F(TakeoverTest, AJournalFromElsewhereIsLeftAloneForAMinute) {
  const auto path = written_elsewhere(20);
  EXPECT_EQ(standing(path), Standing::elsewhere);
  EXPECT_TRUE(abandoned(tree_.at("out")).empty());
  EXPECT_EQ(Writer::reopen(path).error().code, Errc::busy);
  written_elsewhere(90);
  EXPECT_EQ(abandoned(tree_.at("out")), std::vector<fs::path>{path});
  EXPECT_TRUE(Writer::reopen(path));
}

TEST_F(TakeoverTest, WithoutFlockTheProcessDecides) {
  const auto path = written_elsewhere(0);
  Owner owner = this_process();
  EXPECT_EQ(standing_of(Flock::none, owner, path), Standing::written);
  owner.started -= 1;
  EXPECT_EQ(standing_of(Flock::none, owner, path), Standing::cut_off);
  owner.boot_id = "another";
  EXPECT_EQ(standing_of(Flock::none, owner, path), Standing::elsewhere);
  EXPECT_EQ(standing_of(Flock::taken, Owner{}, path), Standing::cut_off) << "of a perun that did not say";
  EXPECT_EQ(standing_of(Flock::none, Owner{}, path), Standing::elsewhere);
  EXPECT_EQ(standing_of(Flock::busy, Owner{}, path), Standing::written);
}

TEST_F(TakeoverTest, OnlyOneTakesItOver) {
  std::optional<Writer> writer;
  const auto path = begin(writer);
  writer.reset();
  const auto first = Writer::reopen(path);
  ASSERT_TRUE(first) << first.error().what;
  EXPECT_EQ(Writer::reopen(path).error().code, Errc::busy);
  // Who waited for the lock of a journal that was stored meanwhile finds another file, or none, at its path.
  const auto content = bytes(path);
  fs::remove(path);
  EXPECT_EQ(Writer::reopen(path).error().code, Errc::not_found);
  put(path, content);
  EXPECT_FALSE(first->in_place());
}

TEST_F(TakeoverTest, ASecondJournalOfTheSameRunHarmsNotTheFirst) {
  std::optional<Writer> writer;
  const auto path = begin(writer);
  EXPECT_FALSE(Writer::create(tree_.at("out"), run_));
  EXPECT_TRUE(fs::exists(path));
  EXPECT_TRUE(writer->in_place());
}

TEST_F(TakeoverTest, MovesToAnotherFolderWithAllItHas) {
  std::optional<Writer> writer;
  const auto path = begin(writer);
  tick(*writer, 3);  // not flushed
  const auto moved = writer->move_to(tree_.at("spool"));
  ASSERT_TRUE(moved) << moved.error().what;
  EXPECT_FALSE(fs::exists(tree_.at("out/.perun")));
  EXPECT_EQ(writer->path(), path_of(tree_.at("spool"), run_.id, "gpu07"));
  tick(*writer, 4);
  ASSERT_TRUE(writer->flush());
  EXPECT_EQ(standing(writer->path()), Standing::written) << "the lock went along";
  const auto contents = read(writer->path());
  ASSERT_TRUE(contents);
  EXPECT_EQ(contents->run.nodes[0].series[0].raw, (std::vector<std::int64_t>{1, 2, 3, 4}));
  EXPECT_EQ(home_of(writer->path()), tree_.at("out"));
}

TEST_F(TakeoverTest, AMoveThatFailsChangesNothing) {
  std::optional<Writer> writer;
  const auto path = begin(writer);
  tree_.file("flat", "");
  tick(*writer, 3);
  EXPECT_FALSE(writer->move_to(tree_.at("flat")));
  ASSERT_TRUE(writer->flush());
  EXPECT_EQ(writer->path(), path);
  EXPECT_EQ(read(path)->run.nodes[0].series[0].size(), 3U);
}

TEST_F(TakeoverTest, ADeletedJournalIsTold) {
  std::optional<Writer> writer;
  const auto path = begin(writer);
  fs::remove_all(tree_.at("out"));
  tick(*writer, 3);
  const auto told = writer->flush();
  ASSERT_FALSE(told);
  EXPECT_NE(told.error().what.find("somebody deleted it"), std::string::npos);
  EXPECT_FALSE(writer->in_place());
  ASSERT_TRUE(writer->move_to(tree_.at("out")));
  EXPECT_EQ(read(path)->run.nodes[0].series[0].size(), 3U);
}

/// After a power cut the file is as long as it was, but pages behind the last fdatasync may be zeros or old garbage.
TEST_F(TakeoverTest, APowerCutLeavesWhatWasSynced) {
  std::optional<Writer> writer;
  const auto path = begin(writer);
  ASSERT_TRUE(writer->sync());
  const auto synced = bytes(path);
  for (int n = 3; n < 400; ++n) {
    tick(*writer, n);
    ASSERT_TRUE(writer->flush());
  }
  const auto whole = bytes(path);
  writer.reset();
  for (const char filling : {'\0', '\xFF', 'x'}) {
    put(path, synced + std::string(whole.size() - synced.size(), filling));
    const auto contents = read(path);
    ASSERT_TRUE(contents);
    EXPECT_EQ(contents->whole, synced.size());
    EXPECT_EQ(contents->run.nodes[0].series[0].raw, (std::vector<std::int64_t>{1, 2}));
    EXPECT_FALSE(contents->run.outcome.finished);
    EXPECT_TRUE(Writer::reopen(path));
    EXPECT_EQ(fs::file_size(path), synced.size());
  }
}

TEST_F(TakeoverTest, WhatNeverGotANameIsRemovedOnceItsMakerIsGone) {
  const fs::path hidden = tree_.at("out/.perun/RUN/host.new");
  fs::create_directories(hidden.parent_path());
  put(hidden, "half a header");
  EXPECT_TRUE(journals(tree_.at("out")).empty());
  EXPECT_TRUE(fs::exists(hidden)) << "it may be in the making on another machine";
  put(hidden, "half a header", 90);
  EXPECT_TRUE(journals(tree_.at("out")).empty());
  EXPECT_FALSE(fs::exists(tree_.at("out/.perun")));
}

}  // namespace
}  // namespace perun::journal
