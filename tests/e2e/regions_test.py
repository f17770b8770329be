# SPDX-License-Identifier: BSD-3-Clause
"""Regions from the program to the report: times, energies, sums, and programs that end badly."""

import csv
import io
import json
import os
import pathlib
import re
import subprocess
import time
import unittest

import h5py

from harness import PERUN, PYTHON, PerunTest

MARKER = os.environ["PERUN_MARKER"]
CONST = ["--backends", "sim:const:100W"]


class Regions(PerunTest):
    def measured(self, *words, options=(), program=MARKER, **kw):
        """The report of one run, and what the command printed."""
        done = self.monitor("-q", "--data_out", "out", "-o", "run.json", *CONST, *options, program, *words, **kw)
        self.done = done
        run = json.loads((self.dir / "run.json").read_text())["runs"][-1]
        return run, {r["name"]: r for r in run.get("regions", {}).get("regions", [])}

    def assert_closed(self, run):
        parts = [r["exclusive_energy_J"] for r in run["regions"]["regions"]] + [run["regions"]["unmarked"]["energy_J"]]
        self.assertAlmostEqual(sum(parts) / run["energy_J"], 1, places=6)

    def assert_nothing_in_shared_memory(self, run):
        self.assertEqual([p for p in pathlib.Path("/dev/shm").glob("perun-*") if run["id"] in p.name], [])

    def test_nested_regions(self):
        run, regions = self.measured("s:50", "b:outer", "s:100", "b:inner", "s:200", "e:inner", "e:outer", "c:tokens=64", "c:tokens=64")
        self.assertEqual(self.done.returncode, 0)
        for name, least in (("outer", 0.3), ("inner", 0.2)):
            r = regions[name]
            self.assertGreaterEqual(r["time_s"], least)
            self.assertLessEqual(abs(r["energy_J"] - 100 * r["time_s"]), r["uncertainty_J"], r)
            self.assertTrue(r["resolved"])
            self.assertEqual(len(r["threads"]), 1)
        self.assertAlmostEqual(regions["outer"]["exclusive_s"], regions["outer"]["time_s"] - regions["inner"]["time_s"], places=6)
        self.assert_closed(run)
        self.assert_nothing_in_shared_memory(run)
        (work,) = run["regions"]["work"]
        self.assertEqual((work["name"], work["amount"]), ("tokens", 128))
        self.assertAlmostEqual(work["energy_per_unit_J"], run["energy_J"] / 128, places=6)

    def test_sampling_is_quickened_while_marks_come(self):
        run, _ = self.measured("b:a", "s:1000", "e:a", options=["-f", "1"])
        self.assertGreater(run["nodes"][0]["quality"]["readings"], 100)
        run, _ = self.measured("s:1000", options=["-f", "1"])
        self.assertLess(run["nodes"][0]["quality"]["readings"], 10)
        run, _ = self.measured("b:a", "s:1000", "e:a", options=["-f", "1", "--region-frequency", "20"])
        self.assertLess(run["nodes"][0]["quality"]["readings"], 30)

    def test_square_wave(self):
        """Each region's energy against the integral of the curve, whose phase is that of the stored samples."""
        words = []
        for ms in (2, 20, 60, 150, 300, 700):
            words += [f"b:r{ms}", f"s:{ms}", f"e:r{ms}", "s:20"]
        done = self.monitor("-q", "--data_out", "out", "-o", "run.json", "--backends", "sim:square:20W:200W:170ms", MARKER, *words)
        self.assertEqual(done.returncode, 0)
        run = json.loads((self.dir / "run.json").read_text())["runs"][-1]
        self.assert_closed(run)
        for r in run["regions"]["regions"]:
            low, high = 20 * r["time_s"], 200 * r["time_s"]
            if r["resolved"]:
                self.assertTrue(low <= r["energy_J"] + r["uncertainty_J"] and r["energy_J"] - r["uncertainty_J"] <= high, r)
            else:
                self.assertIsNone(r["energy_J"])
                self.assertRegex(r["not_resolved"], r"sensor updates every")

    def test_threads_share_the_node(self):
        run, regions = self.measured("b:main", "threads:4", "b:part", "s:300", "e:part")
        part = regions["part"]
        self.assertEqual(part["calls"], 4)
        self.assertEqual(len(part["threads"]), 4)
        self.assertGreater(part["time_s"], 1.2)
        self.assertLess(part["wall_s"], part["time_s"] / 2)
        # Five stacks are open, four of them in `part`.
        self.assertAlmostEqual(part["energy_J"] / (100 * part["wall_s"]), 0.8, delta=0.1)
        self.assert_closed(run)

    def test_a_forked_child_marks_too(self):
        run, regions = self.measured("b:both", "e:both", "fork", "b:half", "s:200", "e:half")
        self.assertEqual(regions["half"]["calls"], 2)
        self.assertEqual(len({t["pid"] for t in regions["half"]["threads"]}), 2)
        self.assert_closed(run)

    def test_programs_that_end_inside_a_region(self):
        for last, status in (("segv", 139), ("exit", 3)):
            run, regions = self.measured("b:doomed", "s:150", "b:inner", "s:50", last)
            self.assertEqual(self.done.returncode, status)
            self.assertGreaterEqual(regions["doomed"]["time_s"], 0.2)
            self.assertEqual(run["regions"]["marks"]["left_open"], 2)
            self.assertIn("marks_unbalanced", [n["caveat"] for n in run["notes"]])
            self.assert_closed(run)

    def test_a_flood_of_marks(self):
        """Millions of calls: exact counts, bounded journal and file."""
        run, regions = self.measured("b:main", "s:200", "hot:10000000", "s:200", "e:main")
        self.assertEqual(regions["hot"]["calls"], 10_000_000)
        self.assertFalse(run["regions"]["marks"]["complete"])
        self.assertIn("marks_lost", [n["caveat"] for n in run["notes"]])
        self.assertGreater(regions["main"]["time_s"], regions["hot"]["time_s"] + 0.39)
        self.assert_closed(run)
        self.assertLess((self.dir / "out/marker.hdf5").stat().st_size, 4 << 20)

    def test_hostile_names_and_unbalanced_marks(self):
        run, regions = self.measured("b:", "e:", "b:" + "x" * 10_000, "e:", "e:never", "b:two\nlines", "s:20", "e:two\nlines",
                                     "b:\u00fc\u00df", "e:\u00fc\u00df")
        self.assertEqual(self.done.returncode, 0)
        self.assertEqual(run["regions"]["marks"]["unmatched_ends"], 1)
        self.assertIn("two\nlines", regions)
        self.assertIn("\u00fc\u00df", regions)
        self.assertTrue(all(len(n) < 256 for n in regions))
        self.assertEqual(self.perun("report", "out/marker.hdf5").returncode, 0)

    def test_energy_of_a_running_program(self):
        done = self.monitor("-q", "--data_out", "out", *CONST, MARKER, "b:a", "s:200", "read", "s:300", "read")
        lines = re.findall(r"([\d.]+) J \+- ([\d.]+) after ([\d.]+) s, kind (\d), (\S+) ([\d.]+) J", done.stdout.decode())
        self.assertEqual(len(lines), 2, done.stdout)
        (j1, u1, t1, kind, device, d1), (j2, u2, t2, *_) = lines
        self.assertEqual((kind, device), ("0", "sim:const"))
        self.assertEqual(j1, d1)
        passed, used = float(t2) - float(t1), float(j2) - float(j1)
        self.assertGreater(passed, 0.3)
        self.assertLessEqual(abs(used - 100 * passed), float(u1) + float(u2))
        alone = self.bare(MARKER, "read", "b:a", "e:a")
        self.assertEqual((alone.returncode, alone.stdout), (0, b""))
        self.assertIn(b"perun_read", alone.stderr)

    def test_shell_marks(self):
        script = self.file("stages.sh", f"""
            set -e
            {PERUN} mark begin prepare data
            sleep 0.1
            {PERUN} mark end
            ({PERUN} mark begin compute; sleep 0.2)
            {PERUN} mark count rows=500
            {PERUN} mark half way
            {PERUN} mark end compute
        """)
        run, regions = self.measured(script, program="sh")
        self.assertEqual(self.done.returncode, 0, self.done.stderr)
        self.assertEqual(sorted(regions), ["compute", "prepare data"])
        self.assertGreaterEqual(regions["compute"]["time_s"], 0.2)
        self.assertEqual(run["regions"]["work"][0]["amount"], 500)
        self.assertEqual(run["regions"]["marks"]["moments"], 1)
        self.assertEqual(self.perun("mark", "begin", "x").returncode, 0, "without perun it does nothing")
        for words in (("begin",), ("count", "x"), ()):
            self.assertEqual(self.perun("mark", *words).returncode, 2, words)
        env = dict(self.env, PERUN_MARKS=str(self.file("odd", "no marks")))
        done = self.perun("mark", "x", env=env)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"not a marks file", done.stderr)

    def test_control_pipe(self):
        run, regions = self.measured("-c", """
            for line in "begin load" "count rows=7" "nonsense" "mark x" ; do echo "$line" >"$PERUN_CONTROL"; done
            sleep 0.2; echo "end load" >"$PERUN_CONTROL" """, options=["--control", "fifo:pipe"], program="sh")
        self.assertGreaterEqual(regions["load"]["time_s"], 0.15)
        self.assertEqual(run["regions"]["work"][0]["amount"], 7)
        self.assertIn(b"'nonsense' is not understood", self.done.stderr)
        self.assertFalse((self.dir / "pipe").exists())
        self.file("plain", "x")
        done = self.monitor("--control", "fifo:plain", *CONST, "true")
        self.assertEqual(done.returncode, 125)
        self.assertIn(b"not a named pipe", done.stderr)

    def test_stated_work_and_the_text_report(self):
        done = self.monitor(*CONST, "--work", "epochs=5", MARKER, "b:train", "s:200", "e:train")
        text = done.stderr.decode()
        self.assertRegex(text, r"Region +Calls +Time +Energy +\+- +Share +Mean +per call")
        self.assertRegex(text, r"train +1 +\d+ ms +(19\.9|2\d\.)\d* +J")
        self.assertRegex(text, r"Work +5 epochs: \S+ J \+- \S+ \S?J each")
        self.assertTrue(all(len(line) <= 80 for line in text.splitlines()))
        self.assertEqual(self.monitor("--work", "epochs", "true").returncode, 2)

    def test_regions_as_tables(self):
        run, _ = self.measured("b:a, \"b", "s:200", "b:inner", "s:100", "e:inner", "e:a, \"b")
        file = next((self.dir / "out").glob("*.hdf5"))
        done = self.perun("export", file, "--regions", "--format", "csv")
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = list(csv.DictReader(io.StringIO(done.stdout.decode())))
        self.assertEqual({row["region"] for row in rows}, {'a, "b', "inner", ""})
        self.assertAlmostEqual(sum(float(row["exclusive_J"]) for row in rows), run["energy_J"], delta=1e-5)
        done = self.perun("export", file, "--regions", "--format", "jsonl")
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([line["type"] for line in lines].count("region"), 2)
        by_name = {line.get("region"): line for line in lines}
        for row in rows:
            self.assertEqual(float(row["exclusive_J"]), by_name[row["region"] or None]["exclusive_J"])
        self.assertEqual(self.perun("export", file, "--regions", "--format", "json").returncode, 2)

    def test_the_data_file(self):
        run, regions = self.measured("b:train", "s:100", "e:train", "m:here")
        again = self.report("out/marker.hdf5")["runs"][0]
        self.assertEqual(again["regions"], run["regions"])
        with h5py.File(self.dir / "out/marker.hdf5") as f:
            ((host, node),) = [(k, v) for k, v in f["marker/exp_0"].items() if isinstance(v, h5py.Group)]
            group = node["regions"]
            names = [n.decode() for n in group["name"][:]]
            kinds = group["mark_kind"][:]
            self.assertEqual([names[i] for i in group["mark_name"][:]], ["train", "train", "here"])
            self.assertEqual(list(kinds), [1, 2, 4])
            self.assertEqual([r.decode() for r in group["region"][:]], ["train"])
            self.assertAlmostEqual(group["energy_J"][0], regions["train"]["energy_J"], places=6)
        code = ("import xarray; d = xarray.open_dataset('out/marker.hdf5', group='marker/exp_0/%s/regions'); "
                "print(dict(zip(d['region'].values, d['energy_J'].values))['train'])" % host)
        done = self.bare(PYTHON, "-c", code)
        self.assertEqual(done.returncode, 0, done.stderr.decode()[-500:])

    def test_perun_killed_in_the_middle(self):
        """What was marked is in the journal and the run is stored from there."""
        process = subprocess.Popen([PERUN, "monitor", "-q", "--data_out", "out", *CONST, MARKER, "b:a", "s:300", "b:b", "s:60000"],
                                   cwd=self.dir, env=self.env, stderr=subprocess.DEVNULL)
        time.sleep(0.8)
        group = [int(p) for p in os.listdir("/proc") if p.isdigit() and self.is_ours(p)]
        for pid in group:
            os.kill(pid, 9)
        process.wait()
        until = time.monotonic() + 10  # a journal is somebody's until its writer is gone
        while any(self.is_ours(str(pid)) for pid in group) and time.monotonic() < until:
            time.sleep(0.01)
        done = self.perun("report", "--format", "json", "out/marker.hdf5")
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        run = json.loads(done.stdout)["runs"][0]
        regions = {r["name"]: r for r in run["regions"]["regions"]}
        self.assertEqual(sorted(regions), ["a", "b"])
        self.assert_nothing_in_shared_memory(run)
        self.assertGreaterEqual(regions["a"]["time_s"], 0.4)
        self.assert_closed(run)

    def is_ours(self, pid):
        try:
            return (pathlib.Path(f"/proc/{pid}/comm").read_text().strip() in ("perun", "perun-agent", "perun-canary")
                    and os.readlink(f"/proc/{pid}/cwd") == str(self.dir))
        except OSError:
            return False


if __name__ == "__main__":
    unittest.main()
