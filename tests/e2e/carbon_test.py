# SPDX-License-Identifier: BSD-3-Clause
"""CO2e and cost by country and by series over time, and the SCI score."""

import datetime
import json
import re
import unittest

from harness import PerunTest


class Carbon(PerunTest):
    def measure(self, *options, seconds="0.3"):
        return self.perun("monitor", "--backends", "sim:const:100W", "-f", "50", "--name", "a", *options, "sleep", seconds)

    def one(self, *options):
        done = self.perun("report", "results/a.hdf5", "-f", "json", *options)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return json.loads(done.stdout)["runs"][0]

    def series(self, name, rows, title="gCO2e/kWh"):
        return self.file(name, f"time,{title}\n" + "".join(f"{t:.3f},{v}\n" for t, v in rows))

    def test_a_country_is_its_years_mean_and_says_so(self):
        done = self.measure("--emissions-factor", "fr")
        self.assertEqual(done.returncode, 0)
        run = self.one()
        self.assertAlmostEqual(run["factors"]["emissions_kg_per_kWh"], 0.04418, 5)
        self.assertEqual(run["factors"]["emissions_source"], "France 2024, Ember, life cycle of what it generates; command line")
        self.assertAlmostEqual(run["footprint"]["co2e_kg"], run["energy_J"] / 3.6e6 * 1.58 * 0.04418, 12)
        self.assertIn("(France 2024, Ember, life cycle", " ".join(done.stderr.decode().split()))
        self.assertIn("at 1.58 (default)", done.stderr.decode())
        conf = self.perun("showconf", "--origin", "--emissions-factor", "fr").stdout.decode()
        self.assertRegex(conf, r"emissions-factor = fr +# command line")
        guess = self.measure("--emissions-factor", "Frace")
        self.assertEqual(guess.returncode, 2)
        self.assertIn(b"did you mean 'France'?", guess.stderr)

    def test_a_series_is_weighted_over_the_run(self):
        self.measure()
        run = self.one()
        begin = datetime.datetime.fromisoformat(run["begin"].replace("Z", "+00:00")).timestamp()
        half = begin + run["duration_s"] / 2
        self.series("step.csv", [(half - 3600, 100), (half, 500), (half + 3600, 900)])
        factors = self.one("--emissions-factor", "step.csv")["factors"]
        self.assertAlmostEqual(factors["emissions_kg_per_kWh"], 0.3, delta=0.01)
        self.assertEqual(factors["emissions_source"], "mean of step.csv over the run's energy; command line")
        quarter = begin + run["duration_s"] / 4
        self.series("late.csv", [(quarter, 100), (quarter + 3600, 500)])
        late = self.one("--emissions-factor", "late.csv")["factors"]["emissions_source"]
        known = re.search(r"which knows (\d+) % of it", late)
        self.assertIsNotNone(known, late)
        self.assertAlmostEqual(int(known.group(1)), 75, delta=5)
        self.series("price.csv", [(half - 3600, -10), (half, 50), (half + 3600, 0)], "EUR/MWh")
        priced = self.one("--price-factor", "price.csv")
        self.assertAlmostEqual(priced["factors"]["price_cent_per_kWh"], 2.0, delta=0.1)
        self.assertEqual(priced["energy_J"], run["energy_J"])
        done = self.perun("postprocess", "--emissions-factor", "step.csv", "results/a.hdf5")
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        self.assertEqual(self.one()["factors"], factors)

    def test_monitor_folds_the_series_it_was_given(self):
        now = datetime.datetime.now().timestamp()
        self.series("grid.csv", [(now - 3600, 250), (now + 3600, 250), (now + 7200, 250)])
        self.assertEqual(self.measure("--emissions-factor", "grid.csv").returncode, 0)
        factors = self.one()["factors"]
        self.assertAlmostEqual(factors["emissions_kg_per_kWh"], 0.25, 9)
        self.assertEqual(factors["emissions_source"], "mean of grid.csv over the run's energy; command line")

    def test_monitor_weighs_the_series_by_the_energy_that_it_measured(self):
        # 20 W, then 2000 W, each for half a second in turn, and values that change every 0.4 s.
        now = datetime.datetime.now().timestamp()
        self.series("grid.csv", [(now + 0.4 * i - 60, 100 if i % 3 else 900) for i in range(1000)])
        done = self.perun("monitor", "--backends", "sim:square:20W:2000W:1s", "-f", "50", "--name", "a", "--emissions-factor",
                          "grid.csv", "-o", "a.json", "sleep", "1.5")
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        measured = json.loads((self.dir / "a.json").read_text())["runs"][0]
        stored, again = self.one(), self.one("--emissions-factor", "grid.csv")
        for other in (stored, again):
            self.assertEqual(measured["factors"], other["factors"])
            self.assertEqual(measured["footprint"], other["footprint"])

    def test_a_series_is_kept_with_the_run_until_a_constant_replaces_it(self):
        now = datetime.datetime.now().timestamp()
        self.series("grid.csv", [(now + 0.1 * i - 60, 100 + i % 7) for i in range(2000)])
        self.assertEqual(self.measure("--emissions-factor", "grid.csv").returncode, 0)

        def kept():
            done = self.perun("export", "results/a.hdf5", "--format", "json")
            self.assertEqual(done.returncode, 0, done.stderr.decode())
            run = json.loads(done.stdout)["runs"][0]
            return run, run["factors"].get("emissions_over_time")

        run, steps = kept()
        self.assertGreaterEqual(len(steps), 3)
        self.assertAlmostEqual(steps[0][0], run["begin"][1], delta=1e6)  # the node's own clock
        self.assertLess(steps[-1][0], run["end"][1])
        self.assertTrue(all(0.1 <= value < 0.107 for _, value in steps), steps)
        self.assertNotIn("price_over_time", run["factors"])
        # The way there and back, and other factors, keep it.
        exported = self.perun("export", "results/a.hdf5", "--format", "json").stdout
        self.file("a.json", exported.decode())
        self.perun("export", "a.json", "-o", "b.hdf5")
        back = self.perun("export", "b.hdf5", "--format", "json").stdout
        self.assertEqual(json.loads(back)["runs"][0]["factors"], run["factors"])
        self.perun("postprocess", "--pue", "1.1", "results/a.hdf5")
        self.assertEqual(kept()[1], steps)
        self.perun("postprocess", "--emissions-factor", "0.2", "results/a.hdf5")
        self.assertIsNone(kept()[1])

    def test_a_series_of_another_time_is_refused(self):
        self.series("old.csv", [(1000, 100), (4600, 100)])
        refused = self.measure("--emissions-factor", "old.csv")
        self.assertEqual(refused.returncode, 2)
        self.assertIn(b"'old.csv' tells no factor for 20", refused.stderr)
        self.assertFalse((self.dir / "results" / "a.hdf5").exists())
        self.measure()
        done = self.perun("report", "results/a.hdf5", "--emissions-factor", "old.csv")
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn(b"tells no factor", done.stderr)
        self.file("bad.csv", "time,gCO2e/kWh\nnow,1\n")
        bad = self.perun("report", "results/a.hdf5", "--emissions-factor", "bad.csv")
        self.assertEqual(bad.returncode, 2)
        self.assertIn(b"'bad.csv', line 2: 'now' is no time", bad.stderr)

    def test_the_score_needs_embodied_emissions(self):
        done = self.measure("--work", "rows=10", "--embodied-kg", "2500", "--resource-share", "0.5")
        text = " ".join(done.stderr.decode().split())
        self.assertIn("of 2500 kg a node (command line) over 5 years (default), its share 0.5 (command line)", text)
        self.assertIn("per rows (ISO/IEC 21031", text)
        run = self.one()
        sci = run["sci"]
        self.assertAlmostEqual(sci["embodied_kg"], 2500 * run["duration_s"] / (5 * 365.25 * 86400) * 0.5, 12)
        self.assertAlmostEqual(sci["run_kg"], run["footprint"]["co2e_kg"] + sci["embodied_kg"], 12)
        self.assertAlmostEqual(sci["per_unit"][0]["kg"], sci["run_kg"] / 10, 12)
        self.assertNotIn("sci", self.one("--embodied-kg", "0"))
        half = self.one("--lifespan-years", "2.5")["sci"]
        self.assertAlmostEqual(half["embodied_kg"], 2 * sci["embodied_kg"], 12)
        self.assertEqual(self.measure("--resource-share", "1.5").returncode, 2)


if __name__ == "__main__":
    unittest.main()
