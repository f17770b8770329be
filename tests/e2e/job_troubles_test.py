#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Jobs in bad surroundings: a full, missing or vanished data_out on one node, a key that recurs, variables that lie, more ranks
than files may be open. The programs run as without perun, and what happened is told."""

import json
import os
import resource
import shutil
import signal
import subprocess
import time
import unittest

from datafile import with_faults
from harness import PERUN
from jobs_test import JobTest, agents


class TroubleTest(JobTest):
    def setUp(self):
        super().setUp()
        self.env["XDG_STATE_HOME"] = str(self.dir / "state")
        self.spool = self.dir / "state/perun"

    def pair(self, env=None, options=(), seconds="1.2"):
        """Two ranks on two nodes; variables and options are for the second. Their ends."""
        self.rank(0, 2, "a", "sleep", seconds)
        self.rank(1, 2, "b", "sleep", seconds, env=env, options=options)
        ended = self.wait_all()
        self.assertEqual([code for code, _ in ended], [0, 0], ended)
        return [" ".join(err.split()) for _, err in ended]

    def assert_whole_run(self):
        self.wait_until_gone(30)
        self.assertEqual(self.perun("report", "--data_out", "results").returncode, 0)
        run = self.run_of()
        self.assertEqual([n["host"] for n in run["nodes"]], ["a", "b"])
        self.assertEqual([r["status"] for r in run["job"]["ranks"]], ["ok", "ok"])
        for node in run["nodes"]:
            self.assertAlmostEqual(node["energy_J"], 100 * node["duration_s"], delta=0.05 * node["energy_J"])
            self.assertGreater(node["duration_s"], 1)
        self.assertEqual(list(self.dir.rglob("*.part")), [])

    def test_a_disk_that_fills_up_on_one_node_moves_its_part_to_the_spool(self):
        full = with_faults(self.env, [self.dir / "results"], self.dir / "count", "enospc@30+")
        texts = self.pair(full, ["-f", "50"])
        self.assertIn("this node's part of the job is kept in", texts[1])
        self.assert_whole_run()
        self.assertFalse((self.spool / ".perun").exists())

    def test_a_data_out_that_is_full_from_the_start(self):
        full = with_faults(self.env, [self.dir / "results"], self.dir / "count", "enospc@1+")
        texts = self.pair(full)
        self.assertIn("No space left on device", texts[1])
        self.assertIn("this node's part of the job is kept in", texts[1])
        self.assert_whole_run()

    def test_a_part_that_is_deleted_goes_on_in_the_spool(self):
        self.rank(0, 2, "a", "sleep", "2")
        self.rank(1, 2, "b", "sleep", "2")
        time.sleep(1)
        for part in (self.dir / "results/.perun").rglob("b-*~0.part"):
            part.unlink()
        ended = self.wait_all()
        self.assertEqual([code for code, _ in ended], [0, 0], ended)
        self.assertIn("somebody deleted it; this node's part of the job is kept", " ".join(err for _, err in ended))
        self.assert_whole_run()

    def test_without_a_second_place_the_job_runs_and_it_is_told(self):
        full = with_faults(self.env, [self.dir / "results"], self.dir / "count", "enospc@1+")
        texts = self.pair(full, ["--spool", "none"])
        self.assertIn("rank 1 is not measured", texts[1])
        self.perun("report", "--data_out", "results")
        self.assertTrue(self.perun("merge", "results").returncode == 0 or (self.dir / "results/sleep.hdf5").exists())
        run = self.run_of()
        self.assertEqual([r["rank"] for r in run["job"]["ranks"]], [0])
        self.assertIn("rank 1 never seen", run["outcome"]["interrupted_by"])

    def test_a_folder_that_one_node_cannot_make_is_no_end_of_the_job(self):
        texts = self.pair(options=["--data_out", "/proc/nowhere/results"])
        self.assertIn("this node's part of the job is kept in", texts[1])
        self.wait_until_gone(30)
        merged = self.perun("merge", "results", self.spool)
        self.assertEqual(merged.returncode, 0, merged.stderr)
        self.assert_whole_run()

    def test_a_killed_job_of_the_same_key_stays_another_run(self):
        for rank in range(2):
            self.rank(rank, 2, "a", "sleep", "30", options=["-f", "20"])
        time.sleep(1)
        for pid in agents(self.key):
            os.kill(pid, signal.SIGKILL)
        for p in self.processes:
            p.kill()
        self.wait_all()
        self.wait_until_gone()
        for path in (self.dir / "results/.perun").rglob("*"):
            os.utime(path, (time.time() - 600,) * 2)
        self.processes = []
        self.rank(1, 2, "a", "sleep", "1")  # rank 0 would store the old one before it begins
        time.sleep(0.4)
        self.rank(0, 2, "a", "sleep", "1")
        self.assertEqual([code for code, _ in self.wait_all()], [0, 0])
        runs = self.report("results/sleep.hdf5", "all")["runs"]
        self.assertEqual(sorted(r["status"] for run in runs for r in run["job"]["ranks"] if run["duration_s"] < 1.9 and
                                run["outcome"]["finished"]), ["ok", "ok"])
        self.assertEqual(len(runs), 2)

    def test_more_ranks_than_files_are_not_harmed(self):
        def few_files():
            resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
        e = dict(self.env, PERUN_RUN_KEY=self.key, PERUN_SIZE="60", PERUN_NODE_ID="a")
        words = [PERUN, "monitor", "--backends", "sim:const:100W", "sleep", "0.5"]
        started = time.monotonic()
        for rank in range(60):
            self.processes.append(subprocess.Popen(words, cwd=self.dir, env=e | {"PERUN_RANK": str(rank)}, preexec_fn=few_files,
                                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        self.assertEqual([code for code, _ in self.wait_all(120)], [0] * 60)
        self.assertLess(time.monotonic() - started, 60)
        self.wait_until_gone(30)

    def test_ten_thousand_ranks_of_which_four_come(self):
        """Nothing is as long as the job was said to be: not the wait for the others, nor the report."""
        for rank in (0, 17, 5_000, 9_999):
            self.rank(rank, 10_000, f"n{rank % 2}", "sleep", "0.5")
        started = time.monotonic()
        ended = self.wait_all()
        self.assertEqual([code for code, _ in ended], [0] * 4, ended)
        self.assertLess(time.monotonic() - started, 20)
        self.wait_until_gone(30)
        merged = self.perun("merge", "results", "--data_out", "results")
        self.assertEqual(merged.returncode, 0, merged.stderr)
        run = self.run_of()
        self.assertEqual((run["job"]["size"], len(run["job"]["ranks"])), (10_000, 4))
        self.assertEqual({r["status"] for r in run["job"]["ranks"]}, {"ok"})
        text = self.perun("report", "results/sleep.hdf5").stdout.decode()
        self.assertIn("9996 never seen", text)
        self.assertLess(len(text), 6_000)

    def test_variables_that_lie_do_no_harm(self):
        lies = [{"PERUN_RANK": "-1", "PERUN_SIZE": "2"}, {"PERUN_RANK": "0", "PERUN_SIZE": "99999999999999999999"},
                {"PERUN_RANK": "", "PERUN_SIZE": "2"}, {"PERUN_RANK": "1e3", "PERUN_SIZE": "0x10"},
                {"PERUN_NODE_ID": "../../../../etc/passwd"}, {"PERUN_RUN_KEY": "k" * 100_000},
                {"PERUN_RUN_KEY": "\n\x1b[31m"}, {b"PERUN_RUN_KEY": b"\xff\xfe/.."},
                {"OMPI_COMM_WORLD_RANK": "7", "OMPI_COMM_WORLD_SIZE": "2", "PMIX_NAMESPACE": "x"},
                {"PMI_RANK": "0", "PMI_SIZE": "-5", "PMI_JOBID": "/"}, {"SLURM_JOB_ID": "../..", "SLURM_STEP_ID": "0",
                 "SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "1", "SLURM_GTIDS": "," * 50_000},
                {"SLURM_JOB_NAME": "\x1b]0;x\x07" * 1000, "SLURM_JOB_ID": "7"}]
        for lie in lies:
            with self.subTest(lie=str(lie)[:80]):
                env = {os.fsencode(k): os.fsencode(v) for k, v in self.env.items()}
                env |= {os.fsencode(k): os.fsencode(v) for k, v in lie.items()}
                done = self.monitor("--backends", "sim:const:100W", "sh", "-c", "exit 5", env=env, timeout=30)
                self.assertEqual(done.returncode, 5, done.stderr)
                self.assertNotIn(b"\x1b", done.stderr)
        self.assertEqual(sorted(p.name for p in (self.dir / "results").iterdir()), ["sh.hdf5"])


class FactsTest(JobTest):
    def test_what_shaped_the_job_is_kept(self):
        facts = {"OMP_NUM_THREADS": "3", "SLURM_JOB_ID": "17", "SLURM_JOB_NAME": "melt", "SLURM_JOB_PARTITION": "batch"}
        for rank in range(2):
            self.rank(rank, 2, f"n{rank}", "sleep", "0.3", env=facts)
        self.assertEqual([code for code, _ in self.wait_all()], [0, 0])
        run = self.run_of()
        self.assertEqual(run["job"]["scheduler"], {"job_id": "17", "job_name": "melt", "partition": "batch"})
        shown = self.perun("runs", "show", "results/sleep.hdf5", "0").stdout.decode()
        self.assertIn("OMP_NUM_THREADS", shown)
        self.assertIn("limit:open_files", json.dumps(run))
        self.assertIn("/sleep", run["provenance"]["executable"] if "provenance" in run else json.dumps(run))

    def test_a_job_in_progress_can_be_looked_at(self):
        for rank in range(4):
            self.rank(rank, 4, f"n{rank % 2}", "sleep", "4")
        time.sleep(1.5)
        done = self.perun("report", "--running", "results")
        self.assertEqual(done.returncode, 0, done.stderr)
        text = " ".join(done.stdout.decode().split())
        self.assertIn("2 nodes, 4 ranks", text)
        self.assertIn("4 unfinished", text)
        running = json.loads(self.perun("report", "--running", "results", "--format", "json").stdout)["runs"]
        self.assertEqual(len(running), 1)
        self.assertGreater(running[0]["energy_J"], 100)
        self.assertTrue(running[0]["outcome"]["running"])
        self.assertEqual([code for code, _ in self.wait_all()], [0] * 4)
        self.assertNotEqual(self.perun("report", "--running", "results").returncode, 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
