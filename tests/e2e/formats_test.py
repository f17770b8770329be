# SPDX-License-Identifier: BSD-3-Clause
"""Reports as md, csv and bench, read by other programs, against the json of the same runs."""

import csv
import io
import json
import unittest

from harness import PERUN, PerunTest


class Formats(PerunTest):
    def setUp(self):
        super().setUp()
        self.file = "results/a,b.hdf5"
        self.env["P"] = PERUN
        script = """"$P" mark begin 'load, "x"'; sleep 0.4; "$P" mark end; "$P" mark count rows=10"""
        done = self.perun("-q", "monitor", "--backends", "sim:const:100W", "-f", "50", "--name", "a,b", "--rounds", "3",
                          "sh", "-c", script)
        self.assertEqual(done.returncode, 0, done.stderr.decode())

    def text(self, form):
        done = self.perun("report", self.file, "--run", "all", "--format", form)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return done.stdout.decode()

    def test_csv_rows_are_the_figures_of_json(self):
        rows = list(csv.DictReader(io.StringIO(self.text("csv"))))
        runs = json.loads(self.text("json"))["runs"]
        of_runs = [row for row in rows if row["level"] == "run"]
        self.assertEqual([float(row["energy_J"]) for row in of_runs], [run["energy_J"] for run in runs])
        self.assertEqual([float(row["co2e_kg"]) for row in of_runs], [run["footprint"]["co2e_kg"] for run in runs])
        self.assertEqual({row["app"] for row in rows}, {"a,b"})
        regions = [row for row in rows if row["level"] == "region"]
        self.assertEqual([row["name"] for row in regions], ['load, "x"'] * 3)
        self.assertEqual([float(row["energy_J"]) for row in regions], [run["regions"]["regions"][0]["energy_J"] for run in runs])
        self.assertTrue(all(None not in row and None not in row.values() for row in rows))
        self.assertEqual({row["level"] for row in rows}, {"run", "node", "device", "region"})

    def test_bench_has_stable_names_and_units(self):
        entries = {entry["name"]: entry for entry in json.loads(self.text("bench"))}
        runs = json.loads(self.text("json"))["runs"]
        self.assertEqual(set(entries), {"a,b - energy", "a,b - time", 'a,b / load, "x" - energy', 'a,b / load, "x" - time',
                                        "a,b - energy per rows"})
        energy = entries["a,b - energy"]
        self.assertEqual(energy["unit"], "J")
        self.assertAlmostEqual(energy["value"], sum(run["energy_J"] for run in runs) / 3, 6)
        self.assertTrue(energy["extra"].startswith("n = 3"), energy)
        for run in runs:
            self.assertNotIn(run["id"], json.dumps(entries))

    def test_estimates_have_names_of_their_own(self):
        self.perun("-q", "monitor", "--backends", "proc,estimate", "--name", "e", "sleep", "0.2")
        self.perun("-q", "monitor", "--backends", "proc", "--no-estimate", "--name", "n", "sleep", "0.2")
        names = lambda app: [e["name"] for e in json.loads(self.perun("report", f"results/{app}.hdf5", "-f", "bench").stdout)]
        self.assertEqual(names("e"), ["e - energy (estimated)", "e - time"])
        self.assertEqual(names("n"), ["n - time"])

    def test_monitor_writes_them_by_suffix(self):
        done = self.monitor("--backends", "sim:const:100W", "--name", "m", "-o", "r.md", "-o", "r.csv", "-o", "r.bench.json", "sleep",
                            "0.1")
        self.assertEqual(done.stderr, b"")
        self.assertTrue((self.dir / "r.md").read_text().startswith("### m, run 0: exit 0\n"))
        self.assertTrue((self.dir / "r.csv").read_text().startswith("app,run,id,"))
        self.assertEqual(json.loads((self.dir / "r.bench.json").read_text())[0]["name"], "m - energy")


if __name__ == "__main__":
    unittest.main()
