#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Jobs of 5 nodes x 3 ranks in which launchers, programs and sampling processes are killed at random: no job hangs, none is
reported twice, of every rank that ended well it is known, and nothing stays in shared memory. PERUN_CHAOS_ROUNDS and PERUN_CHAOS_SEED take other rounds."""

import concurrent.futures
import glob
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from harness import PERUN, clean_environment
from jobs_test import agents

NODES, RANKS = 5, 3
ROUNDS = int(os.environ.get("PERUN_CHAOS_ROUNDS", "50"))
SEED = int(os.environ.get("PERUN_CHAOS_SEED", "0"))
AT_ONCE = 5


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def program_of(launcher):
    """Pids of the program that a rank's launcher has started."""
    try:
        children = pathlib.Path(f"/proc/{launcher.pid}/task/{launcher.pid}/children").read_text().split()
        return [int(c) for c in children if pathlib.Path(f"/proc/{c}/comm").read_text().strip() == "sleep"]
    except OSError:
        return []


class Round:
    """One job; `problems` is empty when it went as it must."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.key = f"chaos-{os.getpid()}-{seed}"
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="perun-chaos-"))
        self.env = clean_environment(self.dir)
        self.problems = []

    def start(self):
        words = [PERUN, "monitor", "--backends", "sim:const:100W", "-f", "20", "--name", "app", "sleep",
                 str(1.2 + self.random.uniform(0, 0.5))]
        processes = []
        for rank in range(NODES * RANKS):
            env = dict(self.env, PERUN_RUN_KEY=self.key, PERUN_NODE_ID=f"n{rank // RANKS}", PERUN_RANK=str(rank),
                       PERUN_SIZE=str(NODES * RANKS))
            processes.append(subprocess.Popen(words, cwd=self.dir, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                              stderr=subprocess.PIPE))
        return processes

    def kill_some(self, processes):
        until = time.monotonic() + 1.6
        while time.monotonic() < until:
            time.sleep(self.random.uniform(0.05, 0.3))
            choice = self.random.random()
            if choice < 0.3:
                victim = self.random.choice(processes)
                if victim.poll() is None:
                    victim.kill()
            elif choice < 0.6:
                there = agents(self.key)
                if there:
                    kill(self.random.choice(there))
            elif choice < 0.75:
                children = program_of(self.random.choice(processes))
                if children:
                    kill(children[0])

    def check(self, processes):
        reports, told = 0, set()
        for rank, p in enumerate(processes):
            try:
                _, err = p.communicate(timeout=90)
            except subprocess.TimeoutExpired:
                self.problems.append(f"rank {rank} hangs")
                p.kill()
                continue
            err = err.decode()
            reports += err.count("perun: app  run")
            if "not measured" in err or "unmeasured" in err:
                told.add(rank)
            if p.returncode not in (0, -signal.SIGKILL):
                self.problems.append(f"rank {rank} ended with {p.returncode}: {err}")
        if reports > 1:
            self.problems.append(f"{reports} reports")
        until = time.monotonic() + 60
        while agents(self.key) and time.monotonic() < until:
            time.sleep(0.1)
        if agents(self.key):
            self.problems.append("a sampling process stays")
        self.check_file([rank for rank, p in enumerate(processes) if p.returncode == 0 and rank not in told])

    def check_file(self, well):
        def perun(*words):
            return subprocess.run([PERUN, *words], cwd=self.dir, env=self.env, capture_output=True, timeout=60)

        perun("report", "--data_out", "results")  # stores what was cut off
        if (self.dir / "results/.perun").exists():
            perun("merge", "results")  # a rank that was killed before it was seen may be on another machine
        done = perun("report", "--format", "json", "--run", "all", "results/app.hdf5")
        if done.returncode != 0:
            self.problems.append(f"no run: {done.stderr.decode()} {list(self.dir.rglob('*'))}")
            return
        runs = json.loads(done.stdout)["runs"]
        ranks = {r["rank"]: r["status"] for run in runs for r in run["job"]["ranks"]}
        if len(runs) != 1:
            self.problems.append(f"{len(runs)} runs")
        for rank in well:
            if ranks.get(rank) != "ok":
                self.problems.append(f"rank {rank} ended well and is {ranks.get(rank)}")

    def run(self):
        try:
            processes = self.start()
            self.kill_some(processes)
            self.check(processes)
        finally:
            for pid in agents(self.key):
                os.kill(pid, signal.SIGKILL)
            if not self.problems:
                shutil.rmtree(self.dir, ignore_errors=True)
        return self.problems


class ChaosTest(unittest.TestCase):
    def test_nothing_hangs_and_nothing_is_lost(self):
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            seeds = range(SEED, SEED + ROUNDS)
            results = dict(zip(seeds, pool.map(lambda seed: Round(seed).run(), seeds)))
        self.assertEqual({seed: problems for seed, problems in results.items() if problems}, {})
        self.assert_swept()

    def assert_swept(self):
        """What a sampling process that was killed left in shared memory, the next one takes away when it is a minute old."""
        mine = f"/dev/shm/perun-{os.geteuid()}/chaos-{os.getpid()}-*"
        for left in glob.glob(mine):
            os.utime(left, (time.time() - 120,) * 2)
        with tempfile.TemporaryDirectory(prefix="perun-chaos-") as folder:
            env = dict(clean_environment(folder), PERUN_RUN_KEY=f"swept-{os.getpid()}", PERUN_RANK="0", PERUN_SIZE="2",
                       PERUN_NODE_ID="n")
            subprocess.run([PERUN, "monitor", "--backends", "sim:const:100W", "true"], cwd=folder, env=env, check=True,
                           capture_output=True, timeout=60)
        self.assertEqual(glob.glob(mine), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
