#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""By how much perun slows a program down that keeps all cores busy: pairs with and without it, in random order, and the
95 % interval of the mean of their ratios.

PERUN_BIN and PERUN_SPIN name the programs; slowdown.py [PAIRS [HERTZ ...]], 30 pairs at 10 and 1000 Hz if nothing is said.
Exit status 1 when an upper limit exceeds 1 %. Wants a quiet machine.
"""

import math
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile

PERUN, SPIN = os.environ["PERUN_BIN"], os.environ["PERUN_SPIN"]
STEPS = os.environ.get("PERUN_SPIN_STEPS", "600")
SENSORS = ",".join(f"sim:const:10W:name=s{i}" for i in range(20))
MOST_PERCENT = 1.0


def seconds(prefix, folder):
    """The program's own account of how long its work took."""
    told = pathlib.Path(folder) / "seconds"
    told.unlink(missing_ok=True)
    subprocess.run([*prefix, SPIN, STEPS, str(told)], cwd=folder, check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return float(told.read_text())


def slowdown(hertz, pairs, folder):
    """Percent: mean, and half the width of its 95 % interval."""
    ours = [PERUN, "monitor", "-q", "-f", str(hertz), "--backends", SENSORS]
    values = []
    for _ in range(pairs):
        first = random.random() < 0.5
        a = seconds(ours if first else [], folder)
        b = seconds([] if first else ours, folder)
        with_perun, bare = (a, b) if first else (b, a)
        values.append(100 * (with_perun / bare - 1))
    # Student's t for 30 pairs; for fewer it is a little more.
    t = 2.045 if pairs >= 30 else 2.262 if pairs >= 10 else 4.303
    return statistics.mean(values), t * statistics.stdev(values) / math.sqrt(pairs)


def main():
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    ok = True
    with tempfile.TemporaryDirectory() as folder:
        seconds([], folder)
        for hertz in [int(word) for word in sys.argv[2:]] or [10, 1000]:
            mean, half = slowdown(hertz, pairs, folder)
            ok = ok and mean + half <= MOST_PERCENT
            print(f"slow-down on all {os.cpu_count()} cores, 20 sensors at {hertz} Hz, {pairs} pairs: "
                  f"{mean:.3f} % +- {half:.3f} % (95 %; upper limit at most {MOST_PERCENT:g} %)", flush=True)
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
