#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Open MPI and MPICH across three machines of known power: one run, each machine once, in the end as without perun."""

import json
import os
import pathlib
import shutil
import subprocess
import time
import unittest

from fake_hosts import NETWORK, FakeHosts, PretendedHosts, namespaces
from harness import PERUN, PYTHON, PerunTest

SUPPORT = pathlib.Path(os.environ["PERUN_SOURCE_DIR"]) / "tests/support"
WATTS = {"pn1": 100, "pn2": 200, "pn3": 300}
STATUS = {"exit3": 3, "_exit3": 3, "segv": 139, "abort": 134, "kill": 137, "MPI_Abort": 7}
HANGS = 124  # of timeout(1)
# A rank that kills the sampling process of a machine, which is known by the part that it writes.
KILL_AGENT = """import glob, os, re, signal, sys, time
node = sys.argv[1]
# That of rank 0 has parts of others open too.
part = f"/results/.*/{node}-.*part" if os.uname().nodename == node else f"/{node}/results/.*/{node}~.*part"
time.sleep(1.5)
for pid in glob.glob("/proc/[0-9]*"):
    try:
        files = [os.readlink(fd) for fd in glob.glob(pid + "/fd/*")]
        if open(pid + "/comm").read().startswith("perun") and any(re.search(part, f) for f in files):
            if os.environ.get("OMPI_COMM_WORLD_LOCAL_RANK", os.environ.get("MPI_LOCALRANKID")) == "0":
                os.kill(int(pid[6:]), signal.SIGKILL)
    except OSError:
        pass
time.sleep(1.5)
"""
Hosts = FakeHosts if namespaces() else PretendedHosts


class HostsTest(PerunTest):
    """With Open MPI. All that is written lies in self.dir, which the machines share, but for /run."""

    mpi, launcher, seconds = "openmpi", "openmpi", 40

    def setUp(self):
        super().setUp()
        self.dir.chmod(0o755)
        self.env.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", TMPDIR="/tmp")
        self.hosts = self.enterContext(Hosts(self.dir / "hosts", WATTS))

    def compiled(self, source):
        compiler = "mpicc" if source.endswith(".c") else "mpif90"
        program = self.dir / f"program.{self.mpi}"
        subprocess.run([f"{compiler}.{self.mpi}", SUPPORT / source, "-o", program], check=True, capture_output=True, cwd=self.dir)
        return program

    def launcher_words(self, each):
        """mpirun for `each` ranks on every machine."""
        where = ",".join(f"{name}:{each}" for name in WATTS)
        return ["mpirun.openmpi", "--oversubscribe", "-n", each * len(WATTS), *self.hosts.where(
            ["--mca", "plm_rsh_agent", self.hosts.ssh, "--mca", "plm_rsh_no_tree_spawn", "1", "--mca", "btl", "tcp,self",
             "--mca", "btl_tcp_if_include", f"{NETWORK}.0/24", "--mca", "oob_tcp_if_include", f"{NETWORK}.0/24", "-H", where])]

    def job(self, each, *words, seconds=None):
        """The finished job, and how long it took."""
        limit = ["timeout", "-k", "1", str(seconds or self.seconds)]
        start = time.monotonic()
        done = self.bare(*self.hosts.on_head(), *limit, *self.launcher_words(each), *words, timeout=120)
        return done, time.monotonic() - start

    def measured(self, each, *program, apart=False, seconds=None):
        return self.job(each, *self.hosts.monitor(each, apart), "--name", "program", *program, seconds=seconds)

    def assert_no_slower(self, each, took_s, bare_s, *program, seconds=None, **how):
        self.assert_as_quick(took_s, bare_s, lambda: self.measured(each, *program, seconds=seconds, **how)[1],
                             lambda: self.job(each, *program, seconds=seconds)[1])

    def stored_runs(self):
        """As soon as those who were not waited for have stored them."""
        until = time.monotonic() + 30
        while time.monotonic() < until and ((self.dir / "results/.perun").exists() or not (self.dir / "results").exists()):
            time.sleep(0.1)
        return self.report("results/program.hdf5", "all")["runs"]

    def check_run(self, run, each, restarted=None):
        """Every machine once, at its own power for its own time, whatever the number of its ranks. On one that was
        `restarted` another process goes on with the simulated counter, from 0: nothing is known of the time between."""
        self.assertEqual(sorted(node["host"] for node in run["nodes"]), sorted(WATTS))
        for node in run["nodes"]:
            if node["host"] == restarted:
                self.assertGreater(node["energy_J"], WATTS[restarted])
                continue
            truth = WATTS[node["host"]] * node["duration_s"]
            self.assertAlmostEqual(node["energy_J"], truth, delta=0.002 * WATTS[node["host"]] + 2 * (node["uncertainty_J"] or 0))
        self.assertAlmostEqual(run["energy_J"], sum(node["energy_J"] for node in run["nodes"]), places=6)
        self.assertEqual(run["job"]["launcher"], self.launcher)
        self.assertEqual([r["rank"] for r in run["job"]["ranks"]], list(range(3 * each)))
        self.assertEqual([r["host"] for r in run["job"]["ranks"]], [name for name in WATTS for _ in range(each)])

    def assert_nothing_left_on_machines(self):
        until = time.monotonic() + 20
        while any(self.hosts.left(name) for name in WATTS) and time.monotonic() < until:
            time.sleep(0.1)
        self.assertEqual({name: self.hosts.left(name) for name in WATTS}, dict.fromkeys(WATTS, []))

    def assert_whole_job(self, each, *program):
        bare, bare_s = self.job(each, *program)
        done, took_s = self.measured(each, *program)
        self.assertEqual((bare.returncode, done.returncode), (0, 0), done.stderr)
        self.assertEqual(done.stdout, bare.stdout)
        self.assertEqual(done.stderr.count(b"perun: program  run 0"), 1, done.stderr)
        text = " ".join(done.stderr.decode().split())
        self.assertIn(f"3 nodes, {3 * each} ranks", text)
        self.assertIn(f"{3 * each} by {self.launcher}: {3 * each} ok", text)
        runs = self.stored_runs()
        self.assertEqual(len(runs), 1)
        self.check_run(runs[0], each)
        self.assert_nothing_left_on_machines()
        self.assertEqual([p.name for p in (self.dir / "results").iterdir()], ["program.hdf5"])
        self.assert_no_slower(each, took_s, bare_s, *program)

    def test_c(self):
        self.assert_whole_job(4, self.compiled("mpi_program.c"), "ok")

    def test_fortran(self):
        self.assert_whole_job(2, self.compiled("mpi_program.f90"))

    def test_mpi4py(self):
        self.assert_whole_job(2, PYTHON, SUPPORT / "mpi_program.py")

    def test_mpi4py_under_hooks(self):
        done, _ = self.measured(2, "--mpi-hooks", PYTHON, SUPPORT / "mpi_program.py")
        self.assertEqual(done.returncode, 0, done.stderr)
        run = self.stored_runs()[0]
        self.check_run(run, 2)
        ranks = run["mpi"]["ranks"]
        self.assertEqual([r["rank"] for r in ranks], list(range(6)))
        self.assertEqual([r["calls"]["collective"]["calls"] for r in ranks], [2] * 6)
        # Both ranks of a machine share it from begin to end, so the last one has three times the first one's power.
        power = [r["energy_J"] / r["time_s"] for r in ranks]
        for rank, watts in zip(range(6), (50, 50, 100, 100, 150, 150)):
            self.assertAlmostEqual(power[rank], watts, delta=0.1 * watts)
        self.assert_nothing_left_on_machines()

    def test_clocks_are_compared_by_calls_of_mpi(self):
        """All machines have one kernel's clocks, so what is found is the error."""
        done, _ = self.measured(2, "--mpi-hooks", self.compiled("mpi_program.c"), "ok")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(b"by calls of MPI", b" ".join(done.stderr.split()))
        run = self.stored_runs()[0]
        first, *others = run["job"]["clocks_ahead"]
        self.assertIsNone(first)
        self.assertEqual(len(others), 2)
        for node in others:
            self.assertLess(abs(node["ahead_s"]), node["error_s"] + 0.005)  # what may lie between reading one clock and the other
            self.assertLess(node["error_s"], 1)

    def test_no_mpi_at_all(self):
        self.assert_whole_job(3, "sleep", "0.7")

    def test_live_sees_every_machine_at_its_own_power(self):
        words = [*self.hosts.on_head(), *self.launcher_words(2), *self.hosts.monitor(2, False), "-f", "20", "--name", "program", "sleep", "16"]
        job = subprocess.Popen([str(word) for word in words], cwd=self.dir, env=self.env, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(job.wait)
        seen, until = {}, time.monotonic() + 30
        while len(seen) < len(WATTS) and time.monotonic() < until:
            once = self.perun("live", "--run", "--once", "--json")
            nodes = json.loads(once.stdout)["nodes"] if once.returncode == 0 else []
            seen = {node["host"]: node["power_W"] for node in nodes if node["power_W"]}
        self.assertEqual(set(seen), set(WATTS))
        for host, watts in WATTS.items():
            self.assertAlmostEqual(seen[host], watts, delta=0.05 * watts)
        text = self.perun("live", "--run", "--once").stdout.decode()
        self.assertRegex(text, r"(?m)^perun live  program  3 nodes  ")
        for host in WATTS:
            self.assertRegex(text, rf"(?m)^{host} +\d+")
        last = json.loads(self.perun("live", "--run", "--json", timeout=60).stdout.splitlines()[-1])  # up to its end
        self.assertEqual(job.wait(timeout=60), 0)
        self.assertTrue(last["over"])
        run = self.stored_runs()[0]
        self.check_run(run, 2)
        # The last readings may be stored before they are seen.
        self.assertAlmostEqual(last["energy_J"] / run["energy_J"], 1, delta=0.03)
        self.assert_nothing_left_on_machines()

    def test_a_data_out_for_each_machine_leaves_pieces_to_merge(self):
        done, _ = self.measured(2, self.compiled("mpi_program.c"), "ok", apart=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr.count(b"perun merge joins the parts of all nodes"), 3, done.stderr)
        self.assertNotIn(b"run 0", done.stderr)
        self.assertFalse((self.dir / "results").exists())
        pieces = []
        for name in WATTS:
            self.hosts.fetch(name, "results", self.dir / f"piece-{name}")
            pieces.append(f"piece-{name}")
        # One alone is no run, and told as what it is.
        alone = self.perun("report", "--data_out", pieces[0])
        self.assertIn(b"2 of the 6 ranks", alone.stderr)
        merged = self.perun("merge", *pieces, "--data_out", "results")
        self.assertEqual(merged.returncode, 0, merged.stderr)
        runs = self.stored_runs()
        self.assertEqual(len(runs), 1)
        self.check_run(runs[0], 2)
        self.assertEqual({r["status"] for r in runs[0]["job"]["ranks"]}, {"ok"})
        self.assert_nothing_left_on_machines()

    def streamed(self, *program, address=None, tell=(), seconds=None):
        """A job of two ranks on every machine, each with a data_out of its own, and what is then in that of rank 0's."""
        tell = ["env", f"PERUN_RANK0_ADDR={address or self.hosts.rank0}", *tell]
        words = [*tell, *self.hosts.monitor(2, True), "--name", "program", *program]
        done, took_s = self.job(2, *words, seconds=seconds)
        self.assert_nothing_left_on_machines()
        for name in WATTS:
            self.hosts.fetch(name, "results", self.dir / f"piece-{name}")
        return done, took_s

    def pieces(self):
        """Names of the machines on which something waits to be merged."""
        return [name for name in WATTS if (self.dir / f"piece-{name}/.perun").exists()]

    def test_a_data_out_for_each_machine_is_streamed_to_that_of_rank_0(self):
        program = self.compiled("mpi_program.c")
        for words in ((program, "ok"), ("sleep", "2")):
            with self.subTest(words[0]):
                done, _ = self.streamed(*words)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(done.stderr.count(b"perun: program  run 0"), 1, done.stderr)
                self.assertNotIn(b"perun merge", done.stderr)
                self.assertEqual(self.pieces(), [])
                shutil.move(self.dir / "piece-pn1", self.dir / "results")
                runs = self.stored_runs()
                self.assertEqual(len(runs), 1)
                self.check_run(runs[0], 2)
                self.assertEqual({r["status"] for r in runs[0]["job"]["ranks"]}, {"ok"})
                for folder in ("results", "piece-pn2", "piece-pn3"):
                    shutil.rmtree(self.dir / folder)

    def test_a_receiver_that_is_killed_is_followed_by_another(self):
        program = self.file("kill_agent.py", KILL_AGENT)
        done, _ = self.streamed(PYTHON, program, "pn1")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.pieces(), [])
        shutil.move(self.dir / "piece-pn1", self.dir / "results")
        runs = self.stored_runs()
        self.assertEqual(len(runs), 1)
        self.check_run(runs[0], 2, restarted="pn1")

    def test_a_sender_that_is_killed_loses_nothing_either(self):
        program = self.file("kill_agent.py", KILL_AGENT)
        done, _ = self.streamed(PYTHON, program, "pn2")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.pieces(), [])
        shutil.move(self.dir / "piece-pn1", self.dir / "results")
        self.check_run(self.stored_runs()[0], 2, restarted="pn2")

    def test_where_rank_0_cannot_be_reached_pieces_stay(self):
        bare, bare_s = self.job(2, "sleep", "1")
        # An address of no machine, which never answers.
        done, took_s = self.streamed("sleep", "1", address="10.77.7.99" if self.hosts.rank0 != "127.0.0.1" else "127.9.9.9")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr.count(b"perun merge joins the parts of all nodes"), 3, done.stderr)
        self.assertEqual(self.pieces(), list(WATTS))
        merged = self.perun("merge", *(f"piece-{name}" for name in WATTS), "--data_out", "results")
        self.assertEqual(merged.returncode, 0, merged.stderr)
        self.check_run(self.stored_runs()[0], 2)
        self.assertLess(took_s, bare_s + 5)  # a try of a second, and a busy machine

    def test_failures_end_as_without_perun(self):
        program = self.compiled("mpi_program.c")
        for what, code in STATUS.items():
            with self.subTest(what):
                shutil.rmtree(self.dir / "results", ignore_errors=True)
                bare, bare_s = self.job(2, program, what, seconds=10)
                done, took_s = self.measured(2, program, what, seconds=10)
                self.check_end(what, done.returncode, bare.returncode)
                self.assertLess(done.stderr.count(b"perun: program  run"), 2)
                self.assert_nothing_left_on_machines()
                runs = self.stored_runs()
                self.assertEqual(len(runs), 1)
                self.check_run(runs[0], 2)
                ranks = runs[0]["job"]["ranks"]
                self.assertNotIn("ok", [r["status"] for r in ranks])
                self.check_culprit(what, ranks[1], code)
                if bare.returncode != HANGS and done.returncode != HANGS:
                    self.assert_no_slower(2, took_s, bare_s, program, what, seconds=10)
                    self.assert_nothing_left_on_machines()

    def check_end(self, what, ours, bare):
        self.assertEqual(ours, bare)

    def check_culprit(self, what, rank, code):
        self.assertEqual((rank["status"], rank["exit_code"]), ("failed", code))


class MpichTest(HostsTest):
    """hydra tells one end or another of a failed job, and may wait for ever for a rank that left without MPI_Finalize; both
    also without perun."""

    mpi, launcher = "mpich", "hydra"
    test_mpi4py = test_mpi4py_under_hooks = None  # Debian's is for Open MPI

    def launcher_words(self, each):
        where = ",".join(f"{name}:{each}" for name in WATTS)
        return ["mpirun.mpich", "-n", each * len(WATTS), *self.hosts.where(
            ["-launcher", "ssh", "-launcher-exec", self.hosts.ssh, "-iface", "br0", "-hosts", where])]

    def check_end(self, what, ours, bare):
        ends = {"exit3": {3, 9, 255, HANGS}, "_exit3": {3, 9, 255, HANGS}, "MPI_Abort": {7}}
        allowed = ends.get(what, {255, 6, 9, 11, 15, 134, 137, 139})
        self.assertIn(bare, allowed)
        self.assertIn(ours, allowed)

    def check_culprit(self, what, rank, code):
        # hydra kills all launchers at once when it is told of the abort.
        if what == "MPI_Abort":
            self.assertIn(rank["status"], ("lost", "failed"))
        else:
            super().check_culprit(what, rank, code)


if __name__ == "__main__":
    unittest.main(verbosity=2)
