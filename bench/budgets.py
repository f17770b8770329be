#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Measures what perun costs and holds it to the budgets of docs/design.md. Times only as paired differences or ratios.

PERUN_BIN, PERUN_TICK_BENCH and PERUN_MARK_BENCH name the programs. Exit status 1 when a budget is broken.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

PERUN = os.environ["PERUN_BIN"]
results = []


def judge(what, value, unit, budget):
    ok = value <= budget
    results.append(ok)
    print(f"{what:58} {value:9.3f} {unit:4} (budget {budget:g}) {'ok' if ok else 'OVER BUDGET'}", flush=True)


def wall(words, cwd):
    begin = time.perf_counter()
    subprocess.run(words, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begin


def start_and_end():
    """`perun monitor true` over bare `true`, paired, with the run committed to a file that holds others."""
    with tempfile.TemporaryDirectory() as folder:
        ours = [PERUN, "monitor", "-q", "true"]
        wall(ours, folder)
        pairs = [(wall(["true"], folder), wall(ours, folder)) for _ in range(60)]
        judge("perun monitor true over bare true, median", 1e3 * statistics.median(b - a for a, b in pairs), "ms", 25)
        assert (pathlib.Path(folder) / "results" / "true.hdf5").exists()


def memory():
    """Greatest RSS of launcher and agent of a short run at 100 Hz."""
    with tempfile.TemporaryDirectory() as folder:
        program = subprocess.Popen([PERUN, "monitor", "-q", "-f", "100", "sleep", "2"], cwd=folder, stderr=subprocess.DEVNULL)
        greatest = {}
        while program.poll() is None:
            for entry in filter(str.isdigit, os.listdir("/proc")):
                try:
                    status = pathlib.Path(f"/proc/{entry}/status").read_text()
                except OSError:
                    continue
                fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
                mine = int(entry) == program.pid or fields["PPid"].strip() == str(program.pid)
                if mine and fields["Name"].startswith("perun") and "VmHWM" in fields:
                    greatest[fields["Name"]] = max(greatest.get(fields["Name"], 0), int(fields["VmHWM"].split()[0]) / 1024)
            time.sleep(0.02)
        for name, mib in sorted(greatest.items()):
            judge(f"RSS of {name}", mib, "MiB", 16)


def tick():
    """One sample of 20 plain files against the bare loop, from the same run."""
    done = subprocess.run([os.environ["PERUN_TICK_BENCH"], "--benchmark_format=json", "--benchmark_repetitions=9",
                           "--benchmark_enable_random_interleaving=true", "--benchmark_min_time=0.1"],
                          capture_output=True, check=True)
    times = {}
    for b in json.loads(done.stdout)["benchmarks"]:
        if b["run_type"] == "iteration":
            times.setdefault(b["name"], []).append(b["cpu_time"])
    ratio = statistics.median(a / b for a, b in zip(times["rapl_read"], times["bare_loop"]))
    judge("one tick of 20 counters over a bare pread loop", ratio, "x", 1.5)
    print(f"{'':4}{statistics.median(times['rapl_read']) / 20:.0f} ns a sample; ring {statistics.median(times['ring_push_and_drain']) / 20:.1f} ns")


def marks():
    """Processor time of one mark: begin and end together, halved."""
    done = subprocess.run([os.environ["PERUN_MARK_BENCH"], "--benchmark_format=json", "--benchmark_repetitions=5"],
                          capture_output=True, check=True)
    times = {}
    for b in json.loads(done.stdout)["benchmarks"]:
        if b["run_type"] == "iteration":
            times.setdefault(b["name"], []).append(b["cpu_time"])
    for name, least in sorted((n, min(t)) for n, t in times.items()):
        pairs = 1 if name.startswith("count") else 2
        judge(f"mark: {name}", least / pairs, "ns", 5 if "not watched" in name else 50)


def sampler_cpu():
    """Processor time of the agent while it reads 20 sensors, by its own account in the report; each second of a run, so
    that starting and ending weigh little."""
    with tempfile.TemporaryDirectory() as folder:
        sensors = ",".join(f"sim:const:10W:name=s{i}" for i in range(20))
        for hertz in (1, 10, 100, 1000):
            subprocess.run([PERUN, "monitor", "-o", "r.json", "-f", str(hertz), "--backends", sensors, "sleep", "5"], cwd=folder, check=True)
            run = json.loads((pathlib.Path(folder) / "r.json").read_text())["runs"][0]
            quality = run["nodes"][0]["quality"]
            share = 100 * quality["agent_cpu_s"] / run["duration_s"]
            print(f"agent, 20 simulated sensors at {hertz:4} Hz: {share:.3f} % of a core, {quality['ticks']} ticks, {quality['late']} late; "
                  f"a tick reads {1e6 * quality['latency_p50_s']:.0f} us (p50), {1e6 * quality['latency_p99_s']:.0f} us (p99)", flush=True)


if __name__ == "__main__":
    tick()
    marks()
    start_and_end()
    memory()
    sampler_cpu()
    sys.exit(0 if all(results) else 1)
