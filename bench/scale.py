#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Long runs and full files against the budgets of docs/design.md. Makes about 1 GB below the temporary folder.

PERUN_BIN, PERUN_SCALE and PERUN_CHUNKS name the programs. PERUN_SCALE_READINGS: the length of the longest run (10^8).
Exit status 1 when a budget is broken.
"""

import json
import os
import pathlib
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

PERUN, SCALE = os.environ["PERUN_BIN"], os.environ["PERUN_SCALE"]
results = []


def judge(what, value, unit, budget, cpu_s=None):
    ok = value <= budget
    results.append(ok)
    cpu = "" if cpu_s is None else f", {cpu_s:.3f} s of processor time"
    print(f"{what:66} {value:9.3f} {unit:4} (budget {budget:g}{cpu}) {'ok' if ok else 'OVER BUDGET'}", flush=True)


def scale(*words):
    return json.loads(subprocess.run([SCALE, *map(str, words)], stdout=subprocess.PIPE, check=True).stdout)


def perun(*words):
    """Wall time in s, processor time in s, peak of resident memory in MiB."""
    begin, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen([PERUN, *map(str, words)], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, (words, process.returncode)
    return time.perf_counter() - begin, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def commit(folder):
    small = scale("commit", folder / "small", 20, 50_000)
    judge("commit of 10^6 readings of 20 sensors", small["wall_s"], "s", 2, small["cpu_s"])
    big = scale("commit", folder / "big", 20, 1_000_000)
    judge("commit of 20 x 10^6 readings of 20 sensors", big["wall_s"], "s", 20, big["cpu_s"])
    judge("RSS of that", big["peak_MiB"], "MiB", 64)
    print(f"{'':4}{1e9 * big['cpu_s'] / big['readings']:.0f} ns of CPU time and {big['bytes'] / big['readings']:.2f} bytes a reading")


def instructions(file, runs):
    """What the processor executes to add one run, by valgrind: the same on a busy machine."""
    words = ("valgrind", "--tool=callgrind", f"--callgrind-out-file={file}.callgrind", "--toggle-collect=perun::append_run_with(*std::function*",
             SCALE, "append", str(file), str(runs))
    told = subprocess.run(words, capture_output=True, check=True, text=True).stderr
    return int(re.search(r"Collected : (\d+)", told)[1])


def append(folder):
    files = {n: folder / f"{n}.hdf5" for n in (2, 100, 10_000)}
    for runs, file in files.items():
        scale("append", file, runs - 1)
    size = {n: file.stat().st_size for n, file in files.items()}
    cost = {n: scale("append", file, n) for n, file in files.items()}
    many, few = 10_000, (2, 100)
    for n in few:
        judge(f"adding run 10,000 over run {n}: bytes written", cost[many]["bytes_a_run"] / cost[n]["bytes_a_run"], "x", 1.2)
        grown = {k: files[k].stat().st_size - size[k] for k in (n, many)}
        judge(f"adding run 10,000 over run {n}: bytes of the file", grown[many] / grown[n], "x", 1.2)
    if shutil.which("valgrind"):
        count = {n: instructions(file, n + 1) for n, file in files.items()}
        for n in few:
            judge(f"adding run 10,000 over run {n}: instructions", count[many] / count[n], "x", 1.2)
        print(f"{'':4}{count[many] / 1e6:.1f} million instructions")
    # Time in pairs, since the machine may be busy with other things for a while.
    ratios, step = [], 2
    for _ in range(15):
        pair = {n: scale("append", files[n], n + step)["cpu_ms_a_run"] for n in (100, many)}
        ratios.append(pair[many] / pair[100])
        step += 1
    judge("adding run 10,000 over run 100: processor time, median of 15 pairs", statistics.median(ratios), "x", 1.2)
    print(f"{'':4}{cost[many]['bytes_a_run'] / 1024:.0f} KiB written a run of 20 sensors")
    wall, _, rss = perun("report", files[many])
    print(f"{'':4}report of the last run of 10,000: {wall:.3f} s, {rss:.0f} MiB")


def report(folder, readings):
    made = scale("store", folder / "long.hdf5", 20, readings // 20)
    print(f"{'':4}{readings} readings stored in {made['wall_s']:.1f} s, {made['bytes'] / readings:.2f} bytes a reading, {made['peak_MiB']:.0f} MiB")
    perun("postprocess", folder / "long.hdf5")  # the figures of this perun, whoever made the run
    wall, cpu, rss = min(perun("report", folder / "long.hdf5") for _ in range(3))
    judge(f"report of {readings} readings", wall, "s", 0.2, cpu)
    judge("RSS of that", rss, "MiB", 256)
    wall, cpu, rss = perun("postprocess", "--pue", "1.2", folder / "long.hdf5")
    judge(f"postprocess of {readings} readings", wall, "s", 10, cpu)
    judge("RSS of that", rss, "MiB", 256)
    wall, cpu, rss = perun("report", "--recompute", folder / "long.hdf5")
    judge("RSS of report --recompute", rss, "MiB", 256)
    print(f"{'':4}report --recompute: {wall:.1f} s, {1e9 * cpu / readings:.0f} ns of CPU time a reading")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        commit(pathlib.Path(folder))
        append(pathlib.Path(folder))
        report(pathlib.Path(folder), int(os.environ.get("PERUN_SCALE_READINGS", 100_000_000)))
    subprocess.run([os.environ["PERUN_CHUNKS"]], check=True)
    sys.exit(0 if all(results) else 1)
