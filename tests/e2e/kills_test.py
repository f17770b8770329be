# SPDX-License-Identifier: BSD-3-Clause
"""A campaign of kills: program, launcher, agent or all, at seeded moments of a run's life and at every call of its commit.

kills_test.py [KILLS [SEED]] prints what came of it. After each kill, before anything is repaired, plain h5py opens the
file and every earlier run is the same bit for bit; in the end every run is there once, up to its last flush.
"""

import concurrent.futures
import json
import os
import pathlib
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from datafile import calls, runs_of, with_faults
from harness import PERUN, clean_environment

import h5py

WORKERS, RUNS_PER_FILE = 4, 25
SIM = ("--backends", "sim:const:100W", "-f", "50")
FLUSH_S, SLACK_S = 0.1, 0.9  # the slack is the machine's, which others use too; the median is held to the flush alone
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def stat_of(pid):
    """(name, parent, age in seconds, state) of a process, or None."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    rest = stat[stat.rindex(")") + 2:].split()
    return stat[stat.index("(") + 1:stat.rindex(")")], int(rest[1]), time.clock_gettime(time.CLOCK_BOOTTIME) - int(rest[19]) * TICK_S, rest[0]


def children_of(pid):
    """{name: (pid, age)}"""
    found = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        facts = stat_of(entry)
        if facts and facts[1] == pid and facts[3] != "Z":
            found[facts[0]] = (int(entry), facts[2])
    return found


def gone(pid):
    facts = stat_of(pid)
    return facts is None or facts[3] == "Z"


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


class File:
    """One data file, and what is known of it."""

    def __init__(self, results):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="perun-kills-"))
        self.out = self.folder / "results"
        self.file = self.out / "app.hdf5"
        self.env = clean_environment(self.folder)
        self.results = results
        self.known = {}
        self.told = {}  # token: what perun said
        self.how = {}  # token: what was done to it
        self.owed = {}  # token: moment of the kill, for runs that must be there in the end
        begin = time.monotonic()
        self.perun("monitor", *self.words("first", 0.1))
        self.whole = time.monotonic() - begin
        self.look("before the first kill")

    def words(self, token, seconds):
        return ("-q", "--name", "app", "--data_out", self.out, *SIM, "sh", "-c", f"sleep {seconds}; exit 7", token)

    def perun(self, *words):
        return subprocess.run([PERUN, *map(str, words)], cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL, capture_output=True, timeout=120)

    def fail(self, what):
        with self.results.lock:
            self.results.failures.append(f"{what} ({self.folder})")

    def look(self, when):
        """As a program without perun sees the file, unrepaired."""
        if not self.file.exists():
            return
        try:
            seen = runs_of(self.file)
        except Exception as error:  # whatever h5py says
            return self.fail(f"{when}: h5py cannot read the file: {error}")
        for name, digest in self.known.items():
            if seen.get(name) != digest:
                self.fail(f"{when}: {name} is {'not the same' if name in seen else 'lost'}")
        self.known = seen

    def one(self, chance, number):
        token = f"kill-{number}"
        if chance.random() < 0.5:
            what = self.at_a_moment(chance, token)
        else:
            what = self.at_a_call(chance, token)
        self.how[token] = what
        self.look(f"{token}, {what}")
        if chance.random() < 0.5:
            done = self.perun("recover", self.out)
            if done.returncode != 0:
                self.fail(f"{token}, {what}: recover says {done.stdout} {done.stderr}")

    def at_a_moment(self, chance, token):
        victims = chance.choice((("sh",), ("perun",), ("perun-agent",), ("perun", "perun-agent"), ("perun", "perun-agent", "sh")))
        program = subprocess.Popen([PERUN, "monitor", *map(str, self.words(token, 0.1))], cwd=self.folder, env=self.env,
                                   stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0, 1.3 * self.whole))
        parts = children_of(program.pid)
        began = "sh" in parts and parts["sh"][1] > 0.05
        at = time.monotonic_ns()
        for name in victims:
            kill(program.pid if name == "perun" else parts.get(name, (0, 0))[0] or program.pid)
        self.wait(program, parts)
        if began:
            self.owed[token] = at
        with self.results.lock:
            self.results.moments += 1
        return f"{'+'.join(victims)} at a moment"

    def at_a_call(self, chance, token):
        what = f"{chance.choice(('kill', 'killafter'))}@{chance.randint(1, 32)}"
        env = with_faults(self.env, [self.out], self.folder / "count", what)
        program = subprocess.Popen([PERUN, "monitor", *map(str, self.words(token, 0.05))], cwd=self.folder, env=env, stdin=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE)
        parts = {}
        alone = chance.random() < 0.5
        if alone:  # the launcher cannot help either
            end = time.monotonic() + 5
            while "sh" not in parts and program.poll() is None and time.monotonic() < end:
                parts = children_of(program.pid)
                time.sleep(0.002)
            kill(program.pid)
        self.wait(program, parts)
        # The launcher makes calls too: it recovers what the kill before left.
        if not alone and program.returncode not in (7, 125, -signal.SIGKILL):
            self.fail(f"{token}, {what}: the status is {program.returncode}")
        self.told[token] = program.stderr.read()
        program.stderr.close()
        if not alone and program.returncode == 7:
            self.owed[token] = 0
        with self.results.lock:
            self.results.calls += 1
        return f"{what}{', launcher killed' if alone else ''}"

    def wait(self, program, parts):
        program.wait(timeout=60)
        end = time.monotonic() + 30
        while not all(gone(pid) for pid, _ in parts.values()) or self.busy():
            if time.monotonic() > end:
                return self.fail(f"processes stay: {parts}")
            time.sleep(0.01)

    def busy(self):
        """Whether a process of perun works here; an agent may have started after the launcher's children were looked at."""
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.readlink(f"/proc/{entry}/cwd") == str(self.folder) and not gone(entry):
                    if pathlib.Path(f"/proc/{entry}/comm").read_text().startswith("perun"):
                        return True
            except OSError:
                pass
        return False

    def finish(self):
        """Everything is recovered: each run once, what was owed among them, nothing left behind."""
        done = self.perun("recover", self.out)
        if done.returncode != 0:
            self.fail(f"recover says {done.stdout} {done.stderr}")
        self.look("after recovery")
        with h5py.File(self.file, "r") as data:
            runs = [dict(run.attrs) for run in data["app"].values()]
        tokens = [json.loads(run["command"])[-1] for run in runs]
        if len(set(tokens)) != len(tokens):
            self.fail(f"a run is there twice: {sorted(tokens)}")
        if sorted(run["number"] for run in runs) != list(range(len(runs))):
            self.fail("the numbers have holes")
        for token in self.owed.keys() - set(tokens):
            self.fail(f"{token}, {self.how[token]}, is lost; {self.told.get(token)}")
        left = sorted(p.name for p in self.out.iterdir() if p.name not in ("app.hdf5", ".perun"))
        if left:
            self.fail(f"left behind: {left}")
        for run, token in zip(runs, tokens):
            at = self.owed.get(token, 0)
            if at and not run["finished"]:
                loss = (at - int(run["end_mono_ns"])) * 1e-9
                if loss > FLUSH_S + SLACK_S:
                    self.fail(f"{token} ends {loss:.3f} s before the kill")
                with self.results.lock:
                    self.results.losses.append(max(0.0, loss))
            energy, runtime = run.get("energy_J", 0), run["totalRunRuntime_s"]
            if abs(energy - 100 * runtime) > 2.5:  # one that was killed at its begin has no second reading
                self.fail(f"{token}: {energy} J in {runtime} s at 100 W")
        with self.results.lock:
            self.results.runs += len(runs)
        shutil.rmtree(self.folder, ignore_errors=True)


class Results:
    def __init__(self):
        self.lock = threading.Lock()
        self.failures, self.losses = [], []
        self.runs = self.moments = self.calls = 0


def campaign(kills, seed):
    results = Results()

    def work(first, count):
        chance = random.Random(f"{seed}/{first}")
        file = File(results)
        for number in range(first, first + count):
            file.one(chance, number)
        file.finish()

    batches = [(first, min(RUNS_PER_FILE, kills - first)) for first in range(0, kills, RUNS_PER_FILE)]
    begin = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        for done in [pool.submit(work, *batch) for batch in batches]:
            done.result()
    losses = sorted(results.losses) or [0.0]
    print(f"seed {seed}: {results.moments} kills at a moment and {results.calls} at a call, {len(batches)} files, "
          f"{results.runs} runs, {time.monotonic() - begin:.0f} s")
    print(f"lost at most {losses[-1] * 1e3:.0f} ms, median {statistics.median(losses) * 1e3:.0f} ms, "
          f"99 % within {losses[int(0.99 * (len(losses) - 1))] * 1e3:.0f} ms, of {len(results.losses)} runs that were cut off")
    if statistics.median(losses) > FLUSH_S:
        results.failures.append("the median loss is more than one flush")
    print(f"{len(results.failures)} failures", *results.failures, sep="\n")
    return 1 if results.failures else 0


if __name__ == "__main__":
    sys.exit(campaign(int(sys.argv[1]) if len(sys.argv) > 1 else 300, sys.argv[2] if len(sys.argv) > 2 else "1"))
