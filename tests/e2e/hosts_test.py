#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Jobs on three hosts, made of namespaces on one machine: own names, networks, processes, shared memory and boot ids."""

import os
import pathlib
import signal
import subprocess
import time
import unittest
import uuid

from harness import PERUN, PerunTest

SOURCE = pathlib.Path(os.environ["PERUN_SOURCE_DIR"]) / "tests/support/mpi_program.c"
NET = "10.77.9"
HOSTS = 3

# Private places, a name, a boot id, and the names of all hosts; then the host lives until it is killed.
INIT = """
set -e
hostname $1
for d in /dev/shm /run; do mount -t tmpfs tmpfs $d; done
mkdir -p /run/scratch
mount --bind $2/boot-$1 /proc/sys/kernel/random/boot_id
mount --bind $2/hosts /etc/hosts
touch $2/up-$1
trap : CHLD
while :; do sleep 1000 & wait; done
"""

# HOST WORDS...: the remote shell of both mpiruns.
SHELL = """#!/bin/sh
while [ "${1#-}" != "$1" ]; do shift; done
host=$1; shift
exec nsenter -t $(cat @DIR@/pid-$host) -u -n -p -m -i --wdns="$PWD" sh -c "$*"
"""


def sh(*words):
    return subprocess.run([str(w) for w in words], check=True, capture_output=True)


class HostsTest(PerunTest):
    def setUp(self):
        super().setUp()
        self.assertEqual(os.geteuid(), 0, "namespaces of all kinds need root")
        self.state = self.dir / "hosts-state"
        self.state.mkdir()
        self.tag = uuid.uuid4().hex[:6]
        self.names = [f"pn{i + 1}" for i in range(HOSTS)]
        lines = [f"{NET}.{i + 1} {name}" for i, name in enumerate(self.names)]
        (self.state / "hosts").write_text("127.0.0.1 localhost\n" + "\n".join(lines) + "\n")
        self.bridge = f"pb{self.tag}"
        sh("ip", "link", "add", self.bridge, "type", "bridge")
        self.addCleanup(subprocess.run, ["ip", "link", "del", self.bridge], check=False)
        sh("ip", "addr", "add", f"{NET}.254/24", "dev", self.bridge)
        sh("ip", "link", "set", self.bridge, "up")
        for i, name in enumerate(self.names):
            self.make_host(i, name)
        self.shell = self.file("hosts-state/shell", SHELL.replace("@DIR@", str(self.state)), 0o755)
        self.env.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", OMPI_MCA_plm_rsh_agent=str(self.shell),
                        OMPI_MCA_plm_rsh_no_tree_spawn="1", OMPI_MCA_btl_tcp_if_include=f"{NET}.0/24",
                        OMPI_MCA_oob_tcp_if_include=f"{NET}.0/24", OMPI_MCA_btl="tcp,self,vader", OMPI_MCA_pml="ob1",
                        OMPI_MCA_orte_tmpdir_base="/run/scratch",
                        HYDRA_LAUNCHER="ssh", HYDRA_LAUNCHER_EXEC=str(self.shell), HYDRA_IFACE=self.bridge)
        pathlib.Path("/run/scratch").mkdir(exist_ok=True)

    def make_host(self, i, name):
        (self.state / f"boot-{name}").write_text(f"{uuid.uuid4()}\n")
        holder = subprocess.Popen(
            ["unshare", "--uts", "--ipc", "--net", "--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc",
             "--propagation", "private", "sh", "-c", INIT, "init", name, str(self.state)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.addCleanup(holder.wait)
        self.addCleanup(holder.send_signal, signal.SIGKILL)
        until = time.monotonic() + 20
        while not (self.state / f"up-{name}").exists():
            self.assertLess(time.monotonic(), until, "the host does not come up")
            if holder.poll() is not None:
                self.fail(holder.stderr.read().decode())
            time.sleep(0.02)
        pid = pathlib.Path(f"/proc/{holder.pid}/task/{holder.pid}/children").read_text().split()[0]
        (self.state / f"pid-{name}").write_text(pid)
        link = f"v{self.tag}{i}"
        sh("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", pid)
        self.addCleanup(subprocess.run, ["ip", "link", "del", link], check=False, capture_output=True)
        sh("ip", "link", "set", link, "master", self.bridge, "up")
        inside = ["nsenter", "-t", pid, "-n", "ip"]
        sh(*inside, "addr", "add", f"{NET}.{i + 1}/24", "dev", "eth0")
        sh(*inside, "link", "set", "eth0", "up")
        sh(*inside, "link", "set", "lo", "up")

    def on(self, host, *words):
        return self.bare(self.shell, host, *words)

    def program(self, mpi):
        program = self.dir / f"program-{mpi}"
        sh(f"mpicc.{mpi}", SOURCE, "-o", program)
        return program

    def mpirun(self, mpi, *words, ranks=2):
        hosts = ",".join(f"{name}:{ranks}" for name in self.names)
        start = {"openmpi": ["mpirun.openmpi", "-H", hosts], "mpich": ["mpirun.mpich", "-hosts", hosts, "-n", HOSTS * ranks]}
        return self.bare(*start[mpi], *words, timeout=90)

    def perun_words(self, data_out="results"):
        return [PERUN, "monitor", "--backends", "sim:const:100W,proc", "--name", "app", "--data_out", data_out]

    def only_run(self):
        runs = self.report("results/app.hdf5", "all")["runs"]
        self.assertEqual(len(runs), 1)
        return runs[0]

    def assert_hosts_clean(self):
        for name in self.names:
            until = time.monotonic() + 20
            while time.monotonic() < until:
                left = self.on(name, "ls /dev/shm; ps -A -o stat=,comm= | grep -v '^Z' | grep -E 'perun|program' || true").stdout
                if not left.strip():
                    break
                time.sleep(0.2)
            self.assertEqual(left.strip(), b"", name)

    def check_all_well(self, mpi, program):
        done = self.mpirun(mpi, *self.perun_words(), *program)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        self.assertEqual(done.stderr.count(b"perun: app  run 0"), 1, done.stderr.decode())
        self.assertIn(b"3 nodes, 6 ranks", done.stderr)
        run = self.only_run()
        self.assertEqual([n["host"] for n in run["nodes"]], self.names)
        self.assertEqual([r["status"] for r in run["job"]["ranks"]], ["ok"] * 6)
        self.assertEqual(sorted(r["host"] for r in run["job"]["ranks"]), sorted(self.names * 2))
        for node in run["nodes"]:
            self.assertAlmostEqual(node["energy_J"], 100 * node["duration_s"], delta=0.05 * node["energy_J"])
        self.assertAlmostEqual(run["energy_J"], sum(n["energy_J"] for n in run["nodes"]), places=6)
        self.assertEqual(sorted(p.name for p in (self.dir / "results").iterdir()), ["app.hdf5"])
        self.assert_hosts_clean()

    def test_open_mpi(self):
        self.check_all_well("openmpi", [self.program("openmpi"), "ok"])

    def test_mpich(self):
        self.check_all_well("mpich", [self.program("mpich"), "ok"])

    def test_a_program_without_mpi(self):
        self.check_all_well("mpich", ["sleep", "0.5"])

    def test_a_failing_rank(self):
        for mpi in ("openmpi", "mpich"):
            with self.subTest(mpi):
                program = self.program(mpi)
                bare = self.mpirun(mpi, program, "segv", "3")
                done = self.mpirun(mpi, *self.perun_words(), program, "segv", "3")
                self.assertEqual(done.returncode, bare.returncode, done.stderr.decode())
                self.assert_hosts_clean()  # what the agents do is done then
                run = self.only_run()
                self.assertEqual(len(run["nodes"]), HOSTS)
                rank = run["job"]["ranks"][3]
                self.assertEqual((rank["rank"], rank["status"], rank["signal"]), (3, "failed", 11))
                (self.dir / "results/app.hdf5").unlink()

    def test_a_data_folder_of_each_host_is_joined_by_merge(self):
        done = self.mpirun("mpich", *self.perun_words("/run/scratch/r"), "sleep", "0.5")
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        self.assertEqual(done.stderr.count(b"only this node sees its data_out"), HOSTS, done.stderr.decode())
        for name in self.names:
            self.on(name, f"cp -r /run/scratch/r {self.dir}/{name}")
        merged = self.perun("merge", *self.names)
        self.assertEqual(merged.returncode, 0, merged.stderr.decode())
        run = self.only_run()
        self.assertEqual([n["host"] for n in run["nodes"]], self.names)
        self.assertEqual([r["status"] for r in run["job"]["ranks"]], ["ok"] * 6)
        self.assertEqual([p for name in self.names for p in (self.dir / name).iterdir()], [])
        self.assertEqual(self.perun("merge", *self.names).returncode, 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
