# SPDX-License-Identifier: BSD-3-Clause
"""Changes to stored runs that are killed at every call that they make: each is in the file wholly or not at all, samples are
the same bit for bit, plain h5py opens the file before anybody repairs it, and doing it again does it."""

import concurrent.futures
import json
import shutil
import unittest

import h5py

from datafile import calls, with_faults
from harness import PerunTest

SIM = ("--backends", "sim:const:100W", "-f", "50")


def samples(file):
    """{run number: the bytes of all datasets but the summary}"""
    with h5py.File(file) as data:
        (app,) = data.values()
        found = {}
        for name, run in app.items():
            found[int(name.removeprefix("exp_"))] = sets = {}
            run.visititems(lambda path, thing, sets=sets: sets.update({path: thing[()].tobytes()}) if isinstance(thing, h5py.Dataset)
                           and path != "summary" and thing.dtype.kind != "O" else None)
        return found


def facts(file):
    """{run number: what the change is about}"""
    with h5py.File(file) as data:
        (app,) = data.values()
        return {int(name.removeprefix("exp_")): {key: repr(run.attrs[key]) for key in ("tags", "title", "pue") if key in run.attrs} for name, run in app.items()}


class Changes(PerunTest):
    RUNS = 5

    def setUp(self):
        super().setUp()
        self.base = self.dir / "base"
        self.base.mkdir()
        for _ in range(self.RUNS):
            self.assertEqual(self.monitor("-q", "--name", "app", "--tag", "first", "--data_out", self.base, *SIM, "sleep", "0.05").returncode, 0)

    def change(self, folder, words, faults=""):
        """A change of the file in a folder: app.hdf5 or, behind a renaming, new.hdf5."""
        file = folder / "app.hdf5"
        env = with_faults(self.env, [folder], self.dir / f"{folder.name}.count", faults)
        return self.perun(*(file if word is None else word for word in words), env=env)

    def one_file(self, folder):
        (file,) = [f for f in folder.iterdir() if f.name in ("app.hdf5", "new.hdf5")]
        return file

    def enumerate(self, *words):
        before = (samples(self.base / "app.hdf5"), facts(self.base / "app.hdf5"))
        whole = self.dir / "whole"
        shutil.copytree(self.base, whole)
        done = self.change(whole, words)
        self.assertEqual(done.returncode, 0, done.stderr)
        last = calls(self.dir / "whole.count")
        self.assertGreater(last, 5)
        after = (samples(self.one_file(whole)), facts(self.one_file(whole)))
        for number, sets in after[0].items():
            self.assertEqual(sets, before[0][number], "samples never change")

        def one(number):
            what = f"{' '.join(filter(None, words))}, killed before call {number} of {last}"
            folder = self.dir / f"kill-{number}"
            shutil.copytree(self.base, folder)
            done = self.change(folder, words, f"kill@{number}")
            self.assertNotEqual(done.returncode, 0, what)
            # As any other program sees it.
            seen = samples(self.one_file(folder))
            for run in after[0]:
                self.assertEqual(seen[run], before[0][run], what)
            # As perun sees it, which repairs what is to be repaired.
            listed = self.perun("runs", self.one_file(folder), "--json")
            self.assertEqual(listed.returncode, 0, (what, listed.stderr))
            now = (samples(self.one_file(folder)), facts(self.one_file(folder)))
            self.assertIn(now[1], (before[1], after[1]), what)
            self.assertEqual(now[0], (before if now[1] == before[1] and len(now[0]) == len(before[0]) else after)[0], what)
            self.assertEqual(len(json.loads(listed.stdout)["files"][0]["runs"]), len(now[0]), what)
            self.assertEqual(self.report(self.one_file(folder))["runs_in_file"], len(now[0]), what)
            if (folder / "app.hdf5").exists():
                self.change(folder, words)  # which may find it done
            self.assertEqual((samples(self.one_file(folder)), facts(self.one_file(folder))), after, what)
            if (folder / "app.hdf5").exists():
                self.assertEqual(self.monitor("-q", "--name", "app", "--data_out", folder, *SIM, "true").returncode, 0)
                self.assertEqual(len(samples(folder / "app.hdf5")), len(after[0]) + 1, what)
            left = sorted(f.name for f in folder.iterdir() if f.name not in ("app.hdf5", "new.hdf5", ".perun"))
            self.assertEqual(left, [], what)
            shutil.rmtree(folder)

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(one, range(1, last + 1)))

    def test_tagging(self):
        self.enumerate("runs", "tag", None, "0,3", "best", "y" * 90)

    def test_titles(self):
        self.enumerate("runs", "rename", None, "last", "a title that is longer than any gap: " + "x" * 300)

    def test_deleting(self):
        self.enumerate("runs", "delete", None, "1,3")

    def test_deleting_and_compacting(self):
        self.enumerate("runs", "delete", None, "1,3", "--compact")

    def test_renaming_the_application(self):
        self.enumerate("runs", "rename", None, "new")

    def test_postprocessing(self):
        self.enumerate("postprocess", None, "--pue", "1.25")


if __name__ == "__main__":
    unittest.main()
