# SPDX-License-Identifier: BSD-3-Clause
"""Gross, baseline and net, and the share of the run's own processes beside a busy neighbour."""

import json
import os
import socket
import subprocess
import time
import unittest

from harness import PYTHON, PerunTest

SIM = "sim:const:50W:name=cpu,proc"

# Works for half a second, and prints the CPU seconds that the neighbour used meanwhile.
WORK = """
import sys, time
def used():
    fields = open(f'/proc/{sys.argv[1]}/stat').read().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100
before = used()
end = time.monotonic() + 0.8
while time.monotonic() < end: pass
print(used() - before)
"""


class Baseline(PerunTest):
    def setUp(self):
        super().setUp()
        self.env["XDG_STATE_HOME"] = str(self.dir / "state")

    def run_of(self, *words, app="true"):
        done = self.monitor("--backends", SIM, *words)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return self.report(f"results/{app}.hdf5")["runs"][0], done.stderr.decode()

    def check_net(self, run):
        """Net is gross less baseline, for the node and the run."""
        for part in (run, run["nodes"][0]):
            net = part["net"]
            self.assertAlmostEqual(net["net_J"], part["energy_J"] - net["baseline_J"], delta=1e-9)
            self.assertGreaterEqual(net["net_uncertainty_J"], part["uncertainty_J"])

    def test_stated(self):
        run, text = self.run_of("--baseline", "20 W", "sleep", "0.3", app="sleep")
        self.check_net(run)
        self.assertAlmostEqual(run["net"]["baseline_J"], 20 * run["duration_s"], delta=1e-9)
        self.assertAlmostEqual(run["net"]["net_J"] / run["duration_s"], 30, delta=1.5)
        base = run["nodes"][0]["baseline"]
        self.assertEqual((base["power_W"], base["origin"], base["spread_W"]), (20, "stated", None))
        for word in ("Energy", "Baseline", "Net", "Share", "attributed by CPU time"):
            self.assertIn(word, text)

    def test_measured_before_the_program(self):
        run, text = self.run_of("--baseline", "500ms", "true")
        self.check_net(run)
        self.assertIn("measuring the idle node for 500.0 ms", text)
        base = run["nodes"][0]["baseline"]
        self.assertAlmostEqual(base["power_W"], 50, delta=1)
        self.assertEqual(base["blocks"], 10)
        self.assertAlmostEqual(base["duration_s"], 0.5, delta=0.1)
        self.assertLess(base["spread_W"], 3)

    def test_rounds_share_one_baseline(self):
        done = self.monitor("--backends", SIM, "--baseline", "200ms", "--rounds", "3", "true")
        self.assertEqual(done.stderr.decode().count("measuring the idle node"), 1)
        runs = self.report("results/true.hdf5", "all")["runs"]
        self.assertEqual(len({json.dumps(r["nodes"][0]["baseline"]) for r in runs}), 1)

    def stored(self, **other):
        path = self.dir / "state/perun" / f"baseline-{socket.gethostname()}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {"schema": "perun-baseline/1", "host": socket.gethostname(), "origin": "measured before the run",
                   "power_W": 31.5, "spread_W": 0.5, "reading_W": 0.1, "cpu_W": 31.5, "blocks": 10, "seconds": 10,
                   "cpu_busy": 0.2, "real_ns": time.time_ns(), "kind": "measured",
                   "sensors": ["sim:cpu"], **other}
        path.write_text(json.dumps(content))
        return path

    def test_auto_takes_the_stored_one(self):
        self.stored(real_ns=time.time_ns() - 3600 * 10**9)
        run, text = self.run_of("--baseline", "auto", "true")
        self.assertNotIn("measuring", text)
        self.assertEqual(run["nodes"][0]["baseline"]["power_W"], 31.5)
        self.assertIn("baseline_not_idle", {n["caveat"] for n in run["notes"]})

    def test_auto_measures_anew_when_the_stored_one_is_old(self):
        path = self.stored(real_ns=time.time_ns() - 25 * 3600 * 10**9)
        run, text = self.run_of("--baseline", "auto", "true")
        self.assertIn("measuring the idle node for 10 s", text)
        self.assertAlmostEqual(run["nodes"][0]["baseline"]["power_W"], 50, delta=1)
        self.assertAlmostEqual(json.loads(path.read_text())["power_W"], 50, delta=1)

    def test_files(self):
        self.run_of("--name", "idle", "sleep", "0.5", app="idle")
        run, _ = self.run_of("-f", "100", "--name", "idle", "sleep", "0.5", app="idle")
        run, _ = self.run_of("--baseline", "results/idle.hdf5", "true")
        base = run["nodes"][0]["baseline"]
        self.assertEqual(base["origin"], "run 1 in results/idle.hdf5")
        self.assertAlmostEqual(base["power_W"], 50, delta=2.5)
        path = self.stored()
        run, _ = self.run_of("--baseline", path, "true")
        self.assertEqual(run["nodes"][0]["baseline"]["power_W"], 31.5)

    def test_bad_values_are_usage_errors(self):
        self.file("other.json", self.stored(host="elsewhere").read_text())
        self.file("bad.json", "{}")
        self.file("bad.hdf5", "text")
        for word in ("soon", "10x", "-5W", "5ms", "2h", "./gone.hdf5", "bad.json", "bad.hdf5", "other.json", "2MW"):
            done = self.monitor("--backends", SIM, "--baseline=" + word, "touch", "started")
            self.assertEqual(done.returncode, 2, (word, done.stderr))
            self.assertIn("baseline", done.stderr.decode())
            self.assertFalse((self.dir / "started").exists(), word)

    def test_other_sensors_are_refused_before_the_program(self):
        path = self.stored(sensors=["rapl:package-0"])
        done = self.monitor("--backends", SIM, "--baseline", path, "touch", "started")
        self.assertEqual(done.returncode, 125, done.stderr)
        self.assertIn("other sensors", done.stderr.decode())
        self.assertFalse((self.dir / "started").exists())

    def test_net_below_zero_is_shown(self):
        run, text = self.run_of("--baseline", "90W", "sleep", "0.2", app="sleep")
        self.check_net(run)
        self.assertLess(run["net"]["net_J"], 0)
        self.assertIn("net_below_zero", {n["caveat"] for n in run["notes"]})
        self.assertIn("Net       -", text)


class Share(PerunTest):
    def test_a_busy_neighbour_gets_its_own(self):
        neighbour = subprocess.Popen([PYTHON, "-c", "while True: pass"])
        self.addCleanup(lambda: (neighbour.kill(), neighbour.wait()))
        done = self.monitor("--backends", SIM, "--baseline", "20W", "--name", "work", PYTHON, "-c", WORK, neighbour.pid)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        neighbour_s = float(done.stdout)
        run = self.report("results/work.hdf5")["runs"][0]
        a = run["attributed"]
        # Each joule once.
        parts = a["run_J"] + a["others_J"] + a["idle_J"] + a["unattributed_J"]
        self.assertAlmostEqual(parts, run["energy_J"], delta=1e-9 * run["energy_J"])
        self.assertAlmostEqual(a["idle_J"], run["net"]["baseline_J"], delta=1e-9)
        # The run's time is wait4's; the neighbour's is among the others', but for ticks at the ends.
        self.assertAlmostEqual(a["run_cpu_s"], run["outcome"]["user_s"] + run["outcome"]["system_s"], delta=1e-6)
        ticks = 0.04
        self.assertGreaterEqual(a["others_cpu_s"], neighbour_s - ticks)
        self.assertGreater(neighbour_s, 0.05)
        dynamic = run["energy_J"] - a["idle_J"]
        busy = a["run_cpu_s"] + a["others_cpu_s"]
        self.assertAlmostEqual(a["run_J"], dynamic * a["run_cpu_s"] / busy, delta=1e-6)
        self.assertEqual(run["nodes"][0]["attributed"], a)

    def test_a_smaller_affinity_is_told(self):
        cpus = os.sched_getaffinity(0)
        done = self.bare("taskset", "-c", str(min(cpus)), os.environ["PERUN_BIN"], "monitor", "--backends", SIM, "true")
        self.assertEqual(done.returncode, 0, done.stderr)
        run = self.report("results/true.hdf5")["runs"][0]
        scope = run["nodes"][0]["scope"]
        self.assertEqual(scope["usable_cpus"], 1)
        self.assertEqual(scope["measured"], "node")
        told = "shared_node" in {n["caveat"] for n in run["notes"]}
        self.assertEqual(told, scope["node_cpus"] > 1 or scope["quota_cpus"] is not None and scope["quota_cpus"] < 1)


if __name__ == "__main__":
    unittest.main()
