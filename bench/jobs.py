#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What jobs of many nodes cost: joining their parts into one run (time and memory of `perun merge`), and how long a rank's start
is delayed when its node is measured already. Exit status 1 when a budget of docs/design.md is broken."""

import os
import pathlib
import subprocess
import sys
import tempfile
import time

PERUN, PARTS = os.environ["PERUN_BIN"], os.environ["PERUN_JOB_PARTS"]
# nodes, ranks of each, sensors, seconds of readings at 1 Hz; most s and most MiB that are allowed
JOINS = [(256, 1, 20, 3600, None, None), (1000, 2, 20, 60, 5, 512), (10000, 1, 20, 10, None, None)]
READY_MS = 5
RANKS, AGENT_PERCENT = 64, 0.5


def join(folder, nodes, ranks, sensors, seconds):
    """(s, MiB) that joining takes."""
    subprocess.run([PARTS, folder, *map(str, (nodes, ranks, sensors, seconds))], check=True)
    start = time.monotonic()
    pid = os.posix_spawn(PERUN, [PERUN, "merge", folder, "--data_out", folder + "/joined"], os.environ)
    _, status, usage = os.wait4(pid, 0)
    took = time.monotonic() - start
    if status != 0:
        sys.exit("perun merge failed")
    return took, usage.ru_maxrss / 1024


def delay_ms(folder):
    """By how much later than without perun a rank begins that finds its sampling process there; the least of 30."""
    env = dict(os.environ, PERUN_RUN_KEY=f"bench-{os.getpid()}", PERUN_SIZE="40", PERUN_NODE_ID="bench")
    first = subprocess.Popen([PERUN, "monitor", "-q", "--backends", "sim:const:100W", "sleep", "600"],
                             env=env | {"PERUN_RANK": "0"}, cwd=folder)
    time.sleep(1)

    def begin(*words, rank=None):
        start = time.time_ns()
        out = subprocess.run([*words, "date", "+%s%N"], env=env | ({"PERUN_RANK": str(rank)} if rank else {}), cwd=folder,
                             capture_output=True, check=True).stdout
        return (int(out) - start) / 1e6

    bare = min(begin() for _ in range(30))
    with_perun = min(begin(PERUN, "monitor", "-q", "--backends", "sim:const:100W", rank=rank) for rank in range(1, 31))
    first.kill()
    first.wait()
    return with_perun - bare


def agent_percent(folder, ranks, rate=10, seconds=10):
    """What the sampling process of a node with so many ranks takes of one core, with the sources of a usual machine."""
    key = f"bench-{os.getpid()}"
    env = dict(os.environ, PERUN_RUN_KEY=key, PERUN_SIZE=str(ranks), PERUN_NODE_ID="bench")
    launchers = [subprocess.Popen([PERUN, "monitor", "-q", "-f", str(rate), "sleep", "600"], env=env | {"PERUN_RANK": str(rank)},
                                  cwd=folder) for rank in range(ranks)]
    until = time.monotonic() + 60
    while len(list(pathlib.Path("/dev/shm").glob(f"perun-*-*.{ranks - 1}.marks"))) == 0 and time.monotonic() < until:
        time.sleep(0.1)
    time.sleep(3)
    agent, = (p for p in pathlib.Path("/proc").glob("[0-9]*") if is_agent(p, key))

    def ticks():
        fields = (agent / "stat").read_text().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    before, start = ticks(), time.monotonic()
    time.sleep(seconds)
    percent = (ticks() - before) / os.sysconf("SC_CLK_TCK") / (time.monotonic() - start) * 100
    for launcher in launchers:
        launcher.kill()
    for launcher in launchers:
        launcher.wait()
    return percent


def is_agent(process, key):
    try:
        return ((process / "comm").read_text().strip() == "perun-agent"
                and f"PERUN_RUN_KEY={key}".encode() in (process / "environ").read_bytes())
    except OSError:
        return False


def main():
    broken = []
    with tempfile.TemporaryDirectory() as folder:
        delay = delay_ms(folder)
        print(f"a rank whose node is measured already begins {delay:.2f} ms later (budget {READY_MS} ms)")
        if delay > READY_MS:
            broken.append("delay")
    for ranks in (1, RANKS):
        with tempfile.TemporaryDirectory() as folder:
            percent = agent_percent(folder, ranks)
            print(f"sampling process of {ranks} ranks at 10 Hz: {percent:.2f} % of a core (budget {AGENT_PERCENT} %)")
            if percent > AGENT_PERCENT:
                broken.append(f"{ranks} ranks")
    for nodes, ranks, sensors, seconds, most_s, most_MiB in JOINS:
        with tempfile.TemporaryDirectory() as folder:
            took, memory = join(folder, nodes, ranks, sensors, seconds)
            budget = f" (budget {most_s} s, {most_MiB} MiB)" if most_s else ""
            size = sum(p.stat().st_size for p in pathlib.Path(folder, "joined").iterdir()) / 1e6
            print(f"{nodes} nodes x {sensors} sensors x {seconds} readings joined in {took:.1f} s, {memory:.0f} MiB{budget}; "
                  f"{size:.1f} MB file")
            if most_s and (took > most_s or memory > most_MiB):
                broken.append(f"{nodes} nodes")
    sys.exit(1 if broken else 0)


main()
