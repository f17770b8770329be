#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A real Slurm on three machines of namespaces (fake_hosts.py), for scripts/slurm-test.sh: needs root, slurmctld, slurmd, munged
and both MPIs. With PERUN_SLURM_SLOW also what takes minutes."""

import os
import pathlib
import subprocess
import time
import unittest

from fake_hosts import NETWORK, FakeHosts
from harness import PERUN, PerunTest

WATTS = {"pn1": 100, "pn2": 200, "pn3": 300}
SUPPORT = pathlib.Path(os.environ["PERUN_SOURCE_DIR"]) / "tests/support"
CONFIGURATION = """ClusterName=perun
SlurmctldHost=head({network}.254)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={dir}/munge.sock
CredType=cred/munge
StateSaveLocation={dir}/state
SlurmdSpoolDir=/run/slurmd
SlurmctldPidFile={dir}/slurmctld.pid
SlurmdPidFile=/run/slurmd.pid
SlurmctldLogFile={dir}/slurmctld.log
SlurmdLogFile={dir}/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SchedulerType=sched/backfill
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/none
MpiDefault=none
ReturnToService=2
KillWait=3
MessageTimeout=10
SwitchType=switch/none
PropagateResourceLimitsExcept=ALL
SlurmdParameters=config_overrides
PartitionName=lab Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=YES
"""


class SlurmTest(PerunTest):
    def setUp(self):
        super().setUp()
        self.dir.chmod(0o755)
        self.hosts = self.enterContext(FakeHosts(self.dir / "hosts", WATTS))
        self.slurm = self.dir / "slurm"
        (self.slurm / "state").mkdir(parents=True)
        nodes = "".join(f"NodeName={n} NodeAddr={NETWORK}.{i + 1} CPUs=8 State=UNKNOWN\n" for i, n in enumerate(WATTS))
        self.file("slurm/slurm.conf", CONFIGURATION.format(network=NETWORK, dir=self.slurm).replace("PartitionName", nodes + "PartitionName"))
        self.file("slurm/mpi.conf", "PMIxCliTmpDirBase=/run\n")  # /tmp is one for all machines here
        self.file("slurm/munge.key", os.urandom(128), 0o400)
        self.env["SLURM_CONF"] = str(self.slurm / "slurm.conf")
        munge = [f"--{name}-file={self.slurm}/munge.{name}" for name in ("pid", "log", "seed", "key")]
        self.head("munged", "--force", f"--socket={self.slurm}/munge.sock", *munge)
        self.head("slurmctld")
        for name in WATTS:
            self.hosts.run(name, f"mkdir -p /run/slurmd; SLURM_CONF={self.slurm}/slurm.conf slurmd")
        until = time.monotonic() + 30
        while self.head("sinfo", "-h", "-o", "%t %D") != "idle 3\n":
            self.assertLess(time.monotonic(), until)
            time.sleep(0.1)

    def words(self, *words):
        return [str(w) for w in (*self.hosts.on_head(), *words)]

    def head(self, *words):
        done = self.bare(*self.words(*words), timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.decode()

    def srun(self, *program, options=()):
        return self.bare(*self.words("srun", "-K1", "-N3", "--ntasks-per-node=2", *options, *program), timeout=120)

    def measured(self, *program, options=()):
        return self.srun(PERUN, "monitor", "--name", "app", "--backends", "sim:trace:/run/watts,proc", *program, options=options)

    def batch(self, script, *options):
        """The number of a job with this script."""
        self.file("job.sh", "#!/bin/sh\n" + script, 0o755)
        return self.head("sbatch", "--parsable", "-N3", "--ntasks-per-node=2", "-o", "out.txt", *options, "job.sh").strip()

    def state_of(self, job):
        return self.head("scontrol", "show", "job", job).split("JobState=")[1].split()[0]

    def wait_for(self, condition, seconds=60):
        until = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), until, self.output())
            time.sleep(0.2)

    def output(self):
        return (self.dir / "out.txt").read_text() if (self.dir / "out.txt").exists() else ""

    def runs(self):
        """After the next perun command has stored what was cut off."""
        self.wait_for(lambda: all("perun-agent" not in self.hosts.left(name) for name in WATTS))
        self.perun("report", "--data_out", "results")
        return self.report("results/app.hdf5", "all")["runs"]

    def check(self, run):
        self.assertEqual(sorted(n["host"] for n in run["nodes"]), sorted(WATTS))
        for node in run["nodes"]:
            truth = WATTS[node["host"]] * node["duration_s"]
            self.assertAlmostEqual(node["energy_J"], truth, delta=0.01 * truth + 2 * (node["uncertainty_J"] or 0))

    def test_ranks_are_one_run_with_what_slurm_tells(self):
        done = self.measured("sleep", "1", options=["--job-name=melt"])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr.count(b"perun: app  run 0"), 1, done.stderr)
        (run,) = self.runs()
        self.check(run)
        self.assertEqual([r["status"] for r in run["job"]["ranks"]], ["ok"] * 6)
        told = run["job"]["scheduler"]
        self.assertEqual((told["partition"], told["job_name"], told["node_list"]), ("lab", "melt", "pn[1-3]"))

    def test_mpi_over_pmi2_ends_as_without_perun(self):
        self.check_mpi("mpicc.mpich", "--mpi=pmi2")

    def test_mpi_over_pmix_ends_as_without_perun(self):
        self.env.update(OMPI_MCA_btl="self,tcp", OMPI_MCA_btl_tcp_if_include=f"{NETWORK}.0/24", OMPI_MCA_pml="ob1")
        self.check_mpi("mpicc.openmpi", "--mpi=pmix")

    def check_mpi(self, compiler, interface):
        program = self.dir / "program"
        subprocess.run([compiler, SUPPORT / "mpi_program.c", "-o", program], check=True, capture_output=True)
        for number, what in enumerate(("ok", "exit3", "segv", "kill", "MPI_Abort")):
            with self.subTest(what):
                bare = self.srun(program, what, options=[interface])
                done = self.measured(program, what, options=[interface])
                self.assertEqual(done.returncode, bare.returncode, (done.stderr, bare.stderr))
                runs = self.runs()
                self.assertEqual(len(runs), number + 1)
                self.check(runs[-1])
                self.assertEqual(len(runs[-1]["job"]["ranks"]), 6)

    def test_scancel_keeps_what_was_measured(self):
        job = self.batch(f"srun {PERUN} monitor --name app --backends sim:trace:/run/watts sleep 60\n")
        self.wait_for(lambda: len(list(self.dir.glob("results/.perun/*/*.part"))) == 3)
        time.sleep(1)
        self.head("scancel", job)
        self.wait_for(lambda: self.state_of(job) == "CANCELLED")
        (run,) = self.runs()
        self.check(run)
        self.assertGreater(run["energy_J"], 500)
        self.assertEqual({r["status"] for r in run["job"]["ranks"]} & {"ok"}, set())

    def test_a_requeued_job_is_another_run(self):
        job = self.batch(f"srun {PERUN} monitor --name app --backends sim:trace:/run/watts sleep 3\n", "--requeue")
        self.wait_for(lambda: len(list(self.dir.glob("results/.perun/*/*.part"))) == 3)
        time.sleep(0.5)
        self.head("scontrol", "requeue", job)
        if os.environ.get("PERUN_SLURM_SLOW"):  # Slurm holds it back for two minutes
            self.wait_for(lambda: self.state_of(job) == "COMPLETED", 300)
            runs = self.runs()
            self.assertEqual(len(runs), 2)
            self.assertEqual({r["status"] for r in runs[1]["job"]["ranks"]}, {"ok"})
        else:
            self.assertEqual(len(self.runs()), 1)

    def test_a_time_limit_ends_the_job_and_not_the_report(self):
        if not os.environ.get("PERUN_SLURM_SLOW"):
            return
        job = self.batch(f"srun {PERUN} monitor --name app --backends sim:trace:/run/watts sleep 600\n", "--time=1")
        self.wait_for(lambda: self.state_of(job) == "TIMEOUT", 240)
        (run,) = self.runs()
        self.check(run)
        self.assertGreater(run["duration_s"], 50)

    def test_from_outside_all_nodes_are_measured(self):
        self.batch(f"{PERUN} monitor --backends sim:trace:/run/watts,proc srun --overlap -n 4 sh -c 'sleep 1; exit 3'; echo status $?\n"
                   f"{PERUN} monitor --name two --backends sim:trace:/run/watts -- srun -n 6 sleep 1; echo status $?\n")
        self.wait_for(lambda: self.output().count("status") == 2)
        out = self.output()
        self.assertIn("status 3", out)
        self.assertIn("status 0", out)
        self.assertIn("Outside   all nodes of the allocation", out)
        self.assertNotIn("only this node is measured", out)
        self.assertNotIn("CPU time 0", out)
        for name, code in (("sh", 3), ("two", 0)):
            (run,) = self.report(f"results/{name}.hdf5", "all")["runs"]
            self.check(run)
            self.assertEqual(run["command"][0], "srun")
            self.assertEqual((run["outcome"]["exit_code"], run["outcome"]["user_s"]), (code, None))
            self.assertGreater(run["duration_s"], 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
