# SPDX-License-Identifier: BSD-3-Clause
"""`perun compare`: how runs are named, what it says, and what a CI job sees of it."""

import json
import shutil
import unittest

import numpy as np

from export_test import tree_file
from harness import PerunTest


class Compare(PerunTest):
    def measure(self, name, watts, *options, program=("sleep", "0.3")):
        done = self.perun("-q", "monitor", "--backends", f"sim:const:{watts}W", "-f", "50", "--name", name, *options, *program)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return f"results/{name}.hdf5"

    def compare(self, *words, status=0):
        done = self.perun("compare", *words)
        self.assertEqual(done.returncode, status, done.stderr.decode() + done.stdout.decode())
        return done

    def document(self, *words, status=0):
        return json.loads(self.compare(*words, "--format", "json", status=status).stdout)

    def test_more_power_is_found_and_fails_the_job(self):
        base, more = self.measure("a", 100), self.measure("b", 120)
        found = self.document(base, more)
        power = found["comparisons"][0]["metrics"]["power"]
        self.assertEqual(power["verdict"], "higher")
        self.assertLess(power["interval"][0], 1.2)
        self.assertGreater(power["interval"][1], 1.2)
        self.assertEqual([side["file"] for side in found["sides"]], [base, more])
        met = self.compare(base, more, "--fail-if", "power>+10%", "--fail-if", "power>+50%", status=3)
        self.assertIn("--fail-if 'power>+10%' is met", met.stderr.decode())
        self.assertNotIn("50%", met.stderr.decode())
        self.compare(base, more, "--fail-if", "power>+50%")
        self.compare(more, base, "--fail-if", "power<-10%", "--confidence", "99%", status=3)
        self.assertIn(b"power<-10%: failed", self.compare(more, base, "--fail-if", "power<-10%", status=3).stdout)

    def test_rounds_stand_for_the_program(self):
        self.measure("a", 50)
        base = self.measure("a", 100, "--rounds", "5", program=("sleep", "0.1"))
        other = self.measure("b", 100, "--rounds", "6", program=("sleep", "0.1"))
        found = self.document(base, other)
        self.assertEqual([[run["number"] for run in side["runs"]] for side in found["sides"]], [[1, 2, 3, 4, 5], list(range(6))])
        energy = found["comparisons"][0]["metrics"]["energy"]
        values = [np.log([run["energy_J"] for run in side["runs"]]) for side in found["sides"]]
        self.assertAlmostEqual(energy["ratio"], np.exp(values[1].mean() - values[0].mean()), 9)
        self.assertEqual(energy["interval_from"], "runs")
        self.assertEqual(len(energy["bootstrap_interval"]), 2)
        self.assertEqual(self.document(base + ":0", other + ":2,3")["comparisons"][0]["metrics"]["power"]["verdict"], "higher")
        self.assertEqual(len(self.document(base + ":all", other)["sides"][0]["runs"]), 6)

    def test_runs_are_named_as_everywhere(self):
        file = self.measure("a", 100)
        self.measure("a", 100)
        ids = [run["id"] for run in json.loads(self.perun("runs", "--json").stdout)["files"][0]["runs"]]
        for first, second in (("0", "1"), ("last~1", "last"), (ids[0], ids[1]), (file + ":0", file + ":last"), ("0", file)):
            sides = self.document(first, second)["sides"]
            self.assertEqual([side["runs"][0]["id"] for side in sides], ids, (first, second))
        self.perun("export", file, "--run", "0", "-o", "base.json")
        moved = shutil.move(self.dir / file, self.dir / "now:1.hdf5")
        self.assertEqual(self.document("base.json", moved)["sides"][1]["runs"][0]["id"], ids[1])
        self.assertIn(b"there is no file 'gone.hdf5'", self.compare("base.json", "gone.hdf5", status=1).stderr)
        self.assertIn(b"has no run '7'", self.compare("base.json:7", moved, status=1).stderr)
        self.assertIn(b"'7' is no file", self.compare("7", moved, status=1).stderr)

    def test_what_decides_nothing_is_told(self):
        for name in "ab":
            self.perun("-q", "monitor", "--backends", "proc,estimate", "--name", name, "sleep", "0.2")
        files = ["results/a.hdf5", "results/b.hdf5"]
        self.assertIn("an estimate never passes or fails",
                      self.compare(*files, "--fail-if", "energy>+5%", status=4).stderr.decode())
        self.compare(*files, "--fail-if", "energy>+5%", "--allow-missing")
        self.compare(*files, "--fail-if", "time>+900%")
        self.compare(*files, "--fail-if", "energy>+5%", "--fail-if", "time<+900%", status=3)
        gates = self.document(*files, "--fail-if", "gone:energy>+5%", "--allow-missing")["gates"]
        self.assertEqual(gates[0]["result"], "undecided")

    def test_files_of_the_python_perun(self):
        tree_file(self.dir / "old.hdf5")
        found = self.document("old.hdf5:0", "old.hdf5:1")
        self.assertEqual(found["comparisons"][0]["metrics"]["energy"]["verdict"], "no_difference")
        self.assertAlmostEqual(found["comparisons"][0]["metrics"]["energy"]["ratio"], 1)

    def test_reports_go_where_they_are_asked_for(self):
        base, other = self.measure("a", 100), self.measure("b", 120)
        done = self.compare(base, other, "-o", "c.json", "-o", "c.md", "-o", "c.txt")
        self.assertEqual(done.stdout, b"")
        self.assertEqual(json.loads((self.dir / "c.json").read_text())["schema"], "perun-compare/1")
        self.assertTrue((self.dir / "c.md").read_text().startswith("### B compared with A"))
        self.assertTrue((self.dir / "c.txt").read_text().startswith("perun: B compared with A"))
        quiet = self.perun("-q", "compare", base, other)
        self.assertEqual(quiet.stdout.count(b"\n"), 1)

    def test_mistakes_are_usage_errors(self):
        base = self.measure("a", 100)
        for words, what in ((["0"], "two runs or files"), ([base, base, "--fail-if", "energy>5"], "percentage"),
                            ([base, base, "--fail-if", "watts>5%"], "none of energy"), ([base, base, "--confidence", "95"], "within"),
                            ([base, base, "--format", "jsn"], "did you mean 'json'"), ([base, base, "-o", "x.csv"], "format")):
            done = self.compare(*words, status=2)
            self.assertIn(what, done.stderr.decode())


if __name__ == "__main__":
    unittest.main()
