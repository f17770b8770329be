# SPDX-License-Identifier: BSD-3-Clause
"""Disks that are full, over quota, read-only or broken, from any call on: told, the program goes on, the run is kept."""

import concurrent.futures
import json
import os
import pathlib
import shutil
import subprocess
import time
import unittest

from datafile import attributes, calls, runs_of, with_faults
from harness import PERUN, PerunTest

SIM = ("--backends", "sim:const:100W", "-f", "50")


class FaultTest(PerunTest):
    def setUp(self):
        super().setUp()
        self.env["XDG_STATE_HOME"] = str(self.dir / "state")

    def place(self, name, runs=1):
        """A folder with a data file of `runs` runs, and what they are."""
        folder = self.dir / name
        folder.mkdir()
        for _ in range(runs):
            self.assertEqual(self.monitor("-q", "--name", "app", "--data_out", folder / "results", *SIM, "true").returncode, 0)
        return folder

    def run_with(self, folder, faults, below=None, **more):
        """One run of 0.1 s that ends with 7; `faults` below its data folder."""
        env = with_faults(self.env | {"XDG_STATE_HOME": str(folder / "state")}, below or [folder / "results"], folder / "count", faults,
                          **more)
        return self.monitor("-q", "--name", "app", "--data_out", folder / "results", *SIM, "sh", "-c", "sleep 0.1; exit 7", env=env)

    def recover(self, folder, *words):
        env = self.env | {"XDG_STATE_HOME": str(folder / "state")}
        return self.perun("recover", "--data_out", folder / "results", *words, env=env)

    def assert_once(self, folder, before, what):
        """After `perun recover` there is the run, once, beside those of `before`, and nothing else."""
        file = folder / "results" / "app.hdf5"
        if file.exists():  # as it is before anybody repairs anything
            seen = runs_of(file)
            self.assertEqual({name: seen.get(name) for name in before}, before, what)
        done = self.recover(folder)
        self.assertEqual(done.returncode, 0, (what, done.stdout, done.stderr))
        seen = runs_of(file)
        self.assertEqual({name: seen.get(name) for name in before}, before, what)
        self.assertEqual(len(seen), len(before) + 1, what)
        found = attributes(file)
        self.assertEqual(len(found), len(seen), (what, "a run is there twice"))
        self.assertIn(b"nothing to recover", self.recover(folder).stdout, what)
        self.assertEqual([p.name for p in (folder / "results").rglob("*") if p.is_file()], ["app.hdf5"], what)
        return max(found.values(), key=lambda run: run["number"])


class EveryCall(FaultTest):
    """The faults meet every call that a run makes below its data folder, one after the other."""

    def enumerate(self, runs, kinds):
        base = self.place("base", runs)
        before = runs_of(base / "results" / "app.hdf5") if runs else {}
        probe = self.dir / "probe"
        shutil.copytree(base, probe)
        self.assertEqual(self.run_with(probe, "").returncode, 7)
        last = calls(probe / "count")
        self.assertGreater(last, 15)

        def one(kind, number):
            what = kind.replace("@", f"@{number}")
            folder = self.dir / what.replace("@", "-")
            shutil.copytree(base, folder)
            done = self.run_with(folder, what)
            if kind.startswith("kill") and done.returncode == 125:  # the agent, before it was ready: nothing has happened yet
                self.assertIn(b"did not get ready", done.stderr)
                self.assertEqual(runs_of(folder / "results" / "app.hdf5"), before)
                return None
            self.assertEqual(done.returncode, 7, (what, done.stderr))
            stored = len(runs_of(folder / "results" / "app.hdf5")) if (folder / "results" / "app.hdf5").exists() else 0
            if stored == len(before):
                self.assertIn(b"is kept in", done.stderr, what)
            run = self.assert_once(folder, before, what)
            if not kind.startswith("kill"):  # an agent that was killed at the begin has read nothing more
                self.assertGreater(run["energy_J"], 7, (what, "100 W for 0.1 s, less a reading"))
            self.assertLess(run.get("energy_J", 0), 100 * 2, what)
            shutil.rmtree(folder)
            return run

        jobs = [(kind, n) for kind in kinds for n in range(1, last + 1)]
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            done = list(pool.map(lambda job: one(*job), jobs))
        self.assertGreater(len([run for run in done if run]), len(done) * 0.7)

    def test_a_full_disk_from_any_call_on(self):
        self.enumerate(1, ["enospc@+"])

    def test_one_call_fails_or_does_half(self):
        self.enumerate(1, ["eio@", "half@"])

    def test_quota_while_the_file_is_made(self):
        self.enumerate(0, ["edquot@+"])

    def test_killed_at_any_call(self):
        self.enumerate(1, ["kill@", "killafter@"])


class Places(FaultTest):
    def test_what_is_told_is_told_once_and_says_where_the_run_is(self):
        folder = self.place("a")
        done = self.run_with(folder, "edquot@1+")
        self.assertEqual(done.returncode, 7)
        told = done.stderr.decode()
        self.assertEqual(told.count("Disk quota exceeded; the run is kept in " + str(folder / "state" / "perun")), 1, told)
        self.assertEqual(told.count("perun recover"), 1, told)
        self.assert_once(folder, runs_of(folder / "results" / "app.hdf5"), told)

    def test_neither_place_can_be_written(self):
        for number in (1, 6, 7, 8, 9):  # from the start, and from a moment in mid-run on
            folder = self.place(f"full{number}")
            before = runs_of(folder / "results" / "app.hdf5")
            done = self.run_with(folder, f"enospc@{number}+", below=[folder / "results", folder / "state"])
            self.assertEqual(done.returncode, 125 if number == 1 else 7, done.stderr)
            self.assertIn(b"No space left on device", done.stderr)
            self.recover(folder)
            seen = runs_of(folder / "results" / "app.hdf5")
            self.assertEqual({name: seen[name] for name in before}, before)
            self.assertEqual(len(attributes(folder / "results" / "app.hdf5")), len(seen))

    def test_an_unwritable_folder_is_125_unless_a_spool_was_named(self):
        self.file("flat", "a file")
        out = ("--data_out", "flat/below")
        done = self.monitor(*out, "-q", *SIM, "sh", "-c", "touch ran")
        self.assertEqual(done.returncode, 125)
        self.assertFalse((self.dir / "ran").exists())
        done = self.monitor(*out, "-q", "--spool", "second", "--name", "app", *SIM, "sh", "-c", "sleep 0.1; exit 7")
        self.assertEqual(done.returncode, 7, done.stderr)
        self.assertIn(b"is kept in " + str(self.dir / "second").encode(), done.stderr)
        done = self.perun("recover", "--spool", "second")
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn(b"cannot be stored, and is kept in", done.stdout)
        (self.dir / "flat").unlink()
        self.assertEqual(self.perun("recover", "--spool", "second").returncode, 0)
        self.assertEqual(len(runs_of(self.dir / "flat" / "below" / "app.hdf5")), 1)
        self.assertEqual(list((self.dir / "second").iterdir()), [])

    def test_a_folder_that_is_deleted_or_moved_while_the_program_runs(self):
        for what in ("delete", "move"):
            with self.subTest(what=what):
                folder = self.place(what)
                results = folder / "results"
                change = f"rm -r {results}" if what == "delete" else f"mv {results} {results}.old"
                done = self.monitor("-q", "--name", "app", "--data_out", results, *SIM, "sh", "-c", f"{change}; sleep 0.3; exit 7")
                self.assertEqual(done.returncode, 7)
                self.assertIn(b"deleted", done.stderr)
                (run,) = attributes(results / "app.hdf5").values()  # where the user asked for it
                self.assertEqual(run["finished"], 1)
                self.assertGreater(run["energy_J"], 29)

    def test_no_spool_when_none_is_wanted(self):
        folder = self.place("a")
        env = with_faults(self.env, [folder / "results"], folder / "count", "enospc@7+")
        done = self.monitor("-q", "--spool", "none", "--name", "app", "--data_out", folder / "results", *SIM, "sh", "-c", "sleep 0.1; exit 7",
                            env=env)
        self.assertEqual(done.returncode, 7)
        self.assertIn(b"what fits is kept", done.stderr)
        self.assertFalse((self.dir / "state").exists())
        self.assert_once(folder, runs_of(folder / "results" / "app.hdf5"), "")


class Cadence(FaultTest):
    def test_a_write_for_each_tick_and_at_most_twenty_a_second(self):
        for rate, least, most in ((5, 9, 16), (1000, 20, 46)):
            with self.subTest(rate=rate):
                folder = self.place(f"rate{rate}")
                env = with_faults(self.env, [folder / "results"], folder / "count", FAULTS_LOG=folder / "log")
                self.monitor("-q", "--name", "app", "--data_out", folder / "results", "--backends", "sim:const:100W", "-f", rate, "sleep", "2", env=env)
                log = [line.split() for line in (folder / "log").read_text().splitlines()]
                writes = [float(words[3]) for words in log if words[1] == "pwrite" and words[4].endswith(".journal")]
                # Beside those of the ticks: one at the begin, two at the end.
                self.assertGreaterEqual(len(writes), least)
                self.assertLessEqual(len(writes), most)


class NoLocks(FaultTest):
    """File systems whose flock() fails."""

    def test_runs_at_once_are_all_there(self):
        for why in ("enolck", "enosys", "eopnotsupp"):
            with self.subTest(why=why):
                folder = self.place(why)
                env = with_faults(self.env, [folder], folder / "count", FAULTS_NO_FLOCK=why)
                script = f"for i in 1 2 3 4; do {PERUN} monitor -q --name app --data_out {folder}/results {' '.join(SIM)} true || exit; done"
                several = [subprocess.Popen(["sh", "-c", script], cwd=self.dir, env=env, stderr=subprocess.DEVNULL) for _ in range(4)]
                self.assertEqual([p.wait(timeout=100) for p in several], [0] * 4)
                self.perun("recover", "--data_out", folder / "results", env=env)
                found = attributes(folder / "results" / "app.hdf5")
                self.assertEqual(sorted(run["number"] for run in found.values()), list(range(17)))
                self.assertEqual([p.name for p in (folder / "results").iterdir()], ["app.hdf5"])

    def test_it_is_told_with_v(self):
        folder = self.place("a")
        words = ("--name", "app", "--data_out", folder / "results", *SIM, "true")
        env = with_faults(self.env, [folder], folder / "count", FAULTS_NO_FLOCK="enolck")
        told = b"has no locks (flock: No locks available); lock files are used there"
        self.assertIn(told, self.monitor("-v", *words, env=env).stderr)
        self.assertNotIn(told, self.monitor(*words, env=env).stderr)
        self.assertNotIn(b"has no locks", self.monitor("-v", *words).stderr)

    def lock_file(self, folder, **changes):
        """A lock file as another process left it."""
        owner = {"host": "elsewhere", "boot_id": "another", "pid_namespace": "pid:[1]", "pid": 1, "started": 1, **changes}
        path = folder / "results" / ".app.hdf5.lock"
        path.write_text(json.dumps(owner))
        return path

    def test_a_stale_lock_file_does_not_block(self):
        folder = self.place("a")
        env = with_faults(self.env, [folder], folder / "count", FAULTS_NO_FLOCK="enolck")
        here = {"boot_id": pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
                "pid_namespace": str(pathlib.Path("/proc/self/ns/pid").readlink())}
        words = ("monitor", "-q", "--name", "app", "--data_out", folder / "results", *SIM, "true")
        ended = subprocess.Popen(["true"])
        ended.wait()
        self.lock_file(folder, pid=ended.pid, **here)
        begin = time.monotonic()
        self.assertEqual(self.perun(*words, env=env).returncode, 0)
        self.assertLess(time.monotonic() - begin, 5)
        self.assertEqual(len(runs_of(folder / "results" / "app.hdf5")), 2, "the owner is dead")
        path = self.lock_file(folder)
        os.utime(path, (time.time() - 400,) * 2)
        self.assertEqual(self.perun(*words, env=env).returncode, 0)
        self.assertEqual(len(runs_of(folder / "results" / "app.hdf5")), 3, "nobody can tell, but it is old")

    def test_a_lock_that_is_held_is_waited_for_and_the_run_is_kept(self):
        folder = self.place("a")
        env = with_faults(self.env, [folder], folder / "count", FAULTS_NO_FLOCK="enolck")
        path = self.lock_file(folder)
        done = self.monitor("-q", "--name", "app", "--data_out", folder / "results", *SIM, "sh", "-c", "exit 7", env=env)
        self.assertEqual(done.returncode, 7)
        self.assertIn(b"is held by process 1 on elsewhere", done.stderr)
        self.assertIn(b"the run is kept in", done.stderr)
        path.unlink()
        self.assertEqual(self.perun("recover", "--data_out", folder / "results", env=env).returncode, 0)
        self.assertEqual(len(runs_of(folder / "results" / "app.hdf5")), 2)


if __name__ == "__main__":
    unittest.main()
