// SPDX-License-Identifier: BSD-3-Clause
#include "launch/provenance.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>

#include "host/clock.hpp"
#include "launch/git_look.hpp"
#include "support/tree.hpp"

namespace perun {
namespace {

using Pairs = Attributes;

std::string value_of(const Attributes& facts, std::string_view key) {
  for (const auto& [name, value] : facts)
    if (name == key) return value;
  return "(none)";
}

TEST(Provenance, KeepsWhatChangesHowProgramsRunAndNothingElse) {
  const std::vector<std::string_view> environment{
      "OMP_NUM_THREADS=8",     "SLURM_JOB_ID=17",       "HOME=/home/anna", "PATH=/bin", "MY_NUM_THREADS=2",
      "CUDA_VISIBLE_DEVICES=", "LD_LIBRARY_PATH=/x:/y", "BROKEN",          "=x",        "USER=anna",
      "JULIA_NUM_THREADS=4"};
  EXPECT_EQ(chosen_environment(environment), (Pairs{{"env:CUDA_VISIBLE_DEVICES", ""},
                                                    {"env:JULIA_NUM_THREADS", "4"},
                                                    {"env:LD_LIBRARY_PATH", "/x:/y"},
                                                    {"env:MY_NUM_THREADS", "2"},
                                                    {"env:OMP_NUM_THREADS", "8"},
                                                    {"env:SLURM_JOB_ID", "17"}}));
}

TEST(Provenance, NeverKeepsASecret) {
  for (const std::string_view entry :
       {"SLURM_JWT_TOKEN=abc", "TORCH_API_KEY=abc", "OMPI_SECRET=abc", "PBS_PASSWORD=abc", "slurm_passwd=x", "SLURM_AUTH=abc",
        "NCCL_CREDENTIALS=abc", "TF_PROXY=http://anna:hunter2@proxy", "UCX_SESSION=1", "MPICH_PRIVATE=1", "JAX_KEY_FILE=/x"}) {
    const std::vector<std::string_view> one{entry};
    EXPECT_EQ(chosen_environment(one), Pairs{}) << entry;
  }
  EXPECT_FALSE(looks_secret("OMP_PLACES", "cores"));
}

TEST(Provenance, LongAndOddValuesAreMadeFit) {
  const std::string large = "OMP_X=" + std::string(10'000, 'x'), odd = "OMP_Y=\xFF";
  const std::vector<std::string_view> both{large, odd};
  const auto facts = chosen_environment(both);
  EXPECT_EQ(value_of(facts, "env:OMP_X"), std::string(4096, 'x') + "...");
  EXPECT_EQ(value_of(facts, "env:OMP_Y"), "\xEF\xBF\xBD");
}

TEST(Provenance, LimitsAreThoseOfTheProcess) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_CORE, &before), 0);
  rlimit now{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &now), 0);
  const rlimit lower{now.rlim_max - 1, now.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &lower), 0);
  EXPECT_EQ(value_of(limits_of(::getpid()), "limit:open_files"),
            std::to_string(now.rlim_max - 1) + " of " + std::to_string(now.rlim_max));
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &now), 0);
}

TEST(Provenance, TellsTheExecutableAndTheTurbo) {
  test::Tree tree;
  Host host = tree.host();
  EXPECT_NE(value_of(circumstances_of(::getpid(), host), "executable").find("provenance_test"), std::string::npos);
  EXPECT_EQ(value_of(circumstances_of(::getpid(), host), "turbo"), "(none)");
  tree.file("sys/devices/system/cpu/intel_pstate/no_turbo", "1\n");
  EXPECT_EQ(value_of(circumstances_of(::getpid(), host), "turbo"), "off");
}

TEST(Git, StatusBecomesFacts) {
  EXPECT_EQ(git_facts("# branch.oid 0123\n# branch.head main\n"),
            (Pairs{{"git_commit", "0123"}, {"git_branch", "main"}, {"git_dirty", "no"}}));
  EXPECT_EQ(
      value_of(git_facts("# branch.oid 0123\n# branch.head main\n1 .M N... 100644 100644 100644 a b file\n"), "git_dirty"),
      "yes");
  EXPECT_EQ(git_facts(""), Pairs{});
  EXPECT_EQ(git_facts("fatal: not a git repository"), Pairs{});
}

struct GitTest : testing::Test {
  test::Tree tree;
  void git(const std::string& words) {
    const auto command = "cd '" + tree.at("repo").string() +
                         "' && HOME=/nonexistent GIT_CONFIG_NOSYSTEM=1 git -c user.name=a -c user.email=a@b " + words +
                         " >/dev/null 2>&1";
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
  }
};

TEST_F(GitTest, CommitAndChangesOfTheFolder) {
  tree.file("repo/sub/a.txt", "one\n");
  git("init -b trunk .");
  git("add .");
  git("commit -m first");
  GitLook clean;
  clean.start(tree.at("repo/sub"));
  const auto before = clean.finish(20'000);
  EXPECT_EQ(value_of(before, "git_commit").size(), 40U);
  EXPECT_EQ(value_of(before, "git_branch"), "trunk");
  EXPECT_EQ(value_of(before, "git_dirty"), "no");
  tree.file("repo/sub/a.txt", "another\n");
  GitLook changed;
  changed.start(tree.at("repo"));
  EXPECT_EQ(value_of(changed.finish(20'000), "git_dirty"), "yes");
}

TEST_F(GitTest, NothingIsStartedOutsideOfWorkingTrees) {
  tree.file("plain/file", "x");
  GitLook look;
  look.start(tree.at("plain"));
  const auto begin = monotonic_ns();
  EXPECT_EQ(look.finish(20'000), Pairs{});
  EXPECT_LT(monotonic_ns() - begin, 5'000'000'000);
}

TEST_F(GitTest, AGitThatIsTooSlowIsLeftBehind) {
  tree.file("repo/a", "x");
  git("init .");
  tree.file("bin/git", "#!/bin/sh\nsleep 60\n");
  std::filesystem::permissions(tree.at("bin/git"), std::filesystem::perms::owner_all);
  const std::string path = std::getenv("PATH");
  ::setenv("PATH", (tree.at("bin").string() + ":" + path).c_str(), 1);
  const auto begin = monotonic_ns();
  {
    GitLook look;
    look.start(tree.at("repo"));
    EXPECT_EQ(look.finish(10), Pairs{});
  }
  ::setenv("PATH", path.c_str(), 1);
  EXPECT_LT(monotonic_ns() - begin, 30'000'000'000);
}

}  // namespace
}  // namespace perun
