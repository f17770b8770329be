#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Ranks of Open MPI and MPICH, alone and under perun: the job must end in the same way, and every end must be told."""

import glob
import os
import pathlib
import subprocess
import time
import unittest

from harness import PERUN, PerunTest

SOURCE = pathlib.Path(os.environ["PERUN_SOURCE_DIR"]) / "tests/support/mpi_program.c"
SHM = f"/dev/shm/perun-{os.geteuid()}"
FAILURES = ["exit3", "_exit3", "segv", "abort", "kill", "MPI_Abort"]
RANKS = 3


class MpiTest(PerunTest):
    mpi, options, launcher = "openmpi", ["--oversubscribe"], "openmpi"

    def setUp(self):
        super().setUp()
        self.env.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
        self.program = self.dir / "program"
        subprocess.run([f"mpicc.{self.mpi}", SOURCE, "-o", self.program], check=True, capture_output=True)

    def mpirun(self, *words):
        """The finished job, and how long it took."""
        start = time.monotonic()
        done = self.bare(f"mpirun.{self.mpi}", *self.options, "-n", RANKS, *words, timeout=60)
        return done, time.monotonic() - start

    def under_perun(self, what, *options):
        return self.mpirun(PERUN, "monitor", "--backends", "sim:const:100W,proc", *options, self.program, what)

    def assert_no_slower(self, what, took_s, bare_s):
        self.assert_as_quick(took_s, bare_s, lambda: self.under_perun(what, "--data_out", "again")[1],
                             lambda: self.mpirun(self.program, what)[1])

    def stored_run(self):
        """The only run, as soon as those who were not waited for have stored it."""
        until = time.monotonic() + 30
        while time.monotonic() < until and not (self.dir / "results/program.hdf5").exists():
            time.sleep(0.1)
        runs = self.report("results/program.hdf5", "all")["runs"]
        self.assertEqual(len(runs), 1)
        return runs[0]

    def test_all_is_well(self):
        bare, bare_s = self.mpirun(self.program, "ok")
        done, took_s = self.under_perun("ok")
        self.assertEqual((bare.returncode, done.returncode), (0, 0), done.stderr)
        self.assertEqual(done.stdout, bare.stdout)
        self.assertEqual(done.stderr.count(b"perun: program  run 0"), 1, done.stderr)
        self.assertIn(f"{RANKS} by {self.launcher}: {RANKS} ok".encode(), done.stderr)
        run = self.stored_run()
        self.assertEqual(len(run["nodes"]), 1)
        self.assertEqual([r["status"] for r in run["job"]["ranks"]], ["ok"] * RANKS)
        self.assertAlmostEqual(run["energy_J"], 100 * run["duration_s"], delta=0.05 * run["energy_J"])
        self.assert_no_slower("ok", took_s, bare_s)

    def test_a_script_may_start_several(self):
        """Programs without MPI, since a rank can join its job only once."""
        script = f"for i in 1 2; do {PERUN} monitor --name program --backends sim:const:100W sleep 0.3 || exit 1; done"
        done, _ = self.mpirun("sh", "-c", script)
        self.assertEqual(done.returncode, 0, done.stderr)
        runs = self.report("results/program.hdf5", "all")["runs"]
        self.assertEqual([[r["status"] for r in run["job"]["ranks"]] for run in runs], [["ok"] * RANKS] * 2)

    def test_every_failure_ends_the_job_as_without_perun(self):
        for what in FAILURES:
            with self.subTest(what):
                for old in glob.glob(str(self.dir / "results/*")):
                    os.unlink(old)
                bare, bare_s = self.mpirun(self.program, what)
                done, took_s = self.under_perun(what)
                self.check_status(what, done.returncode, bare.returncode)
                self.assert_no_slower(what, took_s, bare_s)
                ranks = self.stored_run()["job"]["ranks"]
                self.assertEqual(len(ranks), RANKS)
                self.assertNotIn("ok", [r["status"] for r in ranks])
                self.check_culprit(what, ranks[1])
        self.assert_job_left_nothing()

    def check_status(self, what, ours, bare):
        self.assertEqual(ours, bare)

    def check_culprit(self, what, rank):
        expected = {"exit3": 3, "_exit3": 3, "segv": 139, "abort": 134, "kill": 137, "MPI_Abort": 7}[what]
        self.assertEqual((rank["status"], rank["exit_code"]), ("failed", expected))

    def assert_job_left_nothing(self):
        until = time.monotonic() + 20
        while time.monotonic() < until and glob.glob(f"{SHM}/*"):
            time.sleep(0.1)
        mine = [p for p in glob.glob(f"{SHM}/*") if pathlib.Path(p).name.startswith(("ompi-", "hydra-"))]
        self.assertEqual(mine, [])
        self.assertEqual([p.name for p in (self.dir / "results").iterdir()], ["program.hdf5"])
        self.assert_nothing_left()


class MpichTest(MpiTest):
    """hydra kills the other ranks when one fails, and which end it then tells of differs from job to job, also without perun."""

    mpi, options, launcher = "mpich", [], "hydra"

    def check_status(self, what, ours, bare):
        either = {"exit3": (3, 9), "_exit3": (3, 9), "abort": (6, 15)}.get(what, (bare,))
        self.assertIn(bare, either)
        self.assertIn(ours, either)

    def check_culprit(self, what, rank):
        # hydra kills all launchers at once when it is told of the abort.
        if what == "MPI_Abort":
            self.assertIn(rank["status"], ("lost", "failed"))
        else:
            super().check_culprit(what, rank)


if __name__ == "__main__":
    unittest.main(verbosity=2)
