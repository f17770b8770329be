// SPDX-License-Identifier: BSD-3-Clause
// The promise of the store that is hardest to keep: whatever happens while a run is added, all older runs are there,
// and the new one is there wholly or not at all.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <hdf5.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>

#include "store/append.hpp"
#include "store/lock.hpp"
#include "store/sidecar.hpp"
#include "store/store.hpp"
#include "support/equal_runs.hpp"
#include "support/sample_run.hpp"
#include "support/tree.hpp"

namespace perun {
namespace {

using test::sample_summary;

perun::Run numbered(int number, std::size_t ticks = 2) {
  perun::Run run = test::sample_run(2, ticks);
  run.id = "run-" + std::to_string(number);
  run.nodes[0].series[0].raw[0] = 1000 + number;
  return run;
}

std::string bytes_of(const std::filesystem::path& path) {
  std::stringstream out;
  out << std::ifstream(path, std::ios::binary).rdbuf();
  return out.str();
}

/// What a program without perun sees: names of the runs whose first sample it can read. Nothing when the file cannot
/// be opened or listed.
std::optional<std::set<int>> runs_seen_by_plain_hdf5(const std::filesystem::path& file) {
  const hid_t id = H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  if (id < 0) return std::nullopt;
  const hid_t app = H5Gopen2(id, "app", H5P_DEFAULT);
  std::set<std::string> names;
  const auto take = [](hid_t, const char* name, const H5L_info_t*, void* to) -> herr_t {
    static_cast<std::set<std::string>*>(to)->insert(name);
    return 0;
  };
  bool good = H5Literate(app, H5_INDEX_NAME, H5_ITER_NATIVE, nullptr, take, &names) >= 0;
  std::set<int> runs;
  for (const auto& name : names) {
    const hid_t data = H5Dopen2(app, (name + "/node/rapl_package_0").c_str(), H5P_DEFAULT);
    std::int64_t raw[2] = {};
    good = good && data >= 0 && H5Dread(data, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, raw) >= 0;
    if (data >= 0) H5Dclose(data);
    const int number = std::stoi(name.substr(4));
    good = good && raw[0] == 1000 + number && raw[1] == 11'000'000;
    runs.insert(number);
  }
  H5Gclose(app);
  H5Fclose(id);
  return good ? std::optional(runs) : std::nullopt;
}

struct CommitTest : testing::Test {
  using Run = perun::Run;  // not testing::Test::Run
  test::Tree tree;
  std::filesystem::path file = tree.at("app.hdf5");

  void add(int number) {
    const auto added = append_run(file, numbered(number), sample_summary());
    ASSERT_TRUE(added) << added.error().what;
    ASSERT_EQ(*added, number);
  }

  /// Adds a run in another process, which ends itself after step `last`. True when it came to that.
  bool add_and_die(int number, int last) {
    const pid_t child = ::fork();
    if (child == 0) {
      int step = 0;
      AppendOptions options;
      options.hook = [&](std::string_view) {
        if (step++ == last) ::_exit(77);
      };
      ::_exit(append_run_with(file, numbered(number), sample_summary(), options) ? 0 : 1);
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && (WEXITSTATUS(status) == 77 || WEXITSTATUS(status) == 0)) << status;
    return WEXITSTATUS(status) == 77;
  }

  std::vector<std::string> steps_of_adding(int number) {
    std::vector<std::string> steps;
    AppendOptions options;
    options.hook = [&](std::string_view step) { steps.emplace_back(step); };
    EXPECT_TRUE(append_run_with(file, numbered(number), sample_summary(), options));
    return steps;
  }
};

/// Number of runs that are there before the one during whose commit the process dies. 0: the file is made; 32:
/// a node of the group's tree splits; 63: the list of names moves.
class KillTest : public CommitTest, public testing::WithParamInterface<int> {};

TEST_P(KillTest, AfterAnyStepEveryOldRunIsThereAndTheNewOneWhollyOrNotAtAll) {
  const int before = GetParam();
  for (int i = 0; i < before; ++i) add(i);
  const std::string start = before > 0 ? bytes_of(file) : "";
  std::set<int> old_runs;
  for (int i = 0; i < before; ++i) old_runs.insert(i);
  auto all_runs = old_runs;
  all_runs.insert(before);

  int points = 0;
  for (; points < 1000; ++points) {
    std::filesystem::remove(file);
    std::filesystem::remove(sidecar_path(file));
    if (before > 0) std::ofstream(file, std::ios::binary) << start;
    const bool died = add_and_die(before, points);

    if (before > 0 || std::filesystem::exists(file)) {
      const auto seen = runs_seen_by_plain_hdf5(file);
      ASSERT_TRUE(seen) << "plain HDF5 cannot read the file after step " << points;
      EXPECT_TRUE(*seen == old_runs || *seen == all_runs) << "after step " << points << " there are " << seen->size();
      const auto store = Store::open(file);
      ASSERT_TRUE(store) << store.error().what;
      const auto list = store->list();
      ASSERT_TRUE(list) << list.error().what;
      EXPECT_TRUE(list->size() == old_runs.size() || list->size() == all_runs.size()) << points;
      EXPECT_EQ(store->totals().runs, static_cast<int>(list->size())) << points;
      for (const auto& stored : *list) {
        if (stored.number > 0 && stored.number < before - 1) continue;
        auto expected = numbered(stored.number);
        expected.number = stored.number;
        const auto run = store->load(stored.number);
        ASSERT_TRUE(run) << run.error().what;
        test::expect_equal(*run, expected);
      }
    }
    // The next writer finds nothing in its way.
    const int next = static_cast<int>(std::filesystem::exists(file) ? Store::open(file)->list()->size() : 0);
    add(next);
    for (const auto& entry : std::filesystem::directory_iterator(tree.root())) EXPECT_EQ(entry.path(), file) << "left behind";
    if (!died) break;
  }
  EXPECT_GE(points, before == 0 ? 3 : 7);
}

INSTANTIATE_TEST_SUITE_P(RunsBefore, KillTest, testing::Values(0, 1, 32, 33, 63, 64));

TEST_F(CommitTest, AProcessKilledAtAnyMomentLeavesAGoodFile) {
  add(0);
  std::size_t least = 1;
  for (int kill = 0; kill < 25; ++kill) {
    int done[2] = {};
    ASSERT_EQ(::pipe(done), 0);
    const pid_t child = ::fork();
    if (child == 0)
      for (auto next = static_cast<int>(least);; ++next)
        if (!append_run(file, numbered(next), sample_summary()) || ::write(done[1], "x", 1) != 1) ::_exit(1);
    char byte = 0;
    ASSERT_EQ(::read(done[0], &byte, 1), 1);  // one run is in, the next on its way
    ::usleep(static_cast<useconds_t>(kill * 200));
    ::kill(child, SIGKILL);
    ::close(done[0]);
    ::close(done[1]);
    int status = -1;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));
    const auto seen = runs_seen_by_plain_hdf5(file);
    ASSERT_TRUE(seen) << kill;
    const auto store = Store::open(file);
    ASSERT_TRUE(store) << store.error().what;
    EXPECT_GE(store->list()->size(), std::max(least + 1, seen->size()));
    least = store->list()->size();
    EXPECT_EQ(store->totals().runs, static_cast<int>(least));
  }
}

TEST_F(CommitTest, StepsComeInTheOrderThatSurvivesAPowerCut) {
  add(0);
  const auto steps = steps_of_adding(1);
  const auto at = [&](std::string_view name) { return std::find(steps.begin(), steps.end(), name) - steps.begin(); };
  EXPECT_LT(at("write new"), at("sync new"));
  EXPECT_LT(at("sync new"), at("write sidecar"));
  EXPECT_LT(at("write sidecar"), at("sync sidecar"));
  EXPECT_LT(at("sync sidecar"), at("write old"));
  EXPECT_LT(at("write old"), at("sync old"));
  EXPECT_LT(at("sync old"), at("remove sidecar"));
  EXPECT_EQ(at("remove sidecar"), static_cast<std::ptrdiff_t>(steps.size()) - 1);
}

TEST_F(CommitTest, OneSynchronisationPerPhase) {
  add(0);
  const auto steps = steps_of_adding(1);
  EXPECT_EQ(std::count(steps.begin(), steps.end(), "sync new"), 1);
  EXPECT_EQ(std::count(steps.begin(), steps.end(), "sync old"), 1);
  EXPECT_EQ(std::count(steps.begin(), steps.end(), "write new"), 1);
  EXPECT_LE(std::count(steps.begin(), steps.end(), "write old"), 8);
}

TEST_F(CommitTest, AReaderWhoMayNotWriteSeesAnInterruptedCommitFinished) {
  add(0);
  // Cut after the sidecar is whole and nothing old is overwritten.
  const auto copy = tree.at("copy");
  std::filesystem::create_directory(copy);
  AppendOptions options;
  options.hook = [&](std::string_view step) {
    if (step != "sync sidecar") return;
    std::filesystem::copy(file, copy / "app.hdf5");
    std::filesystem::copy(sidecar_path(file), sidecar_path(copy / "app.hdf5"));
  };
  ASSERT_TRUE(append_run_with(file, numbered(1), sample_summary(), options));
  const auto interrupted = copy / "app.hdf5";
  const std::string before = bytes_of(interrupted);

  const auto data = open_locked(interrupted, O_RDONLY, Share::readers, 0);  // another reader: nobody may repair now
  ASSERT_TRUE(data);
  {
    const auto store = Store::open(interrupted);
    ASSERT_TRUE(store) << store.error().what;
    EXPECT_EQ(store->list()->size(), 2U);
    EXPECT_TRUE(store->load(1));
  }
  EXPECT_TRUE(bytes_of(interrupted) == before);
  EXPECT_TRUE(std::filesystem::exists(sidecar_path(interrupted)));
}

TEST_F(CommitTest, AnInterruptedCommitIsFinishedOnDiskByTheNextReader) {
  add(0);
  ASSERT_TRUE(add_and_die(1, 4));  // write new, sync new, write sidecar, sync sidecar, first write of an old part
  ASSERT_TRUE(std::filesystem::exists(sidecar_path(file)));
  ASSERT_TRUE(Store::open(file));
  EXPECT_FALSE(std::filesystem::exists(sidecar_path(file)));
  EXPECT_EQ(runs_seen_by_plain_hdf5(file), (std::set<int>{0, 1}));
}

TEST_F(CommitTest, ASidecarOfAnotherFileIsDropped) {
  add(0);
  ASSERT_TRUE(add_and_die(1, 3));
  const std::string sidecar = bytes_of(sidecar_path(file));
  ASSERT_FALSE(sidecar.empty());
  std::filesystem::remove(sidecar_path(file));
  std::filesystem::remove(file);
  add(0);
  const std::string whole = bytes_of(file);
  std::ofstream(sidecar_path(file), std::ios::binary) << sidecar;
  ASSERT_TRUE(Store::open(file));
  EXPECT_TRUE(bytes_of(file) == whole);
  EXPECT_FALSE(std::filesystem::exists(sidecar_path(file)));
}

TEST_F(CommitTest, AFullDiskLeavesTheFileAsItWas) {
  for (int i = 0; i < 3; ++i) add(i);
  const std::string before = bytes_of(file);
  // Limits from "not one byte more" to "almost enough".
  const perun::Run big = numbered(3, 5'000);
  for (const std::size_t more : {0, 100, 5'000, 20'000}) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::signal(SIGXFSZ, SIG_IGN);
      const rlimit limit{before.size() + more, before.size() + more};
      ::setrlimit(RLIMIT_FSIZE, &limit);
      const auto added = append_run(file, big, sample_summary());
      ::_exit(!added && added.error().code == Errc::io ? 0 : 1);
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0) << more;
    EXPECT_TRUE(bytes_of(file) == before) << more;
    EXPECT_FALSE(std::filesystem::exists(sidecar_path(file)));
  }
  add(3);
}

TEST_F(CommitTest, AFullDiskDuringALongRunLeavesTheFileAsItWas) {
  add(0);
  const std::string before = bytes_of(file);
  perun::Run noisy = numbered(1, 300'000);  // more than is kept in memory
  std::uint64_t state = 1;
  for (auto& series : noisy.nodes[0].series)
    for (auto& raw : series.raw)
      raw = static_cast<std::int64_t>((state = state * 6364136223846793005U + 1442695040888963407U) >> 1);
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1 << 20, 1 << 20};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const auto added = append_run(file, noisy, sample_summary());
    ::_exit(!added && added.error().what.find("File too large") != std::string::npos ? 0 : 1);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(bytes_of(file) == before);
  const auto added = append_run(file, noisy, sample_summary());
  ASSERT_TRUE(added);
  noisy.number = *added;
  test::expect_equal(*Store::open(file)->load(*added), noisy);
}

TEST_F(CommitTest, AFullDiskLeavesNoHalfNewFile) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1000, 1000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    ::_exit(append_run(file, numbered(0), sample_summary()) ? 1 : 0);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(std::filesystem::is_empty(tree.root()));
}

}  // namespace
}  // namespace perun
