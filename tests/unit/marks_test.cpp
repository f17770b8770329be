// SPDX-License-Identifier: BSD-3-Clause
// The writer's side of marks: what the calls of perun.h leave in the marks file.
#include <gtest/gtest.h>
#include <perun/perun.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "regions/marks.h"

namespace {

/// A marks file that this process is attached to.
class MarksTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::perun_marks_create(path.c_str()), 0) << std::strerror(errno);
    ASSERT_EQ(::perun_attach(path.c_str(), nullptr), 0) << std::strerror(errno);
    ASSERT_EQ(::perun_marks_map(&seen, path.c_str()), 0);
  }
  void TearDown() override {
    ::perun_detach();
    ::perun_marks_unmap(&seen);
    std::filesystem::remove(path);
  }

  std::string name(std::uint32_t id) const {
    const perun_name& e = perun_entries_of(&seen)[id];
    return e.size == 0 ? "?" : std::string(perun_text_of(&seen) + e.offset, e.size - 1);
  }
  std::uint32_t blocks() const { return perun_header_of(&seen)->blocks_used; }
  const perun_block& block(std::uint32_t i) const { return *perun_block_of(&seen, i); }

  /// Sums over all threads, by name.
  std::map<std::string, perun_slot> slots() const {
    std::map<std::string, perun_slot> all;
    for (std::uint32_t i = 0; i < blocks(); ++i)
      for (const perun_slot& s : block(i).slots) {
        if (s.name == 0 || (s.calls == 0 && s.sum == 0)) continue;
        perun_slot& sum = all[s.name == 1 ? "(other)" : name(s.name - 1)];
        sum.calls += s.calls;
        sum.inclusive_ns += s.inclusive_ns;
        sum.exclusive_ns += s.exclusive_ns;
        sum.open += s.open;
        sum.sum += s.sum;
      }
    return all;
  }
  /// "b outer, e outer" of one block's ring.
  std::string story(std::uint32_t i) const {
    std::string text;
    const perun_block& b = block(i);
    for (std::uint64_t k = 0; k < b.head && k < perun_ring; ++k) {
      const perun_record& r = b.ring[k];
      if (r.kind == perun_mark_thread || r.kind == perun_mark_value) continue;
      text += (text.empty() ? "" : " ") + std::string(1, "?becmn"[r.kind]) + ":" + name(r.name);
    }
    return text;
  }

  std::string path = "/dev/shm/perun-test-" + std::to_string(::getpid()) + ".marks";
  mutable perun_marks seen{};
};

TEST_F(MarksTest, NestedAndRecursiveCallsAreSummedOnce) {
  ::perun_begin("outer");
  ::perun_begin("inner");
  ::perun_begin("inner");
  ::usleep(2000);
  ::perun_end("inner");
  ::perun_end("inner");
  ::perun_end("outer");
  EXPECT_EQ(story(0), "b:outer b:inner b:inner e:inner e:inner e:outer");
  auto s = slots();
  EXPECT_EQ(s["outer"].calls, 1U);
  EXPECT_EQ(s["inner"].calls, 2U);
  EXPECT_GE(s["inner"].inclusive_ns, 2'000'000U);
  EXPECT_EQ(s["inner"].inclusive_ns, s["inner"].exclusive_ns) << "time of the inner call is not counted twice";
  EXPECT_EQ(s["outer"].inclusive_ns, s["outer"].exclusive_ns + s["inner"].exclusive_ns);
}

TEST_F(MarksTest, OverlappingCallsEndByName) {
  ::perun_begin("a");
  ::perun_begin("b");
  ::perun_end("a");
  ::perun_end("b");
  ::perun_end("b");
  auto s = slots();
  EXPECT_EQ(s["a"].open + s["b"].open, 0U);
  EXPECT_EQ(block(0).unmatched, 1U);
  EXPECT_EQ(story(0), "b:a b:b e:a e:b");
}

TEST_F(MarksTest, ACancelledCallIsNone) {
  ::perun_begin("outer");
  ::perun_begin("mistake");
  ::usleep(1000);
  ::perun_cancel("mistake");
  ::perun_end(nullptr);
  auto s = slots();
  EXPECT_EQ(s.count("mistake"), 0U);
  EXPECT_EQ(s["outer"].exclusive_ns, s["outer"].inclusive_ns);
  EXPECT_GE(s["outer"].exclusive_ns, 1'000'000U);
}

TEST_F(MarksTest, CountersAddUpAndMomentsAreKept) {
  ::perun_count("tokens", 100);
  ::perun_count("tokens", 28.5);
  ::perun_mark("epoch 1\nbegins");
  EXPECT_EQ(slots()["tokens"].sum, 128.5);
  EXPECT_EQ(story(0), "n:tokens n:tokens m:epoch 1\nbegins");
}

TEST_F(MarksTest, EachThreadHasItsOwnBlockAndLeavesItInOrder) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([] {
      for (int k = 0; k < 1000; ++k) {
        ::perun_begin("work");
        ::perun_end("work");
      }
      ::perun_begin("left open");
    });
  for (auto& t : threads) t.join();
  EXPECT_EQ(blocks(), 8U);
  auto s = slots();
  EXPECT_EQ(s["work"].calls, 8000U);
  EXPECT_EQ(s["left open"].open, 0U);
  std::uint64_t unended = 0;
  for (std::uint32_t i = 0; i < blocks(); ++i) unended += block(i).unended;
  EXPECT_EQ(unended, 8U);
}

TEST_F(MarksTest, TenThousandThreadsShareTheBlocks) {
  for (int i = 0; i < 10'000; ++i) std::thread([] { ::perun_begin("task"), ::perun_end("task"); }).join();
  EXPECT_EQ(slots()["task"].calls, 10'000U);
  EXPECT_LE(blocks(), 64U);
  EXPECT_EQ(perun_header_of(&seen)->threads_refused, 0U);
}

TEST_F(MarksTest, AForkedChildMarksAsItself) {
  ::perun_begin("both");
  const pid_t child = ::fork();
  if (child == 0) {
    ::perun_begin("child");
    ::perun_end("child");
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ::perun_end("both");
  ASSERT_EQ(blocks(), 2U);
  EXPECT_EQ(block(0).pid, ::getpid());
  EXPECT_EQ(block(1).pid, child);
  EXPECT_EQ(story(0), "b:both e:both");
  EXPECT_EQ(story(1), "b:child e:child");
}

TEST_F(MarksTest, WhatAKilledChildMarkedIsThere) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::perun_begin("doomed");
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(story(0), "b:doomed");
  EXPECT_EQ(slots()["doomed"].open, 1U);
}

TEST_F(MarksTest, AFullRingCountsAndGoesOn) {
  for (int i = 0; i < 100'000; ++i) {
    ::perun_begin("hot");
    ::perun_end("hot");
  }
  EXPECT_EQ(block(0).head, std::uint64_t{perun_ring});
  EXPECT_EQ(block(0).head + block(0).lost, 200'001U) << "and the thread's introduction";
  EXPECT_EQ(slots()["hot"].calls, 100'000U);
}

TEST_F(MarksTest, AMillionNamesArePooledBeyondTheRoom) {
  for (int i = 0; i < 1'000'000; ++i) {
    const std::string name = "item " + std::to_string(i);
    ::perun_begin(name.c_str());
    ::perun_end(name.c_str());
  }
  const perun_marks_header* h = perun_header_of(&seen);
  EXPECT_GT(h->names_refused, 900'000U);
  std::uint64_t calls = 0;
  for (const auto& [n, s] : slots()) calls += s.calls;
  EXPECT_EQ(calls, 1'000'000U);
}

TEST_F(MarksTest, OddNamesAreNames) {
  const std::string long_a(10'000, 'x'), long_b = long_a + "y", broken = "\xff\xfe broken";
  for (const auto& n : {std::string(), long_a, long_b, broken, std::string("two\nlines")}) {
    ::perun_begin(n.c_str());
    ::perun_end(n.c_str());
  }
  ::perun_begin(nullptr);
  auto s = slots();
  EXPECT_EQ(s.size(), 5U) << "two long names stay two";
  EXPECT_EQ(s[""].calls, 1U);
  EXPECT_EQ(s[broken].calls, 1U);
  for (const auto& [n, slot] : s) EXPECT_LE(n.size(), 249U);
}

TEST_F(MarksTest, DeepRecursionIsCountedAndComesBack) {
  for (int i = 0; i < 1000; ++i) ::perun_begin("deep");
  for (int i = 0; i < 1000; ++i) ::perun_end("deep");
  EXPECT_EQ(block(0).too_deep, 1000U - perun_deepest);
  EXPECT_EQ(slots()["deep"].calls, std::uint64_t{perun_deepest});
  ::perun_begin("after");
  ::perun_end("after");
  EXPECT_EQ(slots()["after"].calls, 1U);
}

TEST_F(MarksTest, ASpoiltFileNeverHarmsTheProgram) {
  ::perun_begin("a");
  // Everything behind the header and the index: lengths, offsets, depths and slots that point anywhere.
  std::memset(seen.base + perun_entries_at, 0xff, perun_names * 8);
  perun_block* b = perun_block_of(&seen, 0);
  std::memset(b->stack, 0xff, sizeof b->stack);
  std::memset(b->slots, 0xee, sizeof b->slots);
  for (const std::uint32_t depth : {0U, 1U, 127U, 128U, 129U, 0xffffffffU}) {
    b->depth = depth;
    ::perun_begin("a");
    ::perun_end("a");
    ::perun_end(nullptr);
    ::perun_cancel("b");
    ::perun_count("c", 1);
  }
  b->tail = ~std::uint64_t{0};
  ::perun_mark("still here");
  SUCCEED();
}

TEST_F(MarksTest, ParkedBlocksKeepWhatIsOpen) {
  perun_block* first = ::perun_marks_adopt(&seen, 42, 0);
  ::perun_marks_begin(first, ::perun_marks_name(&seen, "stage", 5));
  ::perun_marks_park(first);
  perun_block* again = ::perun_marks_adopt(&seen, 42, 0);
  EXPECT_EQ(again, first);
  ::perun_marks_end(again, PERUN_ANY);
  EXPECT_EQ(again->unmatched, 0U);
}

TEST_F(MarksTest, TwoLibrariesInOneThreadHaveOneStack) {
  ::perun_begin("work");
  // What another libperun of this process does, with a mapping of its own.
  perun_block* other = ::perun_marks_share(&seen, ::getpid(), ::gettid());
  ASSERT_NE(other, nullptr);
  const auto wait = ::perun_marks_name(&seen, "wait", 4);
  ::perun_marks_begin(other, wait);
  ::perun_marks_end(other, wait);
  ::perun_end("work");
  EXPECT_EQ(blocks(), 1u);
  EXPECT_EQ(story(0), "b:work b:wait e:wait e:work");
  const auto sums = slots();
  EXPECT_EQ(sums.at("work").exclusive_ns + sums.at("wait").inclusive_ns, sums.at("work").inclusive_ns);
  // The first to leave leaves it to the other.
  ::perun_begin("late");
  ::perun_marks_leave(other);
  EXPECT_EQ(block(0).state, static_cast<std::uint32_t>(perun_block_owned));
  ::perun_end("late");
  EXPECT_EQ(block(0).unended, 0u);
}

TEST_F(MarksTest, OtherProcessesAndThreadsShareNothing) {
  ::perun_begin("work");
  EXPECT_EQ(::perun_marks_share(&seen, ::getpid(), ::getpid() + 1), nullptr);
  EXPECT_EQ(::perun_marks_share(&seen, ::getpid() + 1, ::gettid()), nullptr);
  // The same numbers in another process, after an exec or when they come again.
  perun_block_of(&seen, 0)->image ^= 1;
  EXPECT_EQ(::perun_marks_share(&seen, ::getpid(), ::gettid()), nullptr);
  perun_block_of(&seen, 0)->image ^= 1;
  ::perun_end("work");
  std::thread([&] { EXPECT_EQ(::perun_marks_share(&seen, ::getpid(), ::gettid()), nullptr); }).join();
}

TEST(Marks, NothingHappensWithoutPerun) {
  EXPECT_EQ(::perun_active(), 0);
  EXPECT_EQ(::perun_region_id("x"), 0U);
  ::perun_begin("x");
  ::perun_end("x");
  ::perun_enter(1);
  perun_energy energy;
  EXPECT_EQ(::perun_read(&energy), -1);
  EXPECT_EQ(errno, ENOTCONN);
  EXPECT_EQ(energy.kind, std::uint32_t{PERUN_UNAVAILABLE});
}

TEST(Marks, OtherFilesAreRefused) {
  const std::string path = "/dev/shm/perun-test-odd-" + std::to_string(::getpid());
  EXPECT_EQ(::perun_attach(path.c_str(), nullptr), -1);
  EXPECT_EQ(errno, ENOENT);
  std::ofstream(path) << "something else";
  EXPECT_EQ(::perun_attach(path.c_str(), nullptr), -1);
  EXPECT_EQ(errno, EPROTO);
  std::filesystem::remove(path);
  ASSERT_EQ(::perun_marks_create(path.c_str()), 0);
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(offsetof(perun_marks_header, version));
    file.put(2);
  }
  EXPECT_EQ(::perun_attach(path.c_str(), nullptr), -1) << "of a later version";
  EXPECT_EQ(errno, EPROTO);
  std::filesystem::resize_file(path, 5000);
  EXPECT_EQ(::perun_attach(path.c_str(), nullptr), -1);
  std::filesystem::remove(path);
  EXPECT_EQ(::perun_active(), 0);
}

}  // namespace
