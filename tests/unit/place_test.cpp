// SPDX-License-Identifier: BSD-3-Clause
#include "launch/place.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace perun {
namespace {

using Words = std::vector<std::string>;

const Ancestor shell{.name = "bash", .words = {"bash"}, .age_ns = 1};

// Recorded: mpirun (Open MPI) 4.1.4 of Debian 12, rank 1 of 4 on the first of two nodes.
const Environment open_mpi_4{{"OMPI_COMM_WORLD_RANK", "1"},
                             {"OMPI_COMM_WORLD_SIZE", "4"},
                             {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                             {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"},
                             {"OMPI_MCA_orte_num_nodes", "2"},
                             {"OMPI_MCA_orte_hnp_uri", "111607808.0;tcp://192.0.2.2:58059"},
                             {"OMPI_MCA_ess_base_jobid", "111607809"},
                             {"PMIX_NAMESPACE", "111607809"},
                             {"PMIX_RANK", "1"}};
const Ancestor mpirun_4{.name = "mpirun.openmpi", .words = {"mpirun.openmpi", "-n", "4"}, .age_ns = 50};

// As PRRTE 3 sets them: the same names, and a namespace that holds host and process.
const Environment open_mpi_5{{"OMPI_COMM_WORLD_RANK", "3"},
                             {"OMPI_COMM_WORLD_SIZE", "4"},
                             {"OMPI_COMM_WORLD_LOCAL_SIZE", "4"},
                             {"PMIX_NAMESPACE", "prterun-n1-4711@1"},
                             {"PMIX_RANK", "3"}};

// Recorded: mpirun (hydra) 4.0.2 of Debian 12.
const Environment mpich{
    {"PMI_RANK", "0"}, {"PMI_SIZE", "2"}, {"PMI_FD", "6"}, {"MPI_LOCALRANKID", "0"}, {"MPI_LOCALNRANKS", "2"}};
const Ancestor hydra{.name = "hydra_pmi_proxy",
                     .words = {"/usr/bin/hydra_pmi_proxy", "--control-port", "vm:41797", "--rmk", "user", "--proxy-id", "0"},
                     .age_ns = 70};

// As srun of Slurm 22.05 sets them: rank 2 of 3 on the second of two nodes.
const Environment slurm{{"SLURM_JOB_ID", "17"},      {"SLURM_STEP_ID", "3"},          {"SLURM_PROCID", "2"},
                        {"SLURM_LOCALID", "0"},      {"SLURM_STEP_NUM_TASKS", "3"},   {"SLURM_NTASKS", "3"},
                        {"SLURM_GTIDS", "2"},        {"SLURM_JOB_NAME", "melt"},      {"SLURM_JOB_PARTITION", "batch"},
                        {"SLURM_JOB_ACCOUNT", "p4"}, {"SLURM_JOB_NODELIST", "n[1-2]"}};
const Ancestor slurmstepd{.name = "slurmstepd", .words = {"slurmstepd: [17.3]"}, .age_ns = 90};

const Environment torch{{"TORCHELASTIC_RUN_ID", "none"},
                        {"TORCHELASTIC_RESTART_COUNT", "0"},
                        {"RANK", "5"},
                        {"WORLD_SIZE", "8"},
                        {"LOCAL_RANK", "1"},
                        {"LOCAL_WORLD_SIZE", "4"},
                        {"MASTER_ADDR", "n1"},
                        {"MASTER_PORT", "29500"}};

Place at(const Environment& e, std::vector<Ancestor> a = {shell}) {
  return place_of(e, a);
}

TEST(PlaceTest, EveryManagerTellsRankSizeAndAKey) {
  struct Row {
    Environment environment;
    Ancestor manager;
    const char* launcher;
    int rank, size;
    std::optional<int> local_size;
    const char* key;
  };
  const Row rows[] = {
      {open_mpi_4, mpirun_4, "openmpi", 1, 4, 2, "ompi-111607809-9e9f32da"},
      {open_mpi_4, {.name = "orted"}, "openmpi", 1, 4, 2, "ompi-111607809-9e9f32da"},
      {open_mpi_5, {.name = "prted"}, "openmpi", 3, 4, 4, nullptr},
      {mpich, hydra, "hydra", 0, 2, 2, nullptr},
      {slurm, slurmstepd, "slurm", 2, 3, 1, "slurm-17.3"},
      {torch, {.name = "python3", .words = {"python3", "/usr/bin/torchrun", "x.py"}}, "torchrun", 5, 8, 4, nullptr},
      {torch, {.name = "python3", .words = {"python3", "-m", "torch.distributed.run"}}, "torchrun", 5, 8, 4, nullptr},
      {{{"PALS_RANKID", "7"}, {"PALS_APID", "a-1"}, {"PMI_SIZE", "64"}, {"PMI_RANK", "7"}},
       {.name = "palsd"},
       "pals",
       7,
       64,
       {},
       "pals-a-1"},
      {{{"FLUX_TASK_RANK", "1"}, {"FLUX_JOB_SIZE", "2"}, {"FLUX_JOB_ID", "f23"}},
       {.name = "flux-shell"},
       "flux",
       1,
       2,
       {},
       "flux-f23"},
  };
  for (const Row& row : rows) {
    const Place place = at(row.environment, {row.manager, shell});
    EXPECT_EQ(place.launcher, row.launcher) << row.manager.name;
    EXPECT_EQ(place.rank, row.rank) << row.launcher;
    EXPECT_EQ(place.size, row.size) << row.launcher;
    EXPECT_EQ(place.local_size, row.local_size) << row.launcher;
    if (row.key != nullptr) {
      EXPECT_EQ(place.key, row.key);
    }
    EXPECT_TRUE(place.shared()) << row.launcher;
    EXPECT_TRUE(place.direct) << row.launcher;
    EXPECT_TRUE(place.doubts.empty()) << place.doubts.front();
    EXPECT_EQ(place.manager_age_ns, row.manager.age_ns);
    // Containers hide the ancestors; only MPICH then leaves nothing that names the job.
    if (std::string_view(row.launcher) != "hydra") {
      EXPECT_EQ(at(row.environment).launcher, row.launcher);
      EXPECT_EQ(at(row.environment).key, place.key);
      EXPECT_FALSE(at(row.environment).direct);
    }
  }
}

TEST(PlaceTest, NoManagerIsAlone) {
  EXPECT_FALSE(at({}).shared());
  EXPECT_EQ(at({}).launcher, "none");
  EXPECT_FALSE(at(mpich).shared()) << "no key";
}

TEST(PlaceTest, IntelMpiNamesItsJobs) {
  Environment e = mpich;
  e["I_MPI_HYDRA_UUID"] = "9d260000-7c26-e807-8fb4-050000430af0";
  const Place place = at(e, {{.name = "hydra_pmi_proxy"}, {.name = "hydra_bstrap_pr"}});
  EXPECT_EQ(place.key, "impi-9d260000-7c26-e807-8fb4-050000430af0");
  EXPECT_EQ(place.launcher, "hydra");
  const Place old =
      at(mpich,
         {{.name = "hydra_pmi_proxy"},
          {.name = "hydra_bstrap_pr", .words = {"hydra_bstrap_proxy", "--upstream-host", "n1", "--upstream-port", "40321"}}});
  EXPECT_EQ(old.key, "hydra-n1-40321");
}

TEST(PlaceTest, TheNearestManagerDecides) {
  // mpirun of MPICH in an allocation: srun starts the proxies.
  Environment both = slurm;
  both.insert(mpich.begin(), mpich.end());
  EXPECT_EQ(at(both, {hydra, slurmstepd}).launcher, "hydra");
  EXPECT_EQ(at(both, {slurmstepd}).launcher, "slurm") << "a later srun, with variables left over";
  Environment ompi = slurm;
  ompi.insert(open_mpi_4.begin(), open_mpi_4.end());
  EXPECT_EQ(at(ompi, {{.name = "orted"}, slurmstepd}).launcher, "openmpi");
  // srun starts torchrun, torchrun starts perun.
  Environment all = slurm;
  all.insert(torch.begin(), torch.end());
  EXPECT_EQ(at(all, {{.name = "torchrun"}, slurmstepd}).launcher, "torchrun");
  // Anybody's mpirun.
  EXPECT_EQ(at(open_mpi_4, {{.name = "mpirun"}}).launcher, "openmpi");
  EXPECT_EQ(at(mpich, {{.name = "mpiexec", .words = hydra.words}}).launcher, "hydra");
}

TEST(PlaceTest, AScriptInBetweenIsSeen) {
  EXPECT_TRUE(at(mpich, {hydra, shell}).direct);
  EXPECT_FALSE(at(mpich, {shell, hydra}).direct);
}

TEST(PlaceTest, BatchScriptsAndInteractiveShellsAreOneProcess) {
  Environment batch = slurm;
  batch.erase("SLURM_STEP_ID");
  EXPECT_FALSE(at(batch, {shell, slurmstepd}).shared());
  batch["SLURM_STEP_ID"] = "4294967291";
  EXPECT_FALSE(at(batch, {shell, slurmstepd}).shared());
  EXPECT_EQ(at(batch).scheduler.front(), (std::pair<std::string, std::string>{"job_id", "17"}));
}

TEST(PlaceTest, RequeuedAndRestartedJobsAreOthers) {
  Environment again = slurm;
  again["SLURM_RESTART_COUNT"] = "1";
  EXPECT_EQ(at(again, {slurmstepd}).key, "slurm-17.3-r1");
  Environment restarted = torch;
  restarted["TORCHELASTIC_RESTART_COUNT"] = "1";
  EXPECT_NE(at(restarted).key, at(torch).key);
  Environment other = open_mpi_4;
  other["OMPI_MCA_orte_hnp_uri"] = "111607808.0;tcp://192.0.2.2:58060";
  EXPECT_NE(at(other).key, at(open_mpi_4).key);
}

TEST(PlaceTest, TheSchedulerIsTold) {
  const Attributes expected{{"job_id", "17"},       {"step_id", "3"},  {"job_name", "melt"},
                            {"partition", "batch"}, {"account", "p4"}, {"node_list", "n[1-2]"}};
  EXPECT_EQ(at(slurm).scheduler, expected);
  EXPECT_EQ(at({{"PBS_JOBID", "9.srv"}, {"PBS_QUEUE", "q"}}).scheduler, (Attributes{{"job_id", "9.srv"}, {"partition", "q"}}));
  EXPECT_EQ(at({{"LSB_JOBID", "8"}}).scheduler, (Attributes{{"job_id", "8"}}));
}

TEST(PlaceTest, TheUserHasTheLastWord) {
  Environment e{{"PERUN_RUN_KEY", "melt-1"}, {"PERUN_RANK", "1"}, {"PERUN_SIZE", "3"}, {"PERUN_NODE_ID", "blade/7"}};
  const Place place = at(e);
  EXPECT_EQ(place.launcher, "user");
  EXPECT_EQ(place.key, "melt-1");
  EXPECT_EQ(place.rank, 1);
  EXPECT_EQ(place.size, 3);
  EXPECT_TRUE(place.shared());
  EXPECT_TRUE(place.node_id.starts_with("blade_7-")) << place.node_id;
  e.insert(open_mpi_4.begin(), open_mpi_4.end());
  const Place over = at(e, {mpirun_4});
  EXPECT_EQ(over.launcher, "openmpi");
  EXPECT_EQ(over.rank, 1);
  EXPECT_EQ(over.size, 3);
  EXPECT_EQ(over.key, "melt-1");
}

TEST(PlaceTest, WhatCannotBeIsToldAndAlone) {
  const auto alone = [](Environment e, const std::vector<Ancestor>& a, const char* said) {
    const Place place = place_of(e, a);
    EXPECT_FALSE(place.shared()) << said;
    ASSERT_FALSE(place.doubts.empty()) << said;
    EXPECT_NE(place.doubts.front().find(said), std::string::npos) << place.doubts.front();
  };
  const auto with = [](Environment e, const char* name, const std::string& value) {
    e[name] = value;
    return e;
  };
  alone(with(open_mpi_4, "OMPI_COMM_WORLD_RANK", "4"), {mpirun_4},
        "OMPI_COMM_WORLD_RANK=4 does not fit OMPI_COMM_WORLD_SIZE=4");
  alone(with(open_mpi_4, "OMPI_COMM_WORLD_RANK", "-1"), {mpirun_4}, "OMPI_COMM_WORLD_RANK=-1 is no rank");
  alone(with(open_mpi_4, "OMPI_COMM_WORLD_SIZE", "9999999999999"), {mpirun_4}, "is no number of ranks");
  alone(with(open_mpi_4, "OMPI_COMM_WORLD_SIZE", ""), {mpirun_4}, "OMPI_COMM_WORLD_SIZE= is no number of ranks");
  alone(with(mpich, "PMI_RANK", "0x1"), {hydra}, "PMI_RANK=0x1 is no rank");
  alone(with(slurm, "SLURM_PROCID", "\x1b[31m"), {slurmstepd}, "SLURM_PROCID= [31m is no rank");
  alone({{"PERUN_RANK", "0"}, {"PERUN_SIZE", "2"}}, {shell}, "need PERUN_RUN_KEY");
  alone({{"PERUN_RANK", "2"}, {"PERUN_SIZE", "2"}, {"PERUN_RUN_KEY", "k"}}, {shell}, "PERUN_RANK=2 does not fit PERUN_SIZE=2");
}

TEST(PlaceTest, WhereRank0IsComesFromWhoeverKnows) {
  const auto hosts = [](Environment e, std::string_view key, std::string_view value, std::vector<Ancestor> a = {shell}) {
    if (!key.empty()) e.insert_or_assign(std::string(key), std::string(value));
    return at(e, std::move(a)).rank0_hosts;
  };
  EXPECT_EQ(hosts(slurm, "", "", {slurmstepd}), Words{"n1"});
  EXPECT_EQ(hosts(slurm, "SLURM_STEP_NODELIST", "c[003-005,9]-ib,d7", {slurmstepd}), Words{"c003-ib"});
  EXPECT_EQ(hosts(slurm, "SLURM_STEP_NODELIST", "d7,c[003-005]", {slurmstepd}), Words{"d7"});
  EXPECT_EQ(hosts(torch, "", ""), Words{"n1"});
  EXPECT_EQ(hosts(open_mpi_4, "OMPI_MCA_orte_hnp_uri", "1.0;tcp://192.0.2.2,10.0.0.1:58059", {mpirun_4}),
            (Words{"192.0.2.2", "10.0.0.1"}));
  EXPECT_EQ(hosts(mpich, "", "", {hydra}), Words{"vm"});
  EXPECT_EQ(hosts(mpich, "PERUN_RANK0_ADDR", "a,fe80::1", {hydra}), (Words{"a", "fe80::1"}));
  EXPECT_EQ(hosts(mpich, "PERUN_RANK0_ADDR", "none", {hydra}), Words{});
  for (const auto* bad : {"-h", "a b", "$(id)", "c[1", "[", ",,", "c[]-"})
    for (const auto& host : hosts(slurm, "SLURM_STEP_NODELIST", bad, {slurmstepd}))
      EXPECT_TRUE(host == "n1" || host == "c-") << bad;
  EXPECT_LE(hosts(mpich, "PERUN_RANK0_ADDR", "a,b,c,d,e,f,g,h,i,j,k", {hydra}).size(), 8U);
  EXPECT_EQ(hosts({}, "", ""), Words{});
}

TEST(PlaceTest, NamesAreFitForFilesAndStayDifferent) {
  EXPECT_EQ(as_file_name("slurm-17.3"), "slurm-17.3");
  for (const std::string& bad :
       Words{"../../etc/passwd", "a/b", "", ".", "..", ".hidden", "-rf", "a b", "a\nb", std::string(5000, 'x')}) {
    const auto name = as_file_name(bad);
    EXPECT_EQ(name.find('/'), std::string::npos) << bad;
    EXPECT_LE(name.size(), 110U);
    EXPECT_NE(name[0], '.');
    EXPECT_NE(name[0], '-');
  }
  EXPECT_NE(as_file_name("a/b"), as_file_name("a:b"));
  EXPECT_NE(as_file_name(std::string(5000, 'x')), as_file_name(std::string(5001, 'x')));
}

TEST(PlaceTest, FindsItsOwnAncestors) {
  const auto ancestors = ancestors_of_this_process();
  ASSERT_FALSE(ancestors.empty());
  EXPECT_FALSE(ancestors.front().name.empty());
  EXPECT_GT(ancestors.front().age_ns, 0);
  ::setenv("PERUN_PLACE_TEST", "a=b", 1);
  EXPECT_EQ(environment_of_this_process().at("PERUN_PLACE_TEST"), "a=b");
}

}  // namespace
}  // namespace perun
