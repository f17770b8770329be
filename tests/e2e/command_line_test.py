# SPDX-License-Identifier: BSD-3-Clause
"""The documented command lines and configuration against the real tool; what is wrong is told before anything runs."""

import json
import os
import unittest

import yaml

from harness import PERUN, PYTHON, PerunTest

SEED_INI = """[report]
format = txt
pue = 1.58
emissions-factor = 0.355, # kgCO2eq/kWh - source https://www.nowtricity.com/country/germany/
price-factor = 41.59, # cent/kWh - source: https://www.stromauskunft.de/strompreise/ Baden-W\u00c3\u00bcrttemberg lokare anbieter

[monitor]
frequency = 1
data_out = ./results

[perun]
log_lvl = WARN
"""
SIM = ("--backends", "sim:const:100W")


class Documented(PerunTest):
    def setUp(self):
        super().setUp()
        self.file("path/to/your/script.py", "import sys; print('args', sys.argv[1:])")

    def test_formats_and_places_of_options(self):
        for words in (["monitor", "--format", "yaml"], ["--format", "yaml", "monitor"], ["-f", "yaml", "monitor"], ["monitor", "-f", "yml"]):
            with self.subTest(words=words):
                done = self.perun(*words, "path/to/your/script.py", "[args]")
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(done.stdout, b"args ['[args]']\n")
                document = yaml.safe_load(done.stderr.split(b"\n", 1)[1])
                self.assertEqual(document["schema"], "perun-report/1")

    def test_a_folder_as_output_is_where_the_data_go(self):
        done = self.perun("monitor", "--format", "json", "-o", "results/", "path/to/your/script.py", "args")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue((self.dir / "results" / "script.hdf5").exists())
        self.assertEqual(json.loads(done.stderr.split(b"\n", 1)[1])["app"], "script")

    def test_the_module_is_the_tool(self):
        done = self.bare(PYTHON, "-m", "perun", "monitor", "--format", "json", "-o", "results/", "path/to/your/script.py", "x",
                         env={**self.env, "PYTHONPATH": os.environ["PERUN_PYTHONPATH"], "PATH": os.path.dirname(PERUN) + ":" + self.env["PATH"]})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, b"args ['x']\n")
        self.assertTrue((self.dir / "results" / "script.hdf5").exists())

    def test_postprocess_changes_what_follows_from_factors(self):
        for _ in range(2):
            self.assertEqual(self.monitor("-q", *SIM, "--name", "a", "sleep", "0.1").returncode, 0)
        before = self.report("results/a.hdf5", "all")
        dry = self.perun("postprocess", "--dry-run", "--pue", "3.16", "results/a.hdf5")
        self.assertEqual(dry.returncode, 0, dry.stderr)
        self.assertIn(b"pue 1.58 -> 3.16 (command line)", dry.stdout)
        self.assertEqual(self.report("results/a.hdf5", "all"), before)
        done = self.perun("--pue", "3.16", "postprocess", "results/a.hdf5")
        self.assertEqual(done.returncode, 0, done.stderr)
        after = self.report("results/a.hdf5", "all")
        for old, new in zip(before["runs"] + [before["total"]], after["runs"] + [after["total"]]):
            self.assertEqual(new["energy_J"], old["energy_J"])
            self.assertAlmostEqual(new["footprint"]["co2e_kg"], 2 * old["footprint"]["co2e_kg"], delta=1e-9 * old["footprint"]["co2e_kg"])
        looked = json.loads(self.perun("report", "--pue", "1.58", "--run", "all", "--format", "json", "results/a.hdf5").stdout)
        self.assertAlmostEqual(looked["total"]["footprint"]["co2e_kg"], before["total"]["footprint"]["co2e_kg"], delta=1e-12)
        self.assertEqual(self.report("results/a.hdf5", "all"), after)
        self.assertEqual(self.perun("postprocess").returncode, 2)
        missing = self.perun("postprocess", "none.hdf5")
        self.assertEqual(missing.returncode, 1)
        self.assertIn(b"none.hdf5", missing.stderr)

    def test_one_letter_for_format_and_frequency(self):
        done = self.perun("-f", "json", "-f", "20", "monitor", *SIM, "-o", "-", "sleep", "0.3")
        run = json.loads(done.stdout)["runs"][0]
        self.assertEqual(run["frequency_Hz"], 20)
        self.assertGreaterEqual(run["nodes"][0]["quality"]["ticks"], 6)

    def test_the_documented_configuration_loads_to_its_values(self):
        self.file(".perun.ini", SEED_INI)
        done = self.perun("showconf", "--origin")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr, b"")
        for line in ("pue = 1.58", "emissions-factor = 0.355", "price-factor = 41.59", "frequency = 1", "data_out = ./results", "log_lvl = WARN"):
            self.assertIn(line, done.stdout.decode())
        self.assertIn(".perun.ini:4", done.stdout.decode())
        self.assertNotIn(".perun.ini", self.perun("showconf", "--default").stdout.decode())

    def test_stronger_places_win_and_the_figures_follow(self):
        self.file(".perun.ini", "[report]\npue = 2\nemissions-factor = 1\n")
        self.file(".config/perun.ini", "[report]\npue = 3\nprice-factor = 100\n")
        self.env["PERUN_EMISSIONS_FACTOR"] = "0.5"
        done = self.monitor(*SIM, "-f", "json", "-o", "-", "--pue", "1.25", "sleep", "0.2")
        run = json.loads(done.stdout)["runs"][0]
        kwh = run["energy_J"] / 3.6e6 * 1.25
        self.assertAlmostEqual(run["footprint"]["co2e_kg"], kwh * 0.5, delta=1e-9 * kwh)
        self.assertAlmostEqual(run["footprint"]["cost_cent"], kwh * 100, delta=1e-9 * kwh)

    def test_the_report_of_a_stored_run_says_the_same_again(self):
        first = self.monitor(*SIM, "-f", "json", "-o", "-", "true").stdout
        self.assertEqual(json.loads(self.perun("report", "-f", "json", "results/true.hdf5").stdout)["runs"], json.loads(first)["runs"])
        self.assertEqual(self.perun("report").stdout[:13], b"perun: true  ")

    def test_rounds_are_runs_that_share_an_id(self):
        done = self.monitor(*SIM, "--rounds", "3", "--warmup-rounds", "1", "sh", "-c", "echo x >> count")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual((self.dir / "count").read_text(), "x\n" * 4)
        runs = self.report("results/sh.hdf5", "all")["runs"]
        self.assertEqual([r["round"] for r in runs], [0, 1, 2])
        self.assertEqual(len({r["round_id"] for r in runs}), 1)
        self.assertEqual(self.monitor(*SIM, "--rounds", "3", "sh", "-c", "echo y >> failed; exit 4").returncode, 4)
        self.assertEqual((self.dir / "failed").read_text(), "y\n")

    def test_sensors_lists_as_text_and_json(self):
        self.assertIn(b"proc:cpu_busy", self.perun("sensors").stdout)
        document = json.loads(self.perun("sensors", "--json").stdout)
        self.assertEqual(document["schema"], "perun-sensors/1")

    def test_version_and_help(self):
        self.assertRegex(self.perun("--version").stdout, rb"^perun \d+\.\d+\.\d+\n$")
        terms = self.perun("--licenses").stdout
        for words in (b"the perun developers", b"uPlot", b"Leon Sorokin", b"Permission is hereby granted", b"Neither the name"):
            self.assertIn(words, terms)
        for words in ((), ("monitor",), ("report",), ("sensors",), ("showconf",)):
            done = self.perun(*words, "--help")
            self.assertEqual(done.returncode, 0)
            self.assertLessEqual(max(map(len, done.stdout.decode().splitlines())), 80)
        alone = self.perun()
        self.assertEqual((alone.returncode, alone.stdout), (2, b""))


class Wrong(PerunTest):
    def refused(self, status, text, *words, **kw):
        with self.subTest(words=words):
            done = self.perun(*words, **kw)
            self.assertEqual(done.returncode, status, done.stderr)
            self.assertIn(text, done.stderr.decode())
            self.assertEqual(done.stdout, b"")
            self.assertFalse((self.dir / "ran").exists(), "the program must not start")
            self.assertFalse((self.dir / "results").exists(), "nothing may be left")

    def test_wrong_words_are_told_before_the_program_starts(self):
        run = ("sh", "-c", "touch ran")
        for bad in ("0", "-1", "1e9", "nan", "x", ""):
            self.refused(2, "frequency", "monitor", "--frequency", bad, *run)
        self.refused(2, "did you mean 'json'", "monitor", "--format", "jsno", *run)
        self.refused(2, "did you mean", "monitor", "--frequncy", "10", *run)
        self.refused(2, "did you mean 'monitor'", "monitr", *run)
        self.refused(2, "pue", "monitor", "--pue", "0.5", *run)
        self.refused(2, "", "monitor")
        self.refused(2, "", "report", "--rounds", "3", "x.hdf5")
        self.refused(125, "did you mean", "monitor", "--backends", "rpal", *run)
        self.refused(125, "proc:cpu_busy", "monitor", "--sensors", "proc:cpu_bsy", *run)
        self.refused(125, "sim", "monitor", "--backends", "sim:circle:5W", *run)
        self.refused(2, "/", "monitor", "--name", "a/b", *run)

    def test_wrong_configuration_is_told_with_its_place(self):
        run = ("monitor", "sh", "-c", "touch ran")
        self.refused(2, "nosuch.ini", "-c", "nosuch.ini", *run)
        self.file("bad.ini", "[report]\npue = 1.58x\n")
        self.refused(2, "bad.ini:2", "-c", "bad.ini", *run)
        self.file("key.ini", "[report]\nemision-factor = 1\n")
        self.refused(2, "did you mean 'emissions-factor'", "-c", "key.ini", *run)
        self.refused(2, "PERUN_PUE", *run, env={**self.env, "PERUN_PUE": "much"})
        self.file(".perun.ini", "[report]\nemision-factor = 1\n")
        done = self.perun("showconf")
        self.assertEqual(done.returncode, 0)
        self.assertIn(b".perun.ini:2", done.stderr)

    def test_missing_and_broken_files_of_report(self):
        self.refused(1, "nothere.hdf5", "report", "nothere.hdf5")
        self.refused(1, "", "report", "/")
        self.refused(1, "results", "report")
        self.monitor("--data_out", "d", *SIM, "true")
        self.refused(1, "no run '7'", "report", "d/true.hdf5", "--run", "7")

    def test_a_full_stdout_is_an_error(self):
        self.monitor("--data_out", "d", *SIM, "true")
        done = self.bare("sh", "-c", f'"{os.environ["PERUN_BIN"]}" report d/true.hdf5 > /dev/full')
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"No space left", done.stderr)


if __name__ == "__main__":
    unittest.main()
