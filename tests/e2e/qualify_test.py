# SPDX-License-Identifier: BSD-3-Clause
"""perun qualify: grades, what is wrong by name, and what later runs make of it."""

import json
import unittest

from harness import PerunTest

WORDS = ("qualify", "--for", "3s", "--no-load", "--json", "--backends")


class QualifyTest(PerunTest):
    def grade(self, source, code):
        done = self.perun(*WORDS, source)
        self.assertEqual(done.returncode, code, done.stderr)
        (sensor,) = json.loads(done.stdout)["sensors"]
        return sensor

    def test_a_clean_sensor_is_an_a(self):
        sensor = self.grade("sim:sine:20W:200W:1s:refresh=20ms", 0)
        self.assertEqual((sensor["grade"], sensor["faults"]), ("A", []))
        self.assertAlmostEqual(sensor["update_period_s"], 0.02, delta=0.008)

    def test_a_stuck_one_is_a_d_and_later_runs_know(self):
        sensor = self.grade("sim:sine:20W:200W:1s:refresh=20ms:fault=frozen@1.5s-60s", 1)
        self.assertEqual((sensor["grade"], [f["defect"] for f in sensor["faults"]]), ("D", ["stuck"]))
        listed = json.loads(self.perun("sensors", "--json", "--backends", "sim:const:5W:name=sine").stdout)
        self.assertIn("grade D: stuck", listed["sensors"][0]["note"])

    def test_the_table_is_for_people(self):
        done = self.perun("qualify", "--for", "3s", "--backends", "sim:sine:20W:200W:1s:refresh=20ms:fault=zero@1s-1.1s:gauge")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("zeros: it reads 0 in between", done.stdout.decode())
        self.assertRegex(done.stdout.decode(), r"sim:sine +C ")

    def test_nothing_to_test_is_told(self):
        done = self.perun("qualify", "--for", "1s", "--backends", "proc", "--no-estimate")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"no sensor can be put to the test here", done.stderr)


if __name__ == "__main__":
    unittest.main()
