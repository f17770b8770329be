// SPDX-License-Identifier: BSD-3-Clause
#include "journal/join.hpp"

#include <gtest/gtest.h>

#include <array>
#include <fstream>

#include "analysis/summarize.hpp"
#include "journal/job_folder.hpp"
#include "support/rig.hpp"
#include "support/tree.hpp"

namespace perun::journal {
namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t wall = 1'795'370'651'000'000'000;

/// A part with a counter of 100 W from `from` to `to` seconds of its node's clock, which began `boot` s before.
Contents part(const std::string& host, int segment, std::int64_t from, std::int64_t to, std::int64_t boot = 1000) {
  Contents c;
  c.run.id = "id";
  c.run.app = "app";
  c.run.command = {"./app"};
  NodeRecord node;
  node.host = host;
  Sensor s = test::ideal_counter();
  s.counted = true;
  Series series;
  for (auto t = from; t <= to; ++t)
    series.push({(boot + t) * second, static_cast<std::int64_t>(static_cast<double>(t) * 100 / s.scale), 1000});
  node.sensors = {s};
  node.series = {series};
  node.clock = {{(boot + from) * second, wall + from * second}, {(boot + to) * second, wall + to * second}};
  node.quality.ticks = static_cast<std::uint64_t>(to - from + 1);
  c.run.nodes = {node};
  c.part =
      Part{.job = {.launcher = "openmpi", .key = "k", .size = 2}, .node_id = host + "-id", .boot_id = host, .segment = segment};
  return c;
}

RankRecord rank(int number, RankStatus status, std::int64_t begin, std::int64_t end, std::int64_t boot = 1000) {
  RankRecord r{.rank = number, .status = status};
  r.begin = {(boot + begin) * second, wall + begin * second};
  if (end != 0) r.end = {(boot + end) * second, wall + end * second};
  return r;
}

/// Parts as they are read whole; they are moved into the run, and the tests go on with theirs.
template <class... Parts>
Run joined(const Parts&... parts) {
  std::vector<Contents> all;
  (all.push_back({.run = parts.run, .part = parts.part, .ranks = parts.ranks}), ...);
  return join(std::move(all)).run;
}

double joules(const Run& run) {
  return summarize(run).usage.energy.joules();
}

TEST(JoinTest, NodesAddUpEachInItsOwnTime) {
  Contents a = part("a", 0, 0, 10), b = part("b", 0, 0, 10, 777);
  a.ranks = {rank(0, RankStatus::unfinished, 1, 0), rank(0, RankStatus::ok, 1, 9)};
  b.ranks = {rank(1, RankStatus::ok, 2, 8, 777)};
  const perun::Run run = joined(b, a);
  ASSERT_EQ(run.nodes.size(), 2U);
  ASSERT_TRUE(run.job);
  ASSERT_EQ(run.job->ranks.size(), 2U);
  EXPECT_EQ(run.job->ranks[0].node, 0);
  EXPECT_EQ(run.job->ranks[1].node, 1);
  EXPECT_TRUE(run.outcome.finished);
  EXPECT_EQ(run.begin.real_ns, wall + 1 * second);
  EXPECT_EQ(run.end.real_ns, wall + 9 * second);
  const RunSummary s = summarize(run);
  EXPECT_NEAR(s.nodes[0].usage.energy.joules(), 800, 1e-6);
  EXPECT_NEAR(s.nodes[1].usage.energy.joules(), 600, 1e-6);
  EXPECT_NEAR(s.usage.energy.joules(), 1400, 1e-6);
  EXPECT_NEAR(s.usage.duration_s, 8, 1e-9);
  EXPECT_NEAR(s.usage.power_max_W, 200, 1);
}

TEST(JoinTest, RanksShareTheirNodesEnergyWhileTheyRun) {
  Contents a = part("a", 0, 0, 20), b = part("b", 0, 0, 20);
  // Nobody runs from 10 to 12 s.
  a.ranks = {rank(0, RankStatus::ok, 1, 9), rank(1, RankStatus::failed, 5, 10), rank(2, RankStatus::ok, 12, 14)};
  b.ranks = {rank(3, RankStatus::lost, 2, 8), rank(4, RankStatus::ok, 2, 0)};
  const RunSummary s = summarize(joined(a, b));
  ASSERT_EQ(s.rank_energies_J.size(), 5U);
  EXPECT_NEAR(s.rank_energies_J[0], 400 + 200, 1e-6);
  EXPECT_NEAR(s.rank_energies_J[1], 200 + 100, 1e-6);
  EXPECT_NEAR(s.rank_energies_J[2], 200, 1e-6);
  EXPECT_NEAR(s.rank_energies_J[3], 300, 1e-6);
  EXPECT_NEAR(s.rank_energies_J[4], 300 + 1200, 1e-6) << "to the last reading";
  EXPECT_NEAR(s.nodes[0].usage.energy.joules(), 600 + 300 + 200 + 200, 1e-6);
}

TEST(JoinTest, SegmentsOfANodeAreOneCurve) {
  Contents first = part("a", 0, 0, 4), again = part("a", 1, 5, 10);
  first.ranks = {rank(0, RankStatus::unfinished, 1, 0), rank(1, RankStatus::unfinished, 1, 0)};
  again.ranks = {rank(0, RankStatus::ok, 1, 9), rank(1, RankStatus::failed, 1, 9)};
  again.ranks[1].exit_code = 3;
  const perun::Run run = joined(again, first);
  ASSERT_EQ(run.nodes.size(), 1U);
  EXPECT_EQ(run.nodes[0].series[0].size(), 11U);
  EXPECT_EQ(run.nodes[0].quality.ticks, 11U);
  EXPECT_NEAR(joules(run), 800, 1e-6) << "the counter tells what was used in between";
  EXPECT_EQ(run.outcome.exit_code, 3);
  EXPECT_TRUE(run.outcome.finished);
}

/// The second sampling process of a node numbers names and threads anew.
TEST(JoinTest, MarksOfASegmentGoOnWhereTheFirstOnesEnded) {
  Contents first = part("a", 0, 0, 4), again = part("a", 1, 5, 10);
  first.ranks = {rank(8, RankStatus::unfinished, 1, 0)};
  again.ranks = {rank(8, RankStatus::ok, 1, 9)};
  Marks& m = first.run.nodes.front().marks;
  m.names = {std::string(other_names), "work", "one"};
  m.threads = {{.number = 0, .rank = 7, .pid = 5, .tid = 5}, {.number = 1, .rank = 8, .pid = 6, .tid = 6}};
  m.timeline = {{.t_ns = 1, .name = 1, .thread = 1}, {.t_ns = 2, .name = 2, .thread = 0}};
  Marks& n = again.run.nodes.front().marks;
  n.names = {std::string(other_names), "two", "work"};
  n.threads = {{.number = 0, .rank = 8, .pid = 6, .tid = 6}, {.number = 1, .rank = 9, .pid = 7, .tid = 7}};
  n.timeline = {{.t_ns = 6, .name = 2, .thread = 0, .kind = MarkKind::end}, {.t_ns = 7, .name = 1, .thread = 1}};
  n.sums = {{.name = 2, .thread = 0, .calls = 1}};
  n.losses.unmatched = 3;
  std::vector<Contents> parts;
  parts.push_back(std::move(again));
  parts.push_back(std::move(first));
  const Marks joined = join(std::move(parts)).run.nodes.front().marks;
  EXPECT_EQ(joined.names, (std::vector<std::string>{std::string(other_names), "work", "one", "two"}));
  ASSERT_EQ(joined.threads.size(), 3U);
  EXPECT_EQ(joined.threads[2].rank, 9);
  EXPECT_EQ(joined.threads[2].number, 2);
  ASSERT_EQ(joined.timeline.size(), 4U);
  EXPECT_EQ(joined.timeline[2], (Mark{.t_ns = 6, .name = 1, .thread = 1, .kind = MarkKind::end}));
  EXPECT_EQ(joined.timeline[3], (Mark{.t_ns = 7, .name = 3, .thread = 2}));
  EXPECT_EQ(joined.sums, (std::vector<MarkSums>{{.name = 1, .thread = 1, .calls = 1}}));
  EXPECT_EQ(joined.losses.unmatched, 3U);
}

TEST(JoinTest, TwoContainersOnOneKernelCountOnce) {
  Contents a = part("box1", 0, 0, 10), b = part("box2", 0, 1, 9);
  a.part->boot_id = b.part->boot_id = "same";
  a.ranks = {rank(0, RankStatus::ok, 1, 9)};
  b.ranks = {rank(1, RankStatus::ok, 2, 8)};
  const perun::Run run = joined(a, b);
  ASSERT_EQ(run.nodes.size(), 1U);
  EXPECT_NEAR(joules(run), 800, 1e-6);
  EXPECT_EQ(run.nodes[0].host, "box1");
  EXPECT_EQ(run.nodes[0].attributes.back(), (std::pair<std::string, std::string>{"also_known_as", "box2"}));
  EXPECT_EQ(run.job->ranks.size(), 2U);
  EXPECT_EQ(run.job->ranks[1].node, 0);
}

TEST(JoinTest, WhatIsNotSeenIsNamed) {
  Contents a = part("a", 0, 0, 10);
  a.part->job.size = 5;
  a.ranks = {rank(0, RankStatus::ok, 1, 9), rank(1, RankStatus::lost, 1, 5), rank(3, RankStatus::unfinished, 1, 0)};
  const perun::Run run = joined(a);
  EXPECT_FALSE(run.outcome.finished);
  EXPECT_EQ(run.outcome.interrupted_by, "rank 1 killed together with perun; rank 3 not seen to end; ranks 2 and 4 never seen");
  EXPECT_NEAR(joules(run), 900, 1e-6) << "to the last reading, since one rank may have gone on";
}

TEST(JoinTest, TheFirstThatFailedGivesTheStatus) {
  Contents a = part("a", 0, 0, 10);
  a.ranks = {rank(0, RankStatus::failed, 1, 9), rank(1, RankStatus::failed, 1, 5)};
  a.ranks[0].exit_code = 1;
  a.ranks[1].exit_code = 139;
  a.ranks[1].signal = 11;
  EXPECT_EQ(joined(a).outcome.signal, 11);
}

TEST(JoinTest, ClocksAnHourApartMakeNoLongRun) {
  Contents a = part("a", 0, 0, 10), b = part("b", 0, 3600, 3610);
  a.ranks = {rank(0, RankStatus::ok, 1, 9)};
  b.ranks = {rank(1, RankStatus::ok, 3601, 3609)};
  const RunSummary s = summarize(joined(a, b));
  EXPECT_NEAR(s.usage.duration_s, 8, 1e-9);
  EXPECT_NEAR(s.usage.energy.joules(), 1600, 1e-6);
  EXPECT_TRUE(std::ranges::any_of(s.notes, [](const Note& n) { return n.caveat == Caveat::clocks_apart; }));
  a.part->clock_error_s = b.part->clock_error_s = 0.001;
  EXPECT_NEAR(summarize(joined(a, b)).usage.duration_s, 3608, 1e-9) << "synchronized: they did run one after the other";
}

TEST(JoinTest, ProgramsOfTheirOwnAreThoseOfTheLowestRank) {
  Contents a = part("a", 0, 0, 10);
  a.ranks = {rank(1, RankStatus::ok, 1, 9), rank(0, RankStatus::ok, 1, 9)};
  a.ranks[1].app = "first";
  a.ranks[1].command = {"./first"};
  const perun::Run run = joined(a);
  EXPECT_EQ(run.app, "first");
  EXPECT_EQ(run.command, std::vector<std::string>{"./first"});
}

TEST(PartNameTest, IsReadBackAndNothingElseIs) {
  const auto path = part_path("/f", "n~1-abc", 3);
  const auto running = parse_part_name(path);
  ASSERT_TRUE(running);
  EXPECT_EQ(running->node, "n~1-abc");
  EXPECT_EQ(running->segment, 3);
  EXPECT_FALSE(running->ended);
  EXPECT_EQ(parse_part_name("/f/n~0.12.part")->ended, 12);
  for (const char* bad : {"x.part", "~0.part", "n~.part", "n~-1.part", "n~0.1.2.part", "n~0.x.part", "n~0.journal", "run.json"})
    EXPECT_FALSE(parse_part_name(bad)) << bad;
}

class JobFolderTest : public testing::Test {
 protected:
  test::Tree tree_;
  std::filesystem::path data_out_ = tree_.at("out");
};

TEST_F(JobFolderTest, EverybodyFindsTheSameRun) {
  const auto a = enter_job(data_out_, "k", 0), b = enter_job(data_out_, "k", 0);
  ASSERT_TRUE(a && b);
  EXPECT_EQ(a->path, b->path);
  EXPECT_EQ(a->run_id, b->run_id);
  EXPECT_NE(enter_job(data_out_, "other", 0)->run_id, a->run_id);
  EXPECT_EQ(job_folders(data_out_).size(), 2U);
  discard_job(a->path);
  EXPECT_NE(enter_job(data_out_, "k", 0)->run_id, a->run_id) << "keys recur, runs do not";
}

TEST_F(JobFolderTest, AnOldJobOfTheSameKeyIsLeftAlone) {
  const auto old = enter_job(data_out_, "k", 1 * second);
  ASSERT_TRUE(old);
  const auto then = std::filesystem::file_time_type::clock::now() - std::chrono::seconds(600);
  std::filesystem::last_write_time(old->path / "run.json", then);
  const auto fresh = enter_job(data_out_, "k", 1 * second);
  ASSERT_TRUE(fresh);
  EXPECT_EQ(fresh->path.filename(), "k.2");
  EXPECT_EQ(enter_job(data_out_, "k", 900 * second)->run_id, old->run_id) << "a process manager older than the folder";
}

TEST_F(JobFolderTest, ProgressIsInTheNames) {
  const auto job = enter_job(data_out_, "k", 0);
  for (const auto* name : {"a-1~0.2.part", "a-1~1.1.part", "b-1~0.part"}) std::ofstream(job->path / name) << "x";
  const std::array folders{job->path};
  EXPECT_EQ(ranks_ended(folders), 3);
  EXPECT_EQ(parts_of(job->path).size(), 3U);
  EXPECT_TRUE(end_part(job->path / "b-1~0.part", 4));
  EXPECT_EQ(ranks_ended(folders), 7);
  discard_job(job->path);
  EXPECT_FALSE(std::filesystem::exists(data_out_ / ".perun"));
}

TEST_F(JobFolderTest, PartsSayWhoWritesThemAndWhereTheyBelong) {
  const auto spool = tree_.at("spool");
  const auto here = enter_job(data_out_, "k", 0), there = enter_job(spool, "k", 0);
  const auto c = part("a", 0, 0, 10);
  const auto writer = Writer::create_at(part_path(there->path, "a", 0), c.run, data_out_, &*c.part);
  ASSERT_TRUE(writer);
  EXPECT_EQ(home_of(writer->path()), data_out_);
  EXPECT_EQ(folders_of_job(data_out_, spool, "k"), (std::vector{here->path, there->path}));
  EXPECT_EQ(folders_of_job(tree_.at("other"), spool, "k"), std::vector<std::filesystem::path>{});
  discard_job(here->path);
  EXPECT_EQ(folders_of_job(data_out_, spool, "k"), std::vector{there->path});
  EXPECT_EQ(names_of_jobs(data_out_, spool), std::vector<std::string>{"k"});
}

TEST_F(JobFolderTest, AJobThatWasKilledLongAgoIsNotJoinedByItsKeyAlone) {
  const auto old = enter_job(data_out_, "k", 0);
  const auto part = part_path(old->path, "a", 0);
  std::ofstream(part) << "x";
  EXPECT_EQ(enter_job(data_out_, "k", 0)->path, old->path) << "its sampling process may be started anew";
  std::filesystem::last_write_time(part, std::filesystem::file_time_type::clock::now() - std::chrono::seconds(600));
  EXPECT_EQ(enter_job(data_out_, "k", 0)->path.filename(), "k.2");
  EXPECT_TRUE(end_part(part, 1));
  EXPECT_EQ(enter_job(data_out_, "k", 0)->path, old->path) << "ranks may come one after the other";
}

/// Writes a part of a job of `size` ranks where the job `key` has its folder.
std::filesystem::path write_part(const std::filesystem::path& data_out, const char* key, const Contents& c, int size) {
  const auto job = enter_job(data_out, key, 0);
  Part p = *c.part;
  p.job.key = "k";
  p.job.size = size;
  const NodeRecord& node = c.run.nodes[0];
  auto writer = Writer::create_at(part_path(job->path, p.node_id, p.segment), c.run, {}, &p);
  writer->clock(node.clock[0]);
  for (std::size_t k = 0; k < node.series.front().size(); ++k) {
    std::vector<Sample> samples;
    for (std::uint32_t i = 0; i < node.sensors.size(); ++i) {
      const Series& s = node.series[i];
      samples.push_back({i, {s.t_ns[k], s.raw[k], s.halfwidth_ns[k]}});
    }
    writer->samples(samples);
  }
  for (const auto& r : c.ranks) writer->rank(r);
  writer->end();
  EXPECT_TRUE(writer->flush());
  return job->path;
}

TEST_F(JobFolderTest, WhatIsOnlyOpenedIsTheSameRun) {
  Contents first = part("a", 0, 0, 10), again = part("a", 1, 9, 20), other = part("b", 0, 0, 20);
  NodeRecord& later = again.run.nodes[0];
  Sensor fresh = later.sensors[0];
  fresh.id = "fresh";
  later.sensors.insert(later.sensors.begin(), fresh);
  later.series.insert(later.series.begin(), later.series[0]);
  first.ranks = {rank(0, RankStatus::unfinished, 0, 0)};
  again.ranks = {rank(0, RankStatus::lost, 0, 0)};  // whose end is that of the readings
  other.ranks = {rank(1, RankStatus::ok, 0, 19)};
  for (const auto* c : {&first, &again, &other}) write_part(data_out_, "one", *c, 2);
  const std::vector folders{run_folder(data_out_, "one")};
  const auto read = read_job(folders);
  const auto opened = open_job(folders);
  ASSERT_TRUE(read && opened);
  ASSERT_EQ(opened->run.nodes.size(), 2U);
  for (std::size_t n = 0; n < 2; ++n) {
    const NodeRecord &a = read->nodes[n], &b = opened->run.nodes[n];
    EXPECT_EQ(a.sensors, b.sensors);
    EXPECT_EQ(a.begin.mono_ns, b.begin.mono_ns);
    EXPECT_EQ(a.end.mono_ns, b.end.mono_ns);
    ASSERT_TRUE(b.series.empty() && b.recording != nullptr);
    for (int round = 0; round < 2; ++round) {
      std::vector<Series> series(b.sensors.size());
      ASSERT_TRUE(b.recording->replay([&](std::span<const Sample> samples) {
        for (const Sample& s : samples) series[s.sensor].push(s.reading);
      }));
      EXPECT_EQ(series, a.series);
    }
  }
  EXPECT_EQ(read->nodes[0].series[0].size(), 21U);
}

TEST_F(JobFolderTest, PiecesOfDifferentJobsAreNotMixed) {
  const auto write = [&](const char* key, const Contents& c, int size) { return write_part(data_out_, key, c, size); };
  Contents a = part("a", 0, 0, 10), b = part("b", 0, 0, 10);
  a.ranks = {rank(0, RankStatus::ok, 1, 9)};
  b.ranks = {rank(1, RankStatus::ok, 1, 9)};
  const std::vector<std::filesystem::path> same{write("one", a, 2), write("two", b, 2)};
  const auto run = read_job(same);
  ASSERT_TRUE(run) << run.error().what;
  EXPECT_EQ(run->job->ranks.size(), 2U);
  EXPECT_EQ(run->job->ranks[0].status, RankStatus::ok);
  const std::vector<std::filesystem::path> mixed{same[0], write("three", b, 3)};
  EXPECT_EQ(read_job(mixed).error().code, Errc::format);
}

}  // namespace
}  // namespace perun::journal
