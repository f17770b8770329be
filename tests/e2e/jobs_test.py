#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Many ranks, one run: simulated nodes on one machine, started by nobody but this test."""

import glob
import os
import pathlib
import random
import signal
import subprocess
import time
import unittest
import uuid

from harness import PERUN, PYTHON, PerunTest

SHM = f"/dev/shm/perun-{os.geteuid()}"


def environment_of(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


def agents(key):
    """Pids of the sampling processes of a job."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            name = pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
            state = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except OSError:
            continue
        if name == "perun-agent" and state != "Z" and key.encode() in environment_of(pid):
            found.append(int(pid))
    return found


class JobTest(PerunTest):
    """Starts ranks as an ssh loop would."""

    def setUp(self):
        super().setUp()
        self.key = f"test-{uuid.uuid4().hex[:12]}"
        self.addCleanup(self.stop_all)
        self.processes = []

    def stop_all(self):
        for p in self.processes:
            if p.poll() is None:
                p.kill()
            p.communicate()
        for pid in agents(self.key):
            os.kill(pid, signal.SIGKILL)

    def rank(self, rank, size, node, *program, options=(), env=None):
        e = dict(self.env, PERUN_RUN_KEY=self.key, PERUN_RANK=str(rank), PERUN_SIZE=str(size), PERUN_NODE_ID=node, **(env or {}))
        words = [PERUN, "monitor", "--backends", "sim:const:100W:refresh=1ms,proc", *options, *program]
        p = subprocess.Popen(words, cwd=self.dir, env=e, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.processes.append(p)
        return p

    def wait_all(self, timeout=60):
        """Exit status and stderr of every rank."""
        out = []
        for p in self.processes:
            _, err = p.communicate(timeout=timeout)
            out.append((p.returncode, err.decode()))
        return out

    def wait_until_gone(self, seconds=20):
        until = time.monotonic() + seconds
        while agents(self.key) and time.monotonic() < until:
            time.sleep(0.05)
        self.assertEqual(agents(self.key), [])

    def assert_nothing_shared_left(self):
        left = [p for p in glob.glob(f"{SHM}/*") if pathlib.Path(p).name.startswith(self.key[:40])]
        self.assertEqual(left, [])

    def run_of(self, name="sleep"):
        runs = self.report(self.dir / f"results/{name}.hdf5", "all")["runs"]
        self.assertEqual(len(runs), 1)
        return runs[0]

    def assert_one_report(self, ended):
        reports = [err for _, err in ended if "perun: sleep  run" in err]
        self.assertEqual(len(reports), 1, ended)
        return reports[0]


class OneRunTest(JobTest):
    def test_all_ranks_are_one_run_and_every_node_counts_once(self):
        for node in range(3):
            for k in range(2):
                self.rank(node * 2 + k, 6, f"n{node}", "sleep", "1")
        ended = self.wait_all()
        self.assertEqual([code for code, _ in ended], [0] * 6)
        report = self.assert_one_report(ended)
        self.assertIn("3 nodes, 6 ranks", report)
        self.assertIn("6 by user: 6 ok", report)
        run = self.run_of()
        self.assertEqual(sorted(n["host"] for n in run["nodes"]), ["n0", "n1", "n2"])
        self.assertEqual([r["status"] for r in run["job"]["ranks"]], ["ok"] * 6)
        self.assertEqual([r["rank"] for r in run["job"]["ranks"]], list(range(6)))
        self.assertEqual([r["host"] for r in run["job"]["ranks"]], ["n0", "n0", "n1", "n1", "n2", "n2"])
        # 100 W a node, whatever the number of its ranks.
        for node in run["nodes"]:
            self.assertAlmostEqual(node["energy_J"], 100 * node["duration_s"], delta=max(1.0, 0.02 * node["energy_J"]))
            self.assertGreaterEqual(node["duration_s"], 1)
        self.assertAlmostEqual(run["energy_J"], sum(n["energy_J"] for n in run["nodes"]), places=6)
        self.assertTrue(run["outcome"]["finished"])
        self.wait_until_gone()
        self.assert_nothing_shared_left()
        self.assert_nothing_left()
        self.assertEqual(sorted(p.name for p in (self.dir / "results").iterdir()), ["sleep.hdf5"])

    def test_the_second_job_is_the_second_run(self):
        for _ in range(2):
            self.processes = []
            for rank in range(2):
                self.rank(rank, 2, "a", "sleep", "0.1")
            self.assertEqual([code for code, _ in self.wait_all()], [0, 0])
        self.assertEqual(len(self.report(self.dir / "results/sleep.hdf5", "all")["runs"]), 2)

    def test_ranks_that_come_one_after_the_other_are_one_run(self):
        for rank in range(3):
            self.assertEqual(self.rank(rank, 3, "a", "sleep", "0.2").wait(30), 0)
        report = self.assert_one_report(self.wait_all())
        self.assertIn("3 ok", report)
        run = self.run_of()
        self.assertEqual(len(run["nodes"]), 1)
        self.assertEqual(len(run["job"]["ranks"]), 3)

    def test_stdout_and_arguments_are_the_programs(self):
        for rank in range(2):
            self.rank(rank, 2, "a", PYTHON, "-c", "import os,sys; print(sys.argv[1:], os.environ['PERUN_RANK'])", "[1,2]", "", "--help")
        out = [p.communicate(timeout=60)[0].decode() for p in self.processes]
        self.assertEqual(out, [f"['[1,2]', '', '--help'] {rank}\n" for rank in range(2)])


class ManyTest(JobTest):
    """More processes than this machine likes: whatever it takes, one run and nothing left."""

    def check_job(self, nodes, each):
        size = nodes * each
        for rank in range(size):
            self.rank(rank, size, f"n{rank // each:03}", "sleep", "1")
        ended = self.wait_all(200)
        self.assertEqual([code for code, _ in ended], [0] * size)
        self.assert_one_report(ended)
        run = self.run_of()
        self.assertEqual(len(run["nodes"]), nodes)
        self.assertEqual([r["status"] for r in run["job"]["ranks"]], ["ok"] * size)
        for node in run["nodes"]:
            self.assertAlmostEqual(node["energy_J"], 100 * node["duration_s"], delta=max(1.0, 0.05 * node["energy_J"]))
        self.wait_until_gone(60)
        self.assert_nothing_shared_left()

    def test_100_nodes(self):
        self.check_job(100, 1)

    def test_20_nodes_of_2_ranks(self):
        self.check_job(20, 2)


class FailureTest(JobTest):
    def test_a_failed_rank_leaves_at_once_with_its_own_status(self):
        started = time.monotonic()
        long = self.rank(0, 3, "a", "sleep", "3")
        failing = self.rank(1, 3, "a", "sh", "-c", "sleep 0.5; exit 3")
        killed = self.rank(2, 3, "b", "sh", "-c", "sleep 0.5; kill -SEGV $$")
        self.assertEqual(failing.wait(20), 3)
        self.assertEqual(killed.wait(20), -signal.SIGSEGV)
        self.assertLess(time.monotonic() - started, 2.9)
        self.assertEqual(long.wait(20), 0)
        err = long.communicate()[1].decode()
        self.assertIn("3 by user: 1 ok, 2 failed", " ".join(err.split()))
        run = self.run_of("sleep")
        ranks = run["job"]["ranks"]
        self.assertEqual([r["status"] for r in ranks], ["ok", "failed", "failed"])
        self.assertEqual(ranks[1]["exit_code"], 3)
        self.assertEqual((ranks[2]["exit_code"], ranks[2]["signal"]), (139, 11))
        self.assertIn("exit 3", err)
        self.assertIn("signal 11", err)
        self.wait_until_gone()
        self.assert_nothing_shared_left()

    def test_a_killed_launcher_takes_its_program_along_and_is_lost(self):
        for rank in range(3):
            self.rank(rank, 3, "a" if rank < 2 else "b", "sleep", "1.5")
        time.sleep(0.7)
        self.processes[1].send_signal(signal.SIGKILL)
        ended = self.wait_all()
        self.assertEqual([code for code, _ in ended], [0, -9, 0])
        report = self.assert_one_report(ended)
        self.assertIn("2 ok, 1 lost", " ".join(report.split()))
        run = self.run_of()
        self.assertEqual([r["status"] for r in run["job"]["ranks"]], ["ok", "lost", "ok"])
        self.assertFalse(run["outcome"]["finished"])
        self.assertIn("rank 1 killed", run["outcome"]["interrupted_by"])

    def test_a_killed_agent_is_replaced(self):
        for rank in range(2):
            self.rank(rank, 2, "a", "sleep", "2", options=["-f", "20"])
        time.sleep(0.8)
        first = agents(self.key)
        self.assertEqual(len(first), 1)
        os.kill(first[0], signal.SIGKILL)
        ended = self.wait_all()
        self.assertEqual([code for code, _ in ended], [0, 0], ended)
        self.assert_one_report(ended)
        run = self.run_of()
        self.assertEqual(len(run["nodes"]), 1)
        self.assertEqual([r["status"] for r in run["job"]["ranks"]], ["ok", "ok"])
        self.assertGreaterEqual(run["nodes"][0]["duration_s"], 2)
        self.wait_until_gone()
        self.assert_nothing_shared_left()

    def test_a_job_killed_as_a_whole_is_stored_by_the_next_command(self):
        for rank in range(2):
            self.rank(rank, 2, f"n{rank}", "sleep", "30", options=["-f", "20"])
        time.sleep(1)
        for pid in agents(self.key):
            os.kill(pid, signal.SIGKILL)
        for p in self.processes:
            p.kill()
        self.wait_all()
        until = time.monotonic() + 20  # launchers may have started new agents before they were killed
        while agents(self.key) and time.monotonic() < until:
            time.sleep(0.1)
        run = self.report_of_folder()
        self.assertEqual(len(run["nodes"]), 2)
        self.assertGreater(run["energy_J"], 50)
        self.assertEqual(len(run["job"]["ranks"]), 2)
        self.assertEqual(list((self.dir / "results").glob(".perun")), [])

    def report_of_folder(self):
        done = self.perun("report", "--format", "json", "--data_out", "results")
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.run_of()

    def test_a_program_that_cannot_be_run_is_127_for_its_rank(self):
        other = self.rank(0, 2, "a", "sleep", "1")
        missing = self.rank(1, 2, "a", "./nothing-of-that-name")
        self.assertEqual(missing.wait(20), 127)
        self.assertEqual(other.wait(20), 0)

    def test_a_rank_that_is_there_already_is_told_and_runs(self):
        for _ in range(2):
            self.rank(0, 2, "a", "sleep", "0.5")
            time.sleep(0.2)
        ended = self.wait_all()
        self.assertEqual([code for code, _ in ended], [0, 0])
        self.assertIn("rank 0 of the job", ended[1][1])

    def test_rounds_are_refused(self):
        p = self.rank(0, 2, "a", "true", options=["--rounds", "2"])
        self.assertEqual(p.wait(20), 2)
        self.assertIn(b"rounds", p.communicate()[1])

    def test_contradictory_variables_are_told_and_the_program_runs(self):
        p = self.rank(5, 2, "a", "true")
        self.assertEqual(p.wait(20), 0)
        err = p.communicate()[1].decode()
        self.assertIn("PERUN_RANK=5 does not fit PERUN_SIZE=2", err)
        self.assertIn("run 0", err)

    def test_names_with_slashes_stay_names(self):
        p = self.rank(0, 2, "../../x y", "sleep", "0.2")
        q = self.rank(1, 2, "../../x y", "sleep", "0.2")
        self.assertEqual((p.wait(20), q.wait(20)), (0, 0))
        self.assertEqual(sorted(x.name for x in (self.dir / "results").iterdir()), ["sleep.hdf5"])

    def test_a_strangers_folder_in_shared_memory_is_not_used(self):
        uid = 60_000 + random.randrange(5000)
        if os.geteuid() != 0:
            return  # only root can make a folder that is somebody else's
        theirs = pathlib.Path(f"/dev/shm/perun-{uid}")
        theirs.mkdir(mode=0o777)
        self.addCleanup(os.rmdir, theirs)
        self.dir.chmod(0o777)
        words = [PERUN, "monitor", "--backends", "sim:const:100W", "sleep", "0.5"]
        for rank in range(2):
            e = dict(self.env, PERUN_RUN_KEY=self.key, PERUN_RANK=str(rank), PERUN_SIZE="2")
            self.processes.append(subprocess.Popen(words, cwd=self.dir, env=e, user=uid, group=uid, stdin=subprocess.DEVNULL,
                                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        ended = self.wait_all()
        self.assertEqual([code for code, _ in ended], [0, 0], ended)
        self.assert_one_report(ended)
        self.assertEqual(list(theirs.iterdir()), [])
        self.assertEqual(glob.glob(f"/tmp/perun-{uid}*"), [])


class NestedTest(JobTest):
    def test_perun_inside_of_a_measured_rank_only_runs_the_program(self):
        for rank in range(2):
            self.rank(rank, 2, "a", "sh", "-c", f"{PERUN} monitor sleep 0.2", options=["--name", "outer"])
        ended = self.wait_all()
        self.assertEqual([code for code, _ in ended], [0, 0])
        until = time.monotonic() + 5
        while (self.dir / "results/.perun").exists() and time.monotonic() < until:
            time.sleep(0.05)
        self.assertEqual(sorted(p.name for p in (self.dir / "results").iterdir()), ["outer.hdf5"])

    def test_perun_outside_of_mpirun_says_so(self):
        self.file("mpirun", "#!/bin/sh\nexit 0\n", 0o755)
        done = self.monitor("./mpirun", "-n", "2", "app")
        self.assertEqual(done.returncode, 0)
        self.assertIn(b"only this node is measured", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
