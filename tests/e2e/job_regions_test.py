#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Regions of a job: every rank marks by itself, and the node's energy is shared among all of them."""

import glob
import os
import signal
import subprocess
import time
import unittest

from harness import PERUN, PerunTest

MARKER = os.environ["PERUN_MARKER"]
RANK = "${OMPI_COMM_WORLD_RANK:-$PMI_RANK}"
RANKS = 4


class JobRegions(PerunTest):
    mpirun = ["mpirun.openmpi", "--oversubscribe"]

    def setUp(self):
        super().setUp()
        self.env.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
        self.before = set(glob.glob("/dev/shm/perun-*"))

    def words(self, script):
        """Each rank runs the shell's `script`, in which $r is its number."""
        return [*self.mpirun, "-n", str(RANKS), PERUN, "monitor", "--name", "job", "--backends", "sim:const:100W", "sh", "-c",
                f"r={RANK}; {script}"]

    def stored(self):
        until = time.monotonic() + 60
        while time.monotonic() < until and not (self.dir / "results/job.hdf5").exists():
            time.sleep(0.1)
        return self.report("results/job.hdf5")["runs"][0]

    def measured(self, script):
        done = self.bare(*self.words(script), timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done, self.stored()

    def regions(self, run):
        table = run["regions"]
        parts = [r["exclusive_energy_J"] for r in table["regions"]] + [table["unmarked"]["energy_J"]]
        self.assertAlmostEqual(sum(parts), run["energy_J"], delta=1e-5)
        return {r["name"]: r for r in table["regions"]}

    def assert_nothing_left_in_memory(self):
        until = time.monotonic() + 20
        fresh = set()
        while time.monotonic() < until:
            fresh = {p for p in set(glob.glob("/dev/shm/perun-*")) - self.before if os.path.isfile(p)}
            if not fresh:
                return
            time.sleep(0.1)
        self.assertEqual(fresh, set())

    def test_each_rank_has_its_regions(self):
        done, run = self.measured(f"{MARKER} b:work s:$((300 + 300 * r)) e:work b:last s:200 e:last")
        regions = self.regions(run)
        self.assertEqual((regions["work"]["calls"], regions["last"]["calls"]), (RANKS, RANKS))
        by_rank = {t["rank"]: t for t in regions["work"]["threads"]}
        self.assertEqual(sorted(by_rank), list(range(RANKS)))
        for rank, thread in by_rank.items():
            self.assertGreaterEqual(thread["time_s"], 0.3 + 0.3 * rank)
        # Who works longer gets more, and the last one has the node for itself for a while.
        joules = [by_rank[rank]["energy_J"] for rank in range(RANKS)]
        self.assertEqual(joules, sorted(joules))
        self.assertAlmostEqual(sum(joules), regions["work"]["energy_J"], delta=1e-5)
        self.assertEqual([r["rank"] for r in regions["work"]["ranks"]], list(range(RANKS)))
        self.assertIn(b"By rank", done.stderr)
        self.assert_nothing_left_in_memory()

    def test_a_rank_that_dies_in_a_region_ends_it(self):
        done = self.bare(*self.words(f"if [ $r = 1 ]; then {MARKER} b:work s:200 exit; true; else {MARKER} b:work s:1000 e:work; fi"))
        self.assertEqual(done.returncode, 0, done.stderr)
        by_rank = {t["rank"]: t for t in self.regions(self.stored())["work"]["threads"]}
        self.assertLess(by_rank[1]["time_s"], by_rank[0]["time_s"])
        self.assert_nothing_left_in_memory()

    def test_any_rank_may_ask_for_energy(self):
        done, _ = self.measured(f"{MARKER} b:work s:300 read e:work")
        self.assertEqual(done.stdout.count(b" J +- "), RANKS, done.stdout)

    def test_marks_outlive_a_killed_sampling_process(self):
        job = subprocess.Popen(self.words(f"{MARKER} b:work b:one s:1500 e:one b:two s:1500 e:two e:work"), env=self.env,
                               cwd=self.dir, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        time.sleep(1)
        agents = self.agents_of(job.pid)
        self.assertEqual(len(agents), 1)
        os.kill(agents[0], signal.SIGKILL)
        _, said = job.communicate(timeout=60)
        self.assertEqual(job.returncode, 0, said)
        regions = self.regions(self.stored())
        for name, seconds in (("work", 3.0), ("one", 1.5), ("two", 1.5)):
            self.assertEqual(regions[name]["calls"], RANKS, name)
            self.assertEqual(sorted(t["rank"] for t in regions[name]["threads"]), list(range(RANKS)))
            for thread in regions[name]["threads"]:
                self.assertGreaterEqual(thread["time_s"], seconds - 1e-3, name)
                self.assertLess(thread["time_s"], seconds + 2, name)
        self.assert_nothing_left_in_memory()

    def agents_of(self, job):
        """Sampling processes in this test's folder: nobody's child, so they are known by their journal."""
        found = []
        for path in glob.glob("/proc/[0-9]*/fd/*"):
            try:
                if os.readlink(path).startswith(f"{self.dir}/results/.perun/") and path.split("/")[2] != str(job):
                    found.append(int(path.split("/")[2]))
            except OSError:
                pass
        return sorted(set(found))


class MpichRegions(JobRegions):
    mpirun = ["mpirun.mpich"]


if __name__ == "__main__":
    unittest.main(verbosity=2)
