// SPDX-License-Identifier: BSD-3-Clause
// Changes to stored runs: right, wholly or not at all, and nothing else touched.
#include <gtest/gtest.h>
#include <hdf5.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <set>
#include <sstream>

#include "analysis/summarize.hpp"
#include "store/edit.hpp"
#include "store/new_file.hpp"
#include "store/sidecar.hpp"
#include "store/store.hpp"
#include "support/equal_runs.hpp"
#include "support/sample_run.hpp"
#include "support/tree.hpp"

namespace perun {
namespace {

perun::Run numbered(int number) {
  perun::Run run = test::sample_run(2, 3);
  run.id = "run-" + std::to_string(number);
  run.tags = {"first"};
  run.nodes[0].series[0].raw[0] = 1000 + number;
  return run;
}

std::string bytes_of(const std::filesystem::path& path) {
  std::stringstream out;
  out << std::ifstream(path, std::ios::binary).rdbuf();
  return out.str();
}

/// Numbers of the runs that plain HDF5 lists, each with the first sample it should have. Nothing when that fails.
std::optional<std::set<int>> runs_seen_by_plain_hdf5(const std::filesystem::path& file) {
  const hid_t id = H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  if (id < 0) return std::nullopt;
  const hid_t app = H5Gopen2(id, "app", H5P_DEFAULT);
  std::set<std::string> names;
  const auto take = [](hid_t, const char* name, const H5L_info_t*, void* to) -> herr_t {
    static_cast<std::set<std::string>*>(to)->insert(name);
    return 0;
  };
  bool good = app >= 0 && H5Literate(app, H5_INDEX_NAME, H5_ITER_NATIVE, nullptr, take, &names) >= 0;
  std::set<int> runs;
  for (const auto& name : names) {
    const hid_t data = H5Dopen2(app, (name + "/node/rapl_package_0").c_str(), H5P_DEFAULT);
    std::int64_t raw[3] = {};
    good = good && data >= 0 && H5Dread(data, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, raw) >= 0;
    if (data >= 0) H5Dclose(data);
    const int number = std::stoi(name.substr(4));
    good = good && raw[0] == 1000 + number;
    runs.insert(number);
  }
  if (app >= 0) H5Gclose(app);
  H5Fclose(id);
  return good ? std::optional(runs) : std::nullopt;
}

struct EditTest : testing::Test {
  using Run = perun::Run;  // not testing::Test::Run
  test::Tree tree;
  std::filesystem::path file = tree.at("app.hdf5");

  void fill(int count) {
    for (int i = 0; i < count; ++i) {
      const Run run = numbered(i);
      ASSERT_TRUE(append_run(file, run, summarize(run)));
    }
  }
  Run load(int number) { return *Store::open(file)->load(number); }
  std::vector<int> numbers() { return *Store::open(file)->numbers(); }
};

TEST_F(EditTest, TagsAndTitlesChangeAndNothingElseDoes) {
  fill(3);
  std::vector<Run> before{load(0), load(1), load(2)};
  EXPECT_EQ(*edit_runs(file, std::vector{0, 2}, {"a title", {"adam", "first"}, {}}), 2);
  EXPECT_EQ(load(0).tags, (std::vector<std::string>{"first", "adam"}));
  EXPECT_EQ(load(2).title, "a title");
  EXPECT_EQ(*edit_runs(file, std::vector{0, 1, 2}, {std::nullopt, {}, {"first", "none"}}), 3);
  EXPECT_EQ(*edit_runs(file, std::vector{0, 1, 2}, {std::nullopt, {}, {"first", "none"}}), 0);
  EXPECT_EQ(*edit_runs(file, std::vector{2}, {"", {}, {}}), 1);
  EXPECT_EQ(load(2).title, "");
  for (int i = 0; i < 3; ++i) {
    Run now = load(i);
    EXPECT_EQ(now.tags, i == 1 ? std::vector<std::string>{} : std::vector<std::string>{"adam"});
    now.tags = before[static_cast<std::size_t>(i)].tags;
    now.title = "";
    test::expect_equal(now, before[static_cast<std::size_t>(i)]);
  }
}

TEST_F(EditTest, ARunThatIsNotThereChangesNothing) {
  fill(2);
  const auto before = bytes_of(file);
  const auto changed = edit_runs(file, std::vector{0, 7}, {"x", {}, {}});
  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error().code, Errc::not_found);
  EXPECT_NE(changed.error().what.find("no run 7"), std::string::npos) << changed.error().what;
  EXPECT_FALSE(delete_runs(file, std::vector{1, 7}));
  EXPECT_EQ(bytes_of(file), before);
}

TEST_F(EditTest, DeletedRunsAreGoneFromTotalsAndTheirNumbersStayTheirs) {
  fill(4);
  const auto all = Store::open(file)->totals();
  ASSERT_TRUE(delete_runs(file, std::vector{1, 3}));
  EXPECT_EQ(numbers(), (std::vector{0, 2}));
  const auto left = Store::open(file)->totals();
  EXPECT_EQ(left.runs, 2);
  EXPECT_NEAR(left.usage.energy.joules(), all.usage.energy.joules() / 2, 1e-5) << "they differ by a microjoule";
  EXPECT_NEAR(left.footprint->cost_cent, all.footprint->cost_cent / 2, 1e-9);
  EXPECT_EQ(left.usage.duration_s, all.usage.duration_s / 2);
  const auto added = append_run(file, numbered(4), summarize(numbered(4)));
  ASSERT_TRUE(added) << added.error().what;
  EXPECT_EQ(*added, 4);
  EXPECT_EQ(runs_seen_by_plain_hdf5(file), (std::set{0, 2, 4}));
}

TEST_F(EditTest, AFileCanBecomeEmptyAndIsFilledAgain) {
  fill(2);
  ASSERT_TRUE(delete_runs(file, std::vector{0, 1}));
  EXPECT_EQ(numbers(), std::vector<int>{});
  EXPECT_EQ(Store::open(file)->totals().runs, 0);
  EXPECT_EQ(Store::open(file)->totals().usage.energy.kind, Kind::unavailable);
  EXPECT_EQ(*append_run(file, numbered(2), summarize(numbered(2))), 2);
  ASSERT_TRUE(delete_runs(file, std::vector{2}));
  const auto freed = compact_file(file, [](const RunInFile& run) -> Result<RunSummary> { return summarize(*run.load()); });
  ASSERT_TRUE(freed) << freed.error().what;
  EXPECT_EQ(*append_run(file, numbered(3), summarize(numbered(3))), 3);
  EXPECT_EQ(Store::open(file)->app(), "app");
}

TEST_F(EditTest, CompactingGivesTheRoomBackAndKeepsTheRest) {
  fill(20);
  ASSERT_EQ(::chmod(file.c_str(), 0640), 0);
  const auto full = std::filesystem::file_size(file);
  std::vector<int> gone;
  for (int i = 0; i < 20; i += 2) gone.push_back(i);
  gone.push_back(19);
  ASSERT_TRUE(delete_runs(file, gone));
  EXPECT_GE(std::filesystem::file_size(file), full);
  std::vector<Run> before;
  for (const int i : numbers()) before.push_back(load(i));
  ASSERT_EQ(before.size(), 9U);
  const auto totals = Store::open(file)->totals();
  const auto freed = compact_file(file, [](const RunInFile& run) -> Result<RunSummary> { return summarize(*run.load()); });
  ASSERT_TRUE(freed) << freed.error().what;
  EXPECT_LT(std::filesystem::file_size(file), full * 6 / 10);
  EXPECT_GT(*freed, 0);
  for (const auto& run : before) test::expect_equal(load(run.number), run);
  EXPECT_NEAR(Store::open(file)->totals().usage.energy.joules(), totals.usage.energy.joules(), 1e-9);
  struct stat facts {};
  ASSERT_EQ(::stat(file.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777U, 0640U);
  EXPECT_EQ(*append_run(file, numbered(20), summarize(numbered(20))), 20) << "the highest number was deleted, not freed";
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(file.parent_path())) files += entry.is_regular_file() ? 1 : 0;
  EXPECT_EQ(files, 1U);
}

TEST_F(EditTest, AnApplicationIsRenamedWithItsFile) {
  fill(3);
  std::vector<Run> before{load(0), load(1), load(2)};
  const std::string name = "a much longer name, with a comma";
  const auto renamed = rename_application(file, name);
  ASSERT_TRUE(renamed) << renamed.error().what;
  EXPECT_EQ(*renamed, file.parent_path() / (name + ".hdf5"));
  EXPECT_FALSE(std::filesystem::exists(file));
  file = *renamed;
  EXPECT_EQ(Store::open(file)->app(), name);
  for (int i = 0; i < 3; ++i) {
    Run now = load(i);
    EXPECT_EQ(now.app, name);
    now.app = "app";
    test::expect_equal(now, before[static_cast<std::size_t>(i)]);
  }
  Run more = numbered(3);
  more.app = name;
  EXPECT_TRUE(check_appendable(file, name));
  EXPECT_EQ(*append_run(file, more, summarize(more)), 3);
  tree.file("taken.hdf5", "x");
  const auto taken = rename_application(file, "taken");
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, Errc::invalid);
  EXPECT_EQ(numbers().size(), 4U);
}

TEST_F(EditTest, NewFilesKeepNumbersAndReplaceNone) {
  fill(5);
  const auto target = tree.at("new.hdf5");
  std::vector<int> wanted{1, 4};
  std::size_t at = 0;
  const NextRun next = [&](Run& run, RunSummary& summary) -> Result<bool> {
    if (at == wanted.size()) return false;
    run = load(wanted[at++]);
    summary = summarize(run);
    return true;
  };
  ASSERT_TRUE(make_file(target, "app", next));
  EXPECT_EQ(*Store::open(target)->numbers(), wanted);
  test::expect_equal(*Store::open(target)->load(4), load(4));
  at = 0;
  const auto again = make_file(target, "app", next);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Errc::invalid);
  EXPECT_FALSE(make_file(tree.at("bad.hdf5"), "app", [](Run&, RunSummary&) -> Result<bool> { return Error{Errc::io, "no"}; }));
  EXPECT_FALSE(std::filesystem::exists(tree.at("bad.hdf5")));
  EXPECT_FALSE(std::filesystem::exists(tree.at(".bad.hdf5.new")));
}

/// Number of runs in the file. 16 and 32: nodes of the group's tree go with their last entries.
class EditKillTest : public EditTest, public testing::WithParamInterface<int> {
 public:
  /// Makes the change in another process, which ends itself after step `last`. True when it came to that.
  template <class Change>
  static bool change_and_die(Change&& change, int last) {
    const pid_t child = ::fork();
    if (child == 0) {
      int step = 0;
      const CommitHook hook = [&](std::string_view) {
        if (step++ == last) ::_exit(77);
      };
      ::_exit(change(hook) ? 0 : 1);
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && (WEXITSTATUS(status) == 77 || WEXITSTATUS(status) == 0)) << status;
    return WEXITSTATUS(status) == 77;
  }
};

TEST_P(EditKillTest, ADeletionIsWholeAfterAnyStep) {
  fill(GetParam());
  const std::string start = bytes_of(file);
  std::vector<int> gone;
  std::set<int> all, left;
  for (int i = 0; i < GetParam(); ++i) {
    all.insert(i);
    if (i % 8 < 3 || i / 8 == 1)
      gone.push_back(i);
    else
      left.insert(i);
  }
  int steps = 0;
  for (bool died = true; died; ++steps) {
    std::ofstream(file, std::ios::binary) << start;
    ::unlink(sidecar_path(file).c_str());
    died = change_and_die([&](const CommitHook& hook) { return static_cast<bool>(delete_runs(file, gone, hook)); }, steps);
    const auto seen = runs_seen_by_plain_hdf5(file);
    ASSERT_TRUE(seen) << "step " << steps;
    for (const int number : left) ASSERT_TRUE(seen->contains(number)) << "run " << number << " is lost after step " << steps;
    const auto store = Store::open(file);
    ASSERT_TRUE(store) << store.error().what;
    const auto now = *store->numbers();
    const std::set<int> found(now.begin(), now.end());
    ASSERT_TRUE(found == all || found == left) << "step " << steps;
    ASSERT_EQ(store->totals().runs, static_cast<int>(found.size())) << "step " << steps;
  }
  EXPECT_GT(steps, 5);
  EXPECT_EQ(runs_seen_by_plain_hdf5(file), left);
}

TEST_P(EditKillTest, AnEditIsWholeAfterAnyStep) {
  fill(GetParam());
  const std::string start = bytes_of(file);
  const std::vector<int> numbers{0, GetParam() - 1};
  const RunEdit edit{"a title that is longer than any gap that the old attributes have left: " + std::string(300, 'x'),
                     {"adam", std::string(90, 'y')},
                     {"first"}};
  int steps = 0;
  for (bool died = true; died; ++steps) {
    std::ofstream(file, std::ios::binary) << start;
    ::unlink(sidecar_path(file).c_str());
    died =
        change_and_die([&](const CommitHook& hook) { return static_cast<bool>(edit_runs(file, numbers, edit, hook)); }, steps);
    const auto seen = runs_seen_by_plain_hdf5(file);
    ASSERT_TRUE(seen) << "step " << steps;
    ASSERT_EQ(seen->size(), static_cast<std::size_t>(GetParam())) << "step " << steps;
    const Run first = load(0), last = load(GetParam() - 1);
    const bool changed = first.title == *edit.title;
    ASSERT_EQ(last.title == *edit.title, changed) << "step " << steps;
    ASSERT_EQ(first.tags.size(), changed ? 2U : 1U) << "step " << steps;
    ASSERT_EQ(last.tags, first.tags);
  }
  EXPECT_EQ(load(0).title, *edit.title);
}

INSTANTIATE_TEST_SUITE_P(Runs, EditKillTest, testing::Values(9, 40));

}  // namespace
}  // namespace perun
