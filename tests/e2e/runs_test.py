# SPDX-License-Identifier: BSD-3-Clause
"""`perun runs`: listing, filters, tags, titles, deleting, renaming, and how runs are named elsewhere."""

import hashlib
import json
import unittest

import h5py

from harness import PerunTest

SOURCE = ("--backends", "sim:const:100W", "-f", "20")


class Runs(PerunTest):
    def measure(self, *more, name="heat"):
        done = self.monitor("-q", *SOURCE, "--name", name, *more, "true")
        self.assertEqual(done.returncode, 0, done.stderr.decode())

    def runs(self, *words, status=0):
        done = self.perun("runs", *words)
        self.assertEqual(done.returncode, status, (done.stdout + done.stderr).decode())
        return done.stdout.decode() if status == 0 else done.stderr.decode()

    def listed(self, *words):
        files = json.loads(self.runs("--json", *words))["files"]
        return {f["app"]: [r["number"] for r in f["runs"]] for f in files}

    def test_listing_and_filters(self):
        self.measure("--tag", "adam,gpu")
        self.measure("--tag", "adam", "--tag", "cpu")
        self.measure(name="other")
        self.assertEqual(self.listed(), {"heat": [0, 1], "other": [0]})
        self.assertEqual(self.listed("results/heat.hdf5", "--tag", "g*"), {"heat": [0]})
        self.assertEqual(self.listed("--tag", "adam", "--tag", "cpu"), {"heat": [1]})
        self.assertEqual(self.listed("--app", "o*"), {"other": [0]})
        self.assertEqual(self.listed("--since", "1h"), {"heat": [0, 1], "other": [0]})
        self.assertEqual(self.listed("--until", "2020-01-01"), {})
        self.assertEqual(self.listed("--since", "2020-01-01", "--until", "2100-01-01", "results"), {"heat": [0, 1], "other": [0]})
        text = self.runs()
        self.assertIn("heat.hdf5: heat, 2 runs", text)
        self.assertIn("[adam, cpu]", text)
        self.assertIn("yesterday", self.runs("--since", "yesterday", status=2))

    def test_a_broken_file_does_not_hide_the_others(self):
        self.measure()
        self.file("results/broken.hdf5", "no HDF5")
        done = self.perun("runs")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"heat, 1 run", done.stdout)
        self.assertIn(b"broken.hdf5", done.stderr)

    def test_runs_are_named_by_number_id_and_age(self):
        for _ in range(3):
            self.measure()
        file = "results/heat.hdf5"
        runs = json.loads(self.runs(file, "--json"))["files"][0]["runs"]
        for which, number in (("0", 0), ("last", 2), ("last~1", 1), (runs[1]["id"], 1), (runs[2]["id"][:-4], 2), ("last~2", 0)):
            self.assertEqual(self.report(file, which)["runs"][0]["number"], number, which)
            self.assertTrue(self.runs("show", file, which).startswith(f"run {number} of heat"))
        self.assertEqual([r["number"] for r in self.report(file, "2,last~2")["runs"]], [0, 2])
        told = self.runs("show", file, "20", status=1)
        self.assertIn("the ids of 3 runs begin like that", told)
        self.assertIn("has no run '9'", self.runs("show", file, "9", status=1))

    def test_tags_titles_and_deleting(self):
        for _ in range(4):
            self.measure("--tag", "first")
        file = "results/heat.hdf5"
        samples = {n: self.samples(n) for n in range(4)}
        self.runs("tag", file, "0,2", "best", "two words")
        self.runs("untag", file, "all", "first")
        self.runs("rename", file, "last", "the last one")
        runs = json.loads(self.runs(file, "--json"))["files"][0]["runs"]
        self.assertEqual([r["tags"] for r in runs], [["best", "two words"], [], ["best", "two words"], []])
        self.assertEqual(runs[3]["title"], "the last one")
        self.assertEqual(self.report(file, "2")["runs"][0]["tags"], ["best", "two words"])
        before = hashlib.sha256((self.dir / file).read_bytes()).hexdigest()
        self.assertIn("nothing written", self.runs("delete", file, "1", "--dry-run"))
        self.assertIn("cannot be a tag", self.runs("tag", file, "1", "a,b", status=2))
        self.assertIn("usage: perun runs tag", self.runs("tag", file, "1", status=2))
        self.assertIn("usage: perun runs delete", self.runs("delete", file, status=2))
        self.assertEqual(hashlib.sha256((self.dir / file).read_bytes()).hexdigest(), before)
        self.runs("delete", file, "1,3")
        self.measure()
        self.assertEqual(self.listed(file), {"heat": [0, 2, 4]})
        self.assertEqual(self.report(file)["runs_in_file"], 3)
        size = (self.dir / file).stat().st_size
        self.runs("delete", file, "4", "--compact")
        self.assertLess((self.dir / file).stat().st_size, size * 0.6)
        for n in (0, 2):
            self.assertEqual(self.samples(n), samples[n])
        self.measure()
        self.assertEqual(self.listed(file), {"heat": [0, 2, 5]})

    def samples(self, number):
        with h5py.File(self.dir / "results/heat.hdf5") as f:
            node = next(g for g in f[f"heat/exp_{number}"].values() if isinstance(g, h5py.Group))
            return {name: (data.dtype, data[()].tobytes()) for name, data in node.items() if name != "sensor"}

    def test_renaming_an_application(self):
        self.measure()
        self.measure(name="taken")
        file = "results/heat.hdf5"
        self.assertIn("is there already", self.runs("rename", file, "taken", status=1))
        self.assertIn("/", self.runs("rename", file, "a/b", status=2))
        self.runs("rename", file, "warm")
        self.assertEqual(self.listed(), {"taken": [0], "warm": [0]})
        self.measure(name="warm")
        self.assertEqual(self.listed("results/warm.hdf5"), {"warm": [0, 1]})
        with h5py.File(self.dir / "results/warm.hdf5") as f:
            self.assertEqual(list(f), ["warm"])
            self.assertEqual(f.attrs["default"], b"warm/exp_1")


class Postprocess(PerunTest):
    def test_overhead_power_is_applied_once_and_twice_is_once(self):
        done = self.monitor("-q", *SOURCE, "--name", "x", "sleep", "0.3")
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        file = self.dir / "results/x.hdf5"
        before = self.report(file)["runs"][0]
        self.assertIsNone(before["overhead"])
        raw = self.raw(file)
        words = ("postprocess", file, "--overhead-power", "40", "--pue", "1.5")
        untouched = file.read_bytes()
        told = self.perun(*words, "--dry-run").stdout.decode()
        self.assertIn("overhead-power 0 -> 40 (command line)", told)
        self.assertIn("nothing written", told)
        self.assertEqual(file.read_bytes(), untouched)
        self.assertEqual(self.perun(*words).returncode, 0)
        after = self.report(file)["runs"][0]
        self.assertEqual(after["energy_J"], before["energy_J"])
        self.assertEqual(after["kind"], "measured")
        self.assertAlmostEqual(after["overhead"]["energy_J"], 40 * after["duration_s"], places=6)
        self.assertEqual(after["overhead"]["kind"], "estimated")
        self.assertEqual(after["footprint"]["kind"], "mixed")
        facility = (after["energy_J"] + after["overhead"]["energy_J"]) * 1.5 / 3.6e6
        self.assertAlmostEqual(after["footprint"]["facility_kWh"], facility, places=12)
        self.assertRegex(after["postprocessed"], r"^\d{4}-\d\d-\d\dT[\d:.]+Z by perun \d")
        self.assertEqual(after["factors"]["overhead_source"], "command line")
        self.assertEqual(self.raw(file), raw)
        text = self.perun("report", file).stdout.decode()
        self.assertIn("(estimated) at 40.00 W a node", text)
        once = self.attributes(file)
        self.assertEqual(self.perun(*words).returncode, 0)
        self.assertEqual(self.attributes(file), once)
        self.assertEqual(self.raw(file), raw)
        with h5py.File(file) as f:
            self.assertEqual(f["x/exp_0"].attrs["overhead_power_W"], 40)
            self.assertAlmostEqual(f["x/exp_0"].attrs["overhead_J"], after["overhead"]["energy_J"], places=6)

    def raw(self, file):
        with h5py.File(file) as f:
            node = next(g for g in f["x/exp_0"].values() if isinstance(g, h5py.Group))
            return {name: data[()].tobytes() for name, data in node.items() if name != "sensor"}

    def attributes(self, file):
        found = {}
        with h5py.File(file) as f:
            f.visititems(lambda name, o: found.update({(name, k): repr(v) for k, v in o.attrs.items() if "LIST" not in k}))
            found.update({("/", k): repr(v) for k, v in f.attrs.items()})
        return found


if __name__ == "__main__":
    unittest.main()
