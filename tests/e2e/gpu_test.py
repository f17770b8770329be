# SPDX-License-Identifier: BSD-3-Clause
"""Whole runs on machines whose NVIDIA library was made by the build: totals against the curve, reasons in the report."""

import json
import os
import time
import unittest

from counters import machine
from harness import PerunTest

GPU = "gpu name=NVIDIA_A100-SXM4-40GB arch=7 update=0.02"


class GpuTest(PerunTest):
    def setUp(self):
        super().setUp()
        library = self.dir / "lib"
        library.mkdir()
        (library / "libnvidia-ml.so.1").symlink_to(os.environ["PERUN_FAKE_NVML"])
        self.env.update(LD_LIBRARY_PATH=str(library), FAKE_NVML=str(self.dir / "fake_nvml"))

    def gpus(self, *lines):
        self.file("fake_nvml", "driver 550.54.14\n" + "".join(line + "\n" for line in lines))

    def run_node(self, *words, seconds="2"):
        done = self.monitor("--backends", "nvml,proc", "--no-estimate", "-f", "json", "-o", "-", *words, "--", "sleep", seconds)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)["runs"][0]["nodes"][0]

    def test_sixteen_gpus_add_up(self):
        self.gpus(*[f"{GPU} uuid=GPU-{i:08x}-0 pci=0000:{i:02x}:00.0 watts={100 + i}" for i in range(16)])
        node = self.run_node("--frequency", "10")
        watts = sum(100 + i for i in range(16))
        self.assertEqual(node["kind"], "measured")
        self.assertAlmostEqual(node["energy_J"] / node["duration_s"], watts, delta=0.02 * watts)
        self.assertLessEqual(abs(node["energy_J"] - watts * node["duration_s"]), node["uncertainty_J"] + 1)
        self.assertEqual(len(node["coverage"]["counted"]), 16)
        self.assertEqual(node["attributes"]["nvidia_driver"], "550.54.14")
        self.assertAlmostEqual(node["activity"]["gpu_utilization"], 0.93, delta=0.001)
        self.assertEqual(node["activity"]["gpu_temperature_max_C"], 64)

    def test_a_square_wave_is_counted_and_integrated(self):
        self.gpus(f"{GPU} uuid=GPU-a low=100 high=300 period=0.66", f"{GPU} uuid=GPU-b low=100 high=300 period=0.66 counter=no")
        node = self.run_node("--frequency", "50", seconds="4")
        for device in node["devices"]:
            if device["counted"]:
                self.assertAlmostEqual(device["power_mean_W"], 200, delta=20, msg=device["id"])
        sources = {d["id"]: d["source"] for d in node["devices"] if d["counted"]}
        self.assertEqual(sources, {"nvml:GPU-a:energy": "nvml counter", "nvml:GPU-b:power": "nvml instant power"})

    def test_what_the_program_sees_is_told(self):
        self.gpus(f"{GPU} uuid=GPU-a watts=300", f"{GPU} uuid=GPU-b watts=100")
        self.env["CUDA_VISIBLE_DEVICES"] = "1"
        node = self.run_node()
        self.assertEqual(node["attributes"]["gpus_visible"], "nvml:GPU-b:energy")
        self.assertEqual(node["gpus_visible"]["gpus"], 1)
        self.assertEqual(node["gpus_visible"]["gpus_of_node"], 2)
        self.assertAlmostEqual(node["gpus_visible"]["energy_J"] / node["duration_s"], 100, delta=4)
        text = self.monitor("--backends", "nvml", "--no-estimate", "--", "sleep", "1").stderr.decode()
        self.assertIn("1 of 2 GPUs are visible to this run", text)
        self.assertIn("2 GPU", text)

    def test_blocking_calls_make_no_tick_late(self):
        """The lane of RAPL reads as on a machine without GPUs, though one pass over these takes more than a second."""
        sysfs = machine(self, "const:100")
        sixteen = [f"{GPU} uuid=GPU-{i:08x}-0 pci=0000:{i:02x}:00.0 watts=100" for i in range(16)]
        self.gpus(*[line + " delay=0.03" for line in sixteen])

        def node_with(backends):
            done = self.monitor("--sysfs", sysfs, "--backends", backends, "--frequency", "10", "--no-estimate", "-f", "json", "-o", "-",
                                "--", "sleep", "4")
            return json.loads(done.stdout)["runs"][0]["nodes"][0]
        alone, node = node_with("rapl"), node_with("nvml,rapl")
        self.assertGreater(node["quality"]["ticks"], 30)
        self.assertLessEqual(node["quality"]["late"], alone["quality"]["late"] + 4)
        package = next(d for d in node["devices"] if d["id"] == "rapl:package-0")
        self.assertAlmostEqual(package["energy_J"], 100 * node["duration_s"], delta=3)

    def test_a_lost_gpu_is_a_gap_and_told(self):
        self.gpus(f"{GPU} uuid=GPU-a watts=300 lost=1.5", f"{GPU} uuid=GPU-b watts=100")
        node = self.run_node("--frequency", "10", seconds="3")
        lost = next(d for d in node["devices"] if d["id"] == "nvml:GPU-a:energy")
        self.assertGreater(lost["read_errors"], 5)
        self.assertGreaterEqual(lost["bounds_J"][1], 300 * node["duration_s"] * 0.95, "the truth is within")
        other = next(d for d in node["devices"] if d["id"] == "nvml:GPU-b:energy")
        self.assertEqual(other["read_errors"], 0)

    def test_the_program_does_not_wait_for_the_driver(self):
        self.gpus("start 2", f"{GPU} uuid=GPU-a watts=300", f"{GPU} uuid=GPU-b watts=100")
        began = time.monotonic()
        done = self.monitor("--backends", "nvml,proc", "--no-estimate", "-f", "json", "-o", "run.json", "--frequency", "10", "--",
                            "/usr/bin/python3", "-c", "import time; print(time.monotonic(), flush=True); time.sleep(4)")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertLess(float(done.stdout) - began, 1, "NVML takes 2 s, and Python's own start is in it")
        run = json.loads((self.dir / "run.json").read_text())["runs"][0]
        node = run["nodes"][0]
        counted = [d for d in node["devices"] if d["counted"]]
        self.assertEqual([d["id"] for d in counted], ["nvml:GPU-a:energy", "nvml:GPU-b:energy"])
        self.assertEqual(node["attributes"]["nvidia_driver"], "550.54.14")
        late = node["duration_s"] - node["energy_J"] / 400
        self.assertAlmostEqual(late, 2, delta=1, msg="from then on all of it, and nothing made up for before")
        self.assertLessEqual(abs(400 * node["duration_s"] - node["energy_J"]), node["uncertainty_J"])
        self.assertGreaterEqual(node["bounds_J"][1], 400 * node["duration_s"])
        told = next(n["text"] for n in run["notes"] if n["caveat"] == "slow_source")
        self.assertRegex(told, r"gpu:0 .* and gpu:1 .* began to answer [123]\.\d+ s after the start only; what they used before is not")
        self.assertNotIn("lost_readings", [n["caveat"] for n in run["notes"]])

    def test_a_driver_that_never_starts_is_told(self):
        self.gpus("hang init", f"{GPU} uuid=GPU-a watts=300")
        began = time.monotonic()
        node = self.run_node(seconds="1")
        self.assertLess(time.monotonic() - began, 4)
        self.assertEqual([(b["backend"], b["reason"]) for b in node["blocked"]],
                         [("nvml", "had not started when the program ended; what it measures is not in the figures")])
        self.assert_nothing_left()

    def test_a_baseline_waits_for_the_driver_but_not_for_ever(self):
        self.gpus("hang init", f"{GPU} uuid=GPU-a watts=300")
        began = time.monotonic()
        done = self.monitor("--backends", "nvml,sim:const:50W", "--baseline", "1s", "-f", "json", "-o", "-", "--", "sleep", "1")
        self.assertLess(time.monotonic() - began, 15)
        node = json.loads(done.stdout)["runs"][0]["nodes"][0]
        self.assertEqual([b["reason"] for b in node["blocked"]], ["NVML did not answer within 5 s"])
        self.assertAlmostEqual(node["baseline"]["power_W"], 50, delta=5)
        self.gpus(f"{GPU} uuid=GPU-a watts=300 hang=0.5")
        began = time.monotonic()
        done = self.monitor("--backends", "nvml,sim:const:50W", "--baseline", "1s", "--", "sleep", "0.1")
        self.assertLess(time.monotonic() - began, 30, "nor for one that hangs while the baseline is measured")
        self.assertEqual(done.returncode, 125, done.stderr)
        self.assertIn("did not answer for 5 s while the idle node was measured", done.stderr.decode())
        self.assert_nothing_left()

    def test_a_hanging_driver_does_not_hold_the_program(self):
        self.gpus(f"{GPU} uuid=GPU-a watts=300 hang=1")
        node = self.run_node("--frequency", "10", seconds="2")
        self.assertLess(node["duration_s"], 3.5)
        self.assertGreater(node["energy_J"], 0)
        self.assert_nothing_left()

    def test_a_forbidden_gpu_is_told(self):
        self.gpus(f"{GPU} uuid=GPU-a deny", f"{GPU} uuid=GPU-b watts=100")
        node = self.run_node(seconds="1")
        self.assertEqual([b["reason"] for b in node["blocked"]], ["GPU 0: no permission"])

    def test_gpus_without_a_sensor_are_estimated_when_asked(self):
        words = ("monitor", "--backends", "proc", "--estimate", "gpu=2x300W@50%")
        done = self.perun(*words, "-f", "json", "-o", "-", "--", "sleep", "1")
        self.assertEqual(done.returncode, 0, done.stderr)
        node = json.loads(done.stdout)["runs"][0]["nodes"][0]
        self.assertEqual(node["kind"], "estimated")
        self.assertAlmostEqual(node["energy_J"] / node["duration_s"], 2 * (34.5 + 0.5 * 265.5), delta=0.1)
        gpus = [d for d in node["devices"] if d["domain"] == "gpu"]
        self.assertEqual([d["kind"] for d in gpus], ["estimated"] * 2)
        text = self.perun(*words, "--", "true").stderr.decode()
        self.assertRegex(text, r"Energy .*\(estimated\)")
        self.assertRegex(text, r"gpu:1 .*\(estimated\)")
        self.assertIn("at 50 % load, as given", " ".join(text.split()))
        for bad in ("gpu=H1000", "gpu=", "300W", "gpu=300W@150%", "gpu=0x300W"):
            refused = self.perun("monitor", "--estimate", bad, "--", "touch", "ran")
            self.assertEqual(refused.returncode, 2, refused.stderr)
            self.assertIn(b"gpu=A100", refused.stderr)
        both = self.perun("monitor", "--estimate", "gpu=A100", "--no-estimate", "--", "touch", "ran")
        self.assertNotEqual(both.returncode, 0)
        self.assertFalse((self.dir / "ran").exists())


if __name__ == "__main__":
    unittest.main()
