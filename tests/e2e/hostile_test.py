# SPDX-License-Identifier: BSD-3-Clause
"""Data files and journals that are cut, flipped, foreign or made to hurt: an error with the file's name, status 1, no crash,
and not a byte of them written.

hostile_test.py --flips N SEED looks at N files with flipped bits and prints what came of them.
"""

import collections
import concurrent.futures
import hashlib
import os
import pathlib
import random
import signal
import subprocess
import sys
import time
import unittest

from datafile import runs_of
from harness import PERUN, PerunTest

import h5py
import numpy

SIM = ("--backends", "sim:const:100W", "-f", "50")
DECLARED = {}  # name: what makes a hostile file of a good one


def declare(make):
    DECLARED[make.__name__] = make
    return make


@declare
def a_group_that_holds_itself(data):
    data["app/loop"] = data["app"]
    data["app/exp_0/loop"] = data["app/exp_0"]


@declare
def links_that_lead_away(data):
    del data["app/exp_0"]
    data["app/exp_0"] = h5py.ExternalLink("/etc/passwd", "/")
    data["app/exp_7"] = h5py.SoftLink("/nowhere")
    data["app/exp_8"] = h5py.SoftLink("/app/exp_8")


@declare
def a_huge_attribute(data):
    data["app/exp_0"].attrs["cwd"] = "x" * (48 << 20)


@declare
def attributes_of_other_types(data):
    run = data["app/exp_0"]
    for key, value in list(run.attrs.items()):
        run.attrs[key] = [1, 2, 3] if isinstance(value, str) else "text"


@declare
def numbers_that_are_none(data):
    run = data["app/exp_0"]
    for key in ("begin_mono_ns", "end_mono_ns", "begin_real_ns", "end_real_ns"):
        run.attrs[key] = -(2**63)
    for key in ("pue", "frequency_Hz", "energy_J"):
        run.attrs[key] = float("nan")


@declare
def json_without_an_end(data):
    data["app/exp_0"].attrs["nodes"] = "[" * 200000
    data["app/exp_0"].attrs["command"] = '["a", {"b": ' * 1000


@declare
def node_names_that_are_paths(data):
    data["app/exp_0"].attrs["nodes"] = '["../..", "", "/", ".", "\\u0000"]'


@declare
def a_dataset_larger_than_the_world(data):
    (node,) = data["app/exp_0"].values()
    name = next(iter(node.attrs["devices"][2:].split('"')))
    del node[name]
    node.create_dataset(name, shape=(2**60,), dtype="i8", chunks=(8192,))
    node.attrs["devices"] = f'["{name}"]'


@declare
def datasets_of_other_types(data):
    (node,) = data["app/exp_0"].values()
    for name in [n for n in node if isinstance(node[n], h5py.Dataset)]:
        del node[name]
        node[name] = numpy.zeros(3, dtype=[("a", "f4"), ("b", "S3")])


@declare
def too_many_runs(data):
    data["app"].attrs["next_run"] = -5
    data["app"].attrs["run_count"] = 2**62
    for i in range(2000):
        data["app"].create_group(f"exp_{i + 10}")


class Hostile(PerunTest):
    def setUp(self):
        super().setUp()
        self.env["XDG_STATE_HOME"] = str(self.dir / "state")
        for _ in range(2):
            self.assertEqual(self.monitor("-q", "--name", "app", *SIM, "sleep", "0.1").returncode, 0)
        self.whole = (self.dir / "results" / "app.hdf5").read_bytes()

    def look(self, name, content, commands=(("report", "--run", "all", "--format", "json"), ("postprocess", "--dry-run", "--pue", "1.1"))):
        """What perun says of a file; the status of the first command."""
        folder = self.dir / name
        folder.mkdir()
        file = folder / "app.hdf5"
        file.write_bytes(content)
        statuses = []
        for words in commands:
            done = self.perun(*words, file, timeout=300)
            what = (name, words[0], done.returncode, done.stderr[-500:])
            self.assertIn(done.returncode, (0, 1), what)
            self.assertNotIn(b"Sanitizer", done.stderr, what)
            if done.returncode == 1:
                self.assertTrue(done.stderr.startswith(b"perun: "), what)
                self.assertIn(b"app.hdf5", done.stderr, what)
                self.assertEqual(done.stdout, b"", what)
            statuses.append((done.returncode, b"ended by signal" in done.stderr))
            self.assertEqual(file.read_bytes(), content, what)
            self.assertEqual([p.name for p in folder.iterdir()], ["app.hdf5"], what)
        file.unlink()
        folder.rmdir()
        return statuses[0]

    def test_files_that_are_none(self):
        png = b"\x89PNG\r\n\x1a\n" + bytes(64)
        for name, content in (("empty", b""), ("text", b"hello\n"), ("png", png), ("zeros", bytes(8192)),
                              ("signature", self.whole[:8]), ("journal", b"PERUNJ1\n" + bytes(100))):
            self.assertEqual(self.look(name, content)[0], 1, name)

    def test_cut_anywhere(self):
        for size in range(1, len(self.whole), len(self.whole) // 12):
            self.assertEqual(self.look(f"cut{size}", self.whole[:size])[0], 1, size)

    def flips(self, count, seed):
        def one(i):
            chance = random.Random(f"{seed}/{i}")
            content = bytearray(self.whole)
            # The structures are few among the numbers: they get half of the flips.
            area = 8192 if chance.random() < 0.5 else len(content)
            for _ in range(chance.choice((1, 1, 1, 8))):
                content[chance.randrange(area)] ^= 1 << chance.randrange(8)
            return self.look(f"flip{i}", bytes(content), (("report", "--run", "all", "--format", "json"),))

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            return collections.Counter(pool.map(one, range(count)))

    def test_flipped_bits(self):
        seen = self.flips(160, 1)
        self.assertGreater(seen[(1, False)] + seen[(1, True)], 10, "some of them matter")

    def test_made_to_hurt(self):
        for name, make in DECLARED.items():
            with self.subTest(name=name):
                path = self.file(f"made-{name}.hdf5", self.whole)
                with h5py.File(path, "r+") as opened:
                    make(opened)
                self.look(name, path.read_bytes())

    def test_monitor_and_recover_meet_a_damaged_file(self):
        """A file in which HDF5 dies neither ends perun nor changes the program's status; the run stays in its journal."""
        crashing = None
        for i in range(4000):
            chance = random.Random(f"crash/{i}")
            content = bytearray(self.whole)
            content[chance.randrange(96, 4096)] ^= 1 << chance.randrange(8)
            if self.look(f"try{i}", bytes(content), (("report", "--run", "all", "--format", "json"),))[1]:
                crashing = bytes(content)
                break
        self.assertIsNotNone(crashing, "no flip found in which HDF5 dies")
        file = self.dir / "results" / "app.hdf5"
        program = subprocess.Popen([PERUN, "monitor", "-q", "--name", "app", *SIM, "sh", "-c", "sleep 0.5; exit 7"], cwd=self.dir, env=self.env,
                                   stderr=subprocess.PIPE)
        time.sleep(0.25)
        file.write_bytes(crashing)
        told = program.communicate(timeout=60)[1]
        self.assertEqual(program.returncode, 7, told)
        done = self.perun("recover")
        if done.returncode == 1:
            self.assertIn(b"app", done.stdout)
        file.write_bytes(self.whole)
        self.assertEqual(self.perun("recover").returncode, 0)

    def test_journals(self):
        program = subprocess.Popen([PERUN, "monitor", "-q", "--name", "app", *SIM, "sleep", "9"], cwd=self.dir, env=self.env)
        time.sleep(0.5)
        journal = next((self.dir / "results" / ".perun").rglob("*.journal"))
        parts = [int(p) for p in pathlib.Path(f"/proc/{program.pid}/task/{program.pid}/children").read_text().split()]
        for pid in (*parts, program.pid):
            os.kill(pid, signal.SIGKILL)
        program.wait()
        whole = journal.read_bytes()
        chance = random.Random(7)
        for i in range(40):
            content = bytearray(whole[:chance.randrange(1, 1200)] if i % 2 else whole)
            if i % 2 == 0:  # in the header, which everything hangs on
                content[chance.randrange(1200)] ^= 1 << chance.randrange(8)
            journal.parent.mkdir(parents=True, exist_ok=True)
            journal.write_bytes(content)
            before = hashlib.sha256(content).digest()
            done = self.perun("recover")
            if done.returncode == 0:
                continue  # cut behind its begin: recovered as far as it goes, or never started
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn(str(journal).encode(), done.stdout)
            self.assertEqual(hashlib.sha256(journal.read_bytes()).digest(), before)
            done = self.monitor("-q", "--name", "app", *SIM, "sh", "-c", "exit 7")
            self.assertEqual(done.returncode, 7)
            self.assertIn(b"kept in", done.stderr)
        runs_of(self.dir / "results" / "app.hdf5")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--flips"]:
        case = Hostile("test_flipped_bits")
        case.setUp()
        print({f"status {s}{', HDF5 died' if died else ''}": n for (s, died), n in case.flips(int(sys.argv[2]), sys.argv[3]).items()})
        case.doCleanups()
    else:
        unittest.main()
