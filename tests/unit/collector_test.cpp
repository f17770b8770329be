// SPDX-License-Identifier: BSD-3-Clause
// The agent's side of marks: what comes out of the marks file, in order, bounded, and with its losses told.
#include "regions/collector.hpp"

#include <gtest/gtest.h>
#include <perun/perun.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <map>
#include <numeric>
#include <random>
#include <thread>

#include "host/clock.hpp"
#include "regions/marks.h"
#include "regions/shell.hpp"

namespace perun {
namespace {

class CollectorTest : public ::testing::Test {
 protected:
  void start(std::size_t most_marks = 1 << 20) {
    collector = std::make_unique<MarksCollector>(most_marks);
    ASSERT_TRUE(collector->open(path, 3));
    ASSERT_EQ(::perun_attach(path.c_str(), nullptr), 0);
    take();
  }
  void TearDown() override {
    ::perun_detach();
    collector.reset();
    EXPECT_FALSE(std::filesystem::exists(path));
  }
  void take() { all.add(collector->drain(monotonic_ns())); }
  void finish() { all.add(collector->finish(monotonic_ns())); }

  [[nodiscard]] std::string story(std::uint16_t thread = 0) const {
    std::string text;
    for (const Mark& m : all.timeline)
      if (m.thread == thread) text += "?becmn--o"[static_cast<int>(m.kind)] + (":" + all.names[m.name]) + " ";
    return text;
  }
  [[nodiscard]] std::uint64_t calls(const std::string& name) const {
    std::uint64_t n = 0;
    for (const auto& s : all.sums)
      if (all.names[s.name] == name) n += s.calls;
    return n;
  }

  std::string path = "/dev/shm/perun-test-collector-" + std::to_string(::getpid()) + ".marks";
  std::unique_ptr<MarksCollector> collector;
  Marks all;
};

TEST_F(CollectorTest, MarksComeOutInOrderWithTheirThread) {
  start();
  EXPECT_FALSE(collector->attached());
  ::perun_begin("a");
  EXPECT_TRUE(collector->attached());
  ::perun_count("tokens", 2.5);
  take();
  ::perun_end("a");
  ::perun_mark("here");
  finish();
  EXPECT_EQ(story(), "b:a n:tokens e:a m:here ");
  EXPECT_EQ(all.timeline[1].value, 2.5);
  ASSERT_EQ(all.threads.size(), 1U);
  EXPECT_EQ(all.threads[0].rank, 3);
  EXPECT_EQ(all.threads[0].pid, ::getpid());
  EXPECT_EQ(calls("a"), 1U);
  EXPECT_TRUE(all.holes.empty());
  EXPECT_EQ(all.losses, MarkLosses{});
}

TEST_F(CollectorTest, ARankThatLeavesEndsItsOpenCalls) {
  start();
  ::perun_begin("outer");
  ::perun_begin("inner");
  take();
  const auto end_ns = monotonic_ns();
  all.add(collector->leave(3, end_ns));
  EXPECT_EQ(story(), "b:outer b:inner e:inner e:outer ");
  EXPECT_EQ(all.timeline.back().t_ns, end_ns);
  EXPECT_EQ(all.losses.unended, 2U);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(CollectorTest, AnotherCollectorGoesOn) {
  start();
  ::perun_begin("outer");
  take();
  // Killed: its files stay.
  const std::string kept = path + ".kept";
  std::filesystem::create_hard_link(path, kept);
  collector.reset();
  std::filesystem::rename(kept, path);
  collector = std::make_unique<MarksCollector>();
  ASSERT_TRUE(collector->adopt(path, 3));
  ::perun_end("outer");
  Marks rest = collector->drain(monotonic_ns());
  rest.add(collector->finish(monotonic_ns()));
  all.join(rest);
  EXPECT_EQ(story(), "b:outer e:outer ");
  EXPECT_EQ(all.threads.size(), 1U);
  EXPECT_EQ(calls("outer"), 1U);
}

TEST_F(CollectorTest, AFloodLeavesAHoleAndExactSums) {
  start();
  ::perun_begin("main");
  ::perun_begin("quiet");
  ::perun_end("quiet");
  take();
  const std::int64_t before = monotonic_ns();
  for (int batch = 0; batch < 5; ++batch) {
    for (int i = 0; i < 50'000; ++i) {
      ::perun_begin("hot");
      ::perun_end("hot");
    }
    take();
  }
  const std::int64_t after = monotonic_ns();
  ::perun_begin("quiet");
  ::perun_end("quiet");
  take();
  ::perun_end("main");
  finish();
  EXPECT_EQ(story(), "b:main b:quiet e:quiet o:main b:quiet e:quiet e:main ");
  EXPECT_EQ(calls("hot"), 250'000U);
  EXPECT_GT(all.losses.marks, 400'000U);
  std::int64_t hot_ns = 0, main_ns = 0, hot_sum_ns = 0;
  for (const auto& h : all.holes) {
    EXPECT_LE(h.exclusive_ns, h.to_ns - h.from_ns);
    (all.names[h.name] == "hot" ? hot_ns : main_ns) += h.exclusive_ns;
  }
  for (const auto& s : all.sums)
    if (all.names[s.name] == "hot") hot_sum_ns = s.inclusive_ns;
  EXPECT_NEAR(static_cast<double>(hot_ns), static_cast<double>(hot_sum_ns), 0.02 * static_cast<double>(hot_sum_ns) + 1e5);
  EXPECT_GE(static_cast<double>(hot_ns + main_ns), 0.98 * static_cast<double>(after - before)) << "no time is missing";
}

TEST_F(CollectorTest, ATimelineThatIsFullGoesOnInHoles) {
  start(1000);
  for (int i = 0; i < 400; ++i) ::perun_begin("x"), ::perun_end("x");
  take();
  for (int i = 0; i < 400; ++i) ::perun_begin("x"), ::perun_end("x");
  take();
  finish();
  EXPECT_EQ(all.timeline.size(), 800U);
  EXPECT_FALSE(all.holes.empty());
  EXPECT_EQ(calls("x"), 800U);
}

TEST_F(CollectorTest, EightThreadsWhileItIsRead) {
  start();
  std::atomic<int> running = 8;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&running] {
      for (int i = 0; i < 20'000; ++i) {
        ::perun_begin("outer");
        ::perun_begin("inner");
        ::perun_end("inner");
        ::perun_end("outer");
      }
      --running;
    });
  while (running > 0) take();
  for (auto& t : threads) t.join();
  finish();
  EXPECT_EQ(calls("outer"), 160'000U);
  EXPECT_EQ(calls("inner"), 160'000U);
  // Outside holes the marks of a thread alternate as they were set.
  std::map<std::uint16_t, std::vector<std::uint32_t>> open;
  for (const Mark& m : all.timeline) {
    auto& stack = open[m.thread];
    if (m.kind == MarkKind::begin || m.kind == MarkKind::open) stack.push_back(m.name);
    if (m.kind != MarkKind::end) continue;
    if (all.holes.empty()) {
      ASSERT_FALSE(stack.empty());
      ASSERT_EQ(stack.back(), m.name);
    }
    if (!stack.empty()) stack.pop_back();
  }
}

TEST_F(CollectorTest, ASpoiltFileCostsNothingButItsContent) {
  start();
  ::perun_begin("a");
  perun_marks map{};
  ASSERT_EQ(::perun_marks_open(&map, path.c_str()), 0);
  std::mt19937_64 random(5);
  for (int round = 0; round < 20; ++round) {
    perun_block* b = ::perun_block_of(&map, 0);
    auto* bytes = reinterpret_cast<unsigned char*>(b);
    for (std::size_t i = 0; i < sizeof *b; i += 1 + random() % 64) bytes[i] = static_cast<unsigned char>(random());
    for (std::size_t i = 64; i < perun_text_at; i += 1 + random() % 512) map.base[i] = static_cast<char>(random());
    take();
  }
  ::perun_marks_unmap(&map);
  finish();
  for (const Mark& m : all.timeline) EXPECT_LT(m.name, all.names.size());
  for (const auto& h : all.holes) EXPECT_LT(h.name, all.names.size());
  for (const auto& s : all.sums) EXPECT_LT(s.name, all.names.size());
}

TEST_F(CollectorTest, TwoShellsAreOneThread) {
  start();
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"begin", "stage", "one"}, {"half", "way"}, {"count", "files=3"}, {"end"}, {"--", "begin"}}) {
    auto shell = ShellMarks::open(path);  // each is a process of its own
    ASSERT_TRUE(shell);
    const auto mark = parse_mark(words);
    ASSERT_TRUE(mark) << mark.error().what;
    ASSERT_TRUE(shell->set(*mark));
  }
  finish();
  EXPECT_EQ(story(), "b:stage one m:half way n:files e:stage one m:begin ");
  EXPECT_EQ(all.threads.size(), 1U);
}

TEST(Shell, WordsThatAreNoMark) {
  const auto parse = [](std::vector<std::string> words) { return static_cast<bool>(parse_mark(words)); };
  EXPECT_FALSE(parse({}));
  EXPECT_FALSE(parse({"begin"}));
  EXPECT_FALSE(parse({"count", "tokens"}));
  EXPECT_FALSE(parse({"count", "=3"}));
  EXPECT_FALSE(parse({"count", "tokens=many"}));
  EXPECT_TRUE(parse({"--", "begin"}));
  EXPECT_FALSE(parse_control_line("pause the world"));
  EXPECT_FALSE(parse_control_line("mark"));
  ASSERT_TRUE(parse_control_line("  begin a b \r"));
  EXPECT_EQ(parse_control_line("  begin a b \r")->name, "a b");
}

}  // namespace
}  // namespace perun
