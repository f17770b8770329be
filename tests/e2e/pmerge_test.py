#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""perun-pmerge: several processes join the parts of a job by parallel HDF5, to the same file that perun merge makes."""

import os
import pathlib
import re
import shutil
import subprocess
import time
import unittest

from harness import PERUN, PerunTest

MARKER = os.environ["PERUN_MARKER"]
PMERGE = pathlib.Path(PERUN).parent / "perun-pmerge"
# When a file was made is its own.
TIMES = {"history of </>", "creation_date of </job>"}


class ParallelMerge(PerunTest):
    def setUp(self):
        super().setUp()
        self.env.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")

    def parts(self, key, hz, seconds, into):
        """Three of four ranks, on a made-up node each: the job never ends, so its parts stay."""
        started = []
        for rank in range(3):
            env = {**self.env, "PERUN_RUN_KEY": key, "PERUN_RANK": str(rank), "PERUN_SIZE": "4", "PERUN_NODE_ID": f"n{rank}"}
            program = f"{MARKER} b:work s:{int(1000 * seconds) + 100 * rank} e:work"
            started.append(subprocess.Popen(
                [PERUN, "monitor", "--name", "job", "--frequency", str(hz), "--data_out", into, "--backends",
                 f"sim:const:{rank + 1}00W,sim:sine:20W:200W:1s,proc", "sh", "-c", program],
                env=env, cwd=self.dir, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        self.assertEqual([p.wait(timeout=60) for p in started], [0, 0, 0])
        until = time.monotonic() + 40
        while time.monotonic() < until and len(list((self.dir / into).glob(".perun/*/*.1.part"))) < 3:
            time.sleep(0.2)
        time.sleep(11)  # a sampling process waits for other nodes so long

    def pmerge(self, ranks, *words):
        return self.bare("mpirun.openmpi", "--oversubscribe", "-n", ranks, PMERGE, *words, timeout=120)

    def assert_same(self, one, other):
        text = self.bare("h5diff", "-c", one, other).stdout.decode()
        different = re.findall(r"^(?:attribute|dataset|group|datatype): <(.*)> and <", text, re.MULTILINE)
        self.assertLessEqual(set(different), TIMES, text)
        # Datasets without rows are what h5diff cannot compare, not even with those of a copy.
        shutil.copy(self.dir / one, self.dir / "copy.hdf5")
        copied = self.bare("h5diff", "-c", one, "copy.hdf5").stdout.decode()
        not_comparable = [re.findall(r"^Not comparable: .*$", t, re.MULTILINE) for t in (text, copied)]
        self.assertEqual(*not_comparable)
        both = [self.report(file, "all") for file in (one, other)]
        self.assertEqual(both[0]["runs"], both[1]["runs"])
        self.assertEqual(both[0]["total"], both[1]["total"])

    def test_the_file_is_that_of_merge(self):
        # Some datasets with chunks for several processes, many short ones, texts, regions, ranks.
        self.parts("long", 4000, 5, "first")
        self.parts("short", 10, 1, "second")
        for copy in ("serial", "two", "three"):
            for part in ("first", "second"):
                shutil.copytree(self.dir / part, self.dir / copy / part)
        for part in ("first", "second"):  # the second one is added to the first one's file
            done = self.perun("merge", f"serial/{part}", "--data_out", "serial/out")
            self.assertEqual(done.returncode, 0, done.stderr)
            for ranks, copy in ((2, "two"), (3, "three")):
                done = self.pmerge(ranks, f"{copy}/{part}", "--data_out", f"{copy}/out")
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn(b"joined as run", done.stdout)
                self.assertEqual(list((self.dir / copy / part).glob(".perun/*")), [])
                self.assertEqual([p.name for p in (self.dir / copy / "out").iterdir()], ["job.hdf5"])
                self.assert_same("serial/out/job.hdf5", f"{copy}/out/job.hdf5")
        # A run that is there already, since a merge before was cut off late, is not added again.
        again = self.dir / "first/.perun/long"
        (again / "committing").touch()
        done = self.pmerge(2, "first", "--data_out", "two/out")
        self.assertEqual((done.returncode, done.stdout), (0, b"long: 1 piece joined as run 0\n"), done.stderr)
        self.assertEqual(len(self.report("two/out/job.hdf5", "all")["runs"]), 2)

    def test_what_cannot_be_is_told_and_ends(self):
        done = self.pmerge(2, "nowhere")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"nowhere holds no piece of a job", done.stderr)
        self.assertEqual(self.pmerge(2).returncode, 2)
        self.parts("key", 10, 0.3, "parts")
        (self.dir / "out").mkdir()
        self.file("out/job.hdf5", "no HDF5 at all")
        done = self.pmerge(3, "parts", "--data_out", "out")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"job.hdf5", done.stderr)
        self.assertEqual((self.dir / "out/job.hdf5").read_text(), "no HDF5 at all")
        self.assertEqual([p.name for p in (self.dir / "out").iterdir()], ["job.hdf5"])
        self.assertEqual(len(list((self.dir / "parts").glob(".perun/*/*.part"))), 3)

    def test_one_hdf5_in_a_binary(self):
        linked = {name: self.bare("ldd", pathlib.Path(PERUN).parent / name).stdout for name in ("perun", "perun-pmerge")}
        self.assertNotIn(b"libhdf5", linked["perun"])
        self.assertNotIn(b"libmpi", linked["perun"])
        self.assertIn(b"libhdf5_openmpi", linked["perun-pmerge"])
        self.assertNotIn(b"libhdf5_serial", linked["perun-pmerge"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
