# SPDX-License-Identifier: BSD-3-Clause
"""Joules against the closed-form integral of a known power curve, read through the powercap files of a made-up machine.

The machine's counter shows what a perfect one with a refresh of 1 ms shows, so every run may be off by one refresh at the
curve's highest power: 1 ms x P. Where the machine was taken away in the middle of the first or last reading, for as long
as that reading took, which the data file tells, more.
"""

import math
import os
import unittest

import h5py

from counters import machine
from harness import PerunTest

REFRESH_S = 1e-3


def const(watts):
    return f"const:{watts}", watts, lambda t: watts * t


def square(low, high, period):
    def energy(t):
        whole = math.floor(t / period)
        rest = t - whole * period
        return whole * period * (low + high) / 2 + low * min(rest, period / 2) + high * max(rest - period / 2, 0)
    return f"square:{low}:{high}:{period}", max(low, high), energy


class Energy(PerunTest):
    def measure(self, sysfs, hertz, seconds):
        """Three runs; for each its report, its window (begin, end) in s of CLOCK_MONOTONIC and how much of it a busy machine
        hid: how far its first and last readings reach beyond 0.1 ms around the window's ends, in s."""
        words = ["monitor", "-q", "--sysfs", sysfs, "--backends", "rapl,proc", "-f", str(hertz)]
        for _ in range(3):
            self.assertEqual(self.perun(*words, "--name", "run", "sleep", seconds).returncode, 0)
            run = self.report("results/run.hdf5")["runs"][0]
            with h5py.File(self.dir / "results" / "run.hdf5") as file:
                group = file[f"run/exp_{run['number']}"]
                window = int(group.attrs["begin_mono_ns"]) * 1e-9, int(group.attrs["end_mono_ns"]) * 1e-9
                node = next(n for n in group.values() if isinstance(n, h5py.Group) and "t_halfwidth_ns" in n)
                at = node["t_ns"][:] + node["t_offset_ns"][0] - node["clock"][0] + node["clock_mono_ns"][0]
                at = at * 1e-9
                half = node["t_halfwidth_ns"][0] * 1e-9
                hidden = [window[0] - at[0] + half[0], abs(window[1] - at[-1]) + half[-1]]
                yield run, window, sum(max(0, t - 1e-4) for t in hidden)

    def check(self, curve, *extra, rates=(1, 100), lengths=(3, 0.3)):
        words, highest, energy = curve
        sysfs = machine(self, words, *extra)
        for hertz in rates:
            for seconds in lengths:
                with self.subTest(curve=words, hertz=hertz, seconds=seconds):
                    runs = list(self.measure(sysfs, hertz, seconds))
                    refresh = REFRESH_S
                    if (sysfs / "longest_refresh_ns").exists():  # plain files: how late their writer was
                        refresh = max(refresh, int((sysfs / "longest_refresh_ns").read_text()) * 1e-9)
                    late = (refresh - REFRESH_S) * highest
                    for run, (begin, end), taken_away in runs:
                        truth = energy(end) - energy(begin)
                        self.assertAlmostEqual(run["energy_J"], truth, delta=(refresh + taken_away) * highest)
                        self.assertEqual(run["kind"], "measured")
                        self.assertLessEqual(run["bounds_J"][0], truth + late)
                        self.assertGreaterEqual(run["bounds_J"][1], truth - late)
                        self.assertAlmostEqual(run["duration_s"], end - begin, delta=1e-6)
                        self.assertGreaterEqual(run["duration_s"], seconds)
                        self.rows_agree(run, truth)

    def rows_agree(self, run, truth):
        """Energy is mean power times time in every row, and no peak is below its mean."""
        for row in (run, *run["nodes"], *run["nodes"][0]["devices"]):
            self.assertAlmostEqual(row["power_mean_W"] * row["duration_s"], row["energy_J"], delta=1e-9 * truth)
            self.assertGreaterEqual(row["power_max_W"], row["power_mean_W"] * (1 - 1e-9))

    def test_constant_power(self):
        self.check(const(100))

    def test_square_wave(self):
        self.check(square(20, 200, 1.0))

    def test_a_counter_that_wraps_every_two_seconds(self):
        self.check(const(100), 200_000_000)

    def test_a_fast_square_wave_with_wraps(self):
        self.check(square(50, 400, 0.05), 200_000_000)

    def test_a_start_up_burst_is_not_missed(self):
        # 400 W in one half of the time, 50 W in the other, read once a second.
        self.check(square(50, 400, 6.0), rates=(1,), lengths=(3,))


class Unreadable(PerunTest):
    """Without any sensor there is a labelled estimate, one line that says why, and the program's own status."""

    def test_an_empty_machine(self):
        (self.dir / "sys").mkdir()
        for user in (None, 65534):
            with self.subTest(user=user):
                os.chmod(self.dir, 0o777)
                kw = {} if user is None or os.getuid() != 0 else {"user": user, "group": user, "extra_groups": []}
                out = self.dir / f"out{user}"
                done = self.monitor("-q", "--sysfs", "sys", "--data_out", out, "sh", "-c", "exit 5", **kw)
                self.assertEqual(done.returncode, 5, done.stderr)
                lines = done.stderr.decode().splitlines()
                self.assertEqual(len(lines), 2, lines)
                self.assertIn("no power sensor can be read", lines[0])
                self.assertIn("--no-estimate", lines[0])
                self.assertIn("(estimated)", lines[1])
                run = self.report(out / "sh.hdf5")["runs"][0]
                self.assertEqual(run["kind"], "estimated")
                self.assertGreater(run["energy_J"], 0)

    def test_without_estimates_the_figures_are_unavailable(self):
        (self.dir / "sys").mkdir()
        done = self.monitor("-q", "--sysfs", "sys", "--no-estimate", "true")
        self.assertEqual(done.returncode, 0)
        self.assertEqual(len(done.stderr.decode().splitlines()), 2, done.stderr)
        run = self.report("results/true.hdf5")["runs"][0]
        self.assertEqual(run["kind"], "unavailable")
        self.assertIsNone(run["energy_J"])
        self.assertIsNone(run["footprint"])
        self.assertGreater(run["duration_s"], 0)

    def test_strict_refuses_before_the_program_starts(self):
        (self.dir / "sys").mkdir()
        done = self.monitor("--sysfs", "sys", "--strict", "sh", "-c", "touch ran")
        self.assertEqual(done.returncode, 125)
        self.assertFalse((self.dir / "ran").exists())
        self.assertFalse((self.dir / "results").exists())

    def test_garbage_in_the_counter_is_a_gap_and_not_a_number(self):
        zone = "sys/class/powercap/intel-rapl:0/"
        for text in ("", "garbage\n", "-5\n", "18446744073709551616\n", "1 2\n"):
            with self.subTest(text=text):
                self.file(zone + "name", "package-0\n")
                self.file(zone + "max_energy_range_uj", "262143328850\n")
                self.file(zone + "energy_uj", text)
                done = self.monitor("-q", "--sysfs", "sys", "--no-estimate", "sh", "-c", "exit 3")
                self.assertEqual(done.returncode, 3, done.stderr)
                run = self.report("results/sh.hdf5")["runs"][0]
                self.assertIn(run["energy_J"], (None,), "no reading, no number")


if __name__ == "__main__":
    unittest.main()
