#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What a region costs a Python program: least time of 30 repeats of 20,000, under perun and without it.

PERUN_BIN is the tool, PYTHONPATH has the package. Exit status 1 when a budget of docs/design.md is broken.
"""

import os
import subprocess
import sys
import tempfile
import timeit

import perun

STATEMENTS = (
    ('begin("train"); end("train")', 600),
    ('with region("train"): pass', 1500),
)


def measure():
    """ns of each statement."""
    names = {"begin": perun.begin, "end": perun.end, "region": perun.region}
    return [min(timeit.repeat(text, globals=names, number=20_000, repeat=30)) / 20_000 * 1e9 for text, _ in STATEMENTS]


def main():
    if perun.active():
        print(*measure())
        return 0
    with tempfile.TemporaryDirectory() as folder:
        words = [os.path.abspath(os.environ["PERUN_BIN"]), "monitor", "-q", sys.executable, os.path.abspath(__file__)]
        marked = subprocess.run(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout.split()
    good = True
    for (text, budget), active, idle in zip(STATEMENTS, map(float, marked), measure()):
        good = good and active <= budget
        verdict = "ok" if active <= budget else "OVER BUDGET"
        print(f"Python: {text:32} {active:6.0f} ns under perun (budget {budget}), {idle:5.0f} ns without  {verdict}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
