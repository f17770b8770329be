#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""--mpi-hooks: calls of MPI become regions of their rank; one library for every MPI and language, beside other tools."""

import os
import pathlib
import subprocess
import time
import unittest

from harness import PERUN, PYTHON, PerunTest

SUPPORT = pathlib.Path(os.environ["PERUN_SOURCE_DIR"]) / "tests/support"
HOOKS = pathlib.Path(PERUN).parent / "libperunmpi.so"
RANKS = 3
WHOLE = "MPI_Init..MPI_Finalize"
FORTRAN = """
program summing
{use}
  implicit none
{include}
  integer :: rank, total, error, i
  integer :: ones(4), sums(4)
  call MPI_Init(error)
  call MPI_Comm_rank(MPI_COMM_WORLD, rank, error)
  do i = 1, 5
    call MPI_Allreduce(rank, total, 1, MPI_INTEGER, MPI_SUM, MPI_COMM_WORLD, error)
    if (total /= 3) error stop 99
  end do
  ones = 1
  call MPI_Allreduce(ones, sums, 4, MPI_INTEGER, MPI_SUM, MPI_COMM_WORLD, error)
  if (any(sums /= 3)) error stop 98
  call MPI_Barrier(MPI_COMM_WORLD, error)
  call MPI_Finalize(error)
end program summing
"""


NESTED = """
#include <mpi.h>
#include <perun/perun.h>
#include <unistd.h>
int main(int argc, char** argv) {
  int rank;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  perun_begin("work");
  usleep(100000 + 200000 * (rank == 0));
  MPI_Barrier(MPI_COMM_WORLD);
  perun_end("work");
  MPI_Finalize();
  return 0;
}
"""


class Hooks:
    """What all MPIs share; the classes below say which one."""

    mpi, options = "", []

    def setUp(self):
        super().setUp()
        self.env.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")

    def built(self, source, name="program", *words, compiler="mpicc"):
        program = self.dir / name
        done = self.bare(f"{compiler}.{self.mpi}", source, "-o", program, *words)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return program

    def mpirun(self, *words, ranks=RANKS, **kw):
        return self.bare(f"mpirun.{self.mpi}", *self.options, "-n", ranks, *words, timeout=120, **kw)

    def hooked(self, *words, ranks=RANKS, **kw):
        """The finished job and its run."""
        monitor = [PERUN, "monitor", "--mpi-hooks", "--name", "job", "--backends", "sim:const:100W"]
        done = self.mpirun(*monitor, *words, ranks=ranks, **kw)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        until = time.monotonic() + 30
        while time.monotonic() < until and not (self.dir / "results/job.hdf5").exists():
            time.sleep(0.1)
        return done, self.report("results/job.hdf5")["runs"][0]

    def calls(self, run):
        """By region: in how many ranks, and how often in all."""
        return {r["name"]: (len({t["rank"] for t in r["threads"]}), r["calls"]) for r in run["regions"]["regions"]}

    def test_every_call_gets_its_arguments_and_counts_once(self):
        program = self.built(SUPPORT / "mpi_calls.c")
        _, run = self.hooked(program, "all")
        calls = self.calls(run)
        for name in ("Barrier Bcast Reduce Allreduce Gather Gatherv Scatter Scatterv Allgather Allgatherv Alltoall Alltoallv "
                     "Scan Exscan Reduce_scatter Reduce_scatter_block Comm_split Sendrecv Sendrecv_replace Waitall "
                     "Init_thread Finalize").split():
            self.assertEqual(calls.pop("MPI_" + name, None), (RANKS, RANKS), name)
        self.assertEqual(calls.pop(WHOLE), (RANKS, RANKS))
        self.assertEqual(calls, {"MPI_Send": (1, 1), "MPI_Ssend": (1, 1), "MPI_Probe": (1, 1), "MPI_Recv": (1, 2)})
        parts = [r["exclusive_energy_J"] for r in run["regions"]["regions"]] + [run["regions"]["unmarked"]["energy_J"]]
        self.assertAlmostEqual(sum(parts), run["energy_J"], delta=1e-5)

    def test_regions_of_the_program_and_of_mpi_are_one_stack(self):
        """Also when the program brings a libperun of its own, here a static one."""
        lib = pathlib.Path(PERUN).parent.parent / "lib/libperun.a"
        include = SUPPORT.parent.parent / "include"
        program = self.built(self.file("nested.c", NESTED), "program", f"-I{include}", lib, "-lpthread")
        _, run = self.hooked(program)
        regions = {r["name"]: r for r in run["regions"]["regions"]}
        work, barrier = regions["work"], regions["MPI_Barrier"]
        self.assertAlmostEqual(work["exclusive_s"] + barrier["time_s"], work["time_s"], delta=1e-6)
        self.assertEqual({(t["rank"], t["tid"]) for t in work["threads"]}, {(t["rank"], t["tid"]) for t in barrier["threads"]})
        # One stack gets one part: nobody's energy from begin to end is more than another's.
        whole = [r["energy_J"] for r in run["mpi"]["ranks"]]
        self.assertLess(max(whole), 1.2 * min(whole))

    def test_who_waits_and_for_how_long(self):
        program = self.built(SUPPORT / "mpi_calls.c")
        done, run = self.hooked(program, "late", 600)
        barrier = next(r for r in run["regions"]["regions"] if r["name"] == "MPI_Barrier")
        waited = {t["rank"]: t["time_s"] for t in barrier["ranks"]}
        self.assertGreater(min(waited[1], waited[2]), waited[0] + 0.3)
        mpi = run["mpi"]
        self.assertEqual([r["rank"] for r in mpi["ranks"]], list(range(RANKS)))
        for rank in mpi["ranks"]:
            self.assertAlmostEqual(rank["waiting_s"], waited[rank["rank"]], places=9)
            parts = rank["outside_s"] + rank["waiting_s"] + rank["calls"]["processes"]["time_s"]
            self.assertAlmostEqual(parts, rank["time_s"], delta=1e-6)
        self.assertLess(mpi["load_balance"], 0.9)
        self.assertAlmostEqual(mpi["waiting"]["energy_J"], sum(r["waiting_J"] for r in mpi["ranks"]), delta=1e-5)
        # Two of three ranks wait while the third is late, with a third of 100 W each.
        self.assertAlmostEqual(mpi["waiting"]["imbalance_J"], 2 / 3 * 100 * 0.6, delta=10)
        self.assertIn(b"by ranks waiting for", done.stderr)

    def test_all_interfaces_of_fortran(self):
        for use, include in (("use mpi_f08", ""), ("use mpi", ""), ("", "  include 'mpif.h'")):
            with self.subTest(use or include):
                for old in self.dir.glob("results/*"):
                    old.unlink()
                source = self.file("summing.f90", FORTRAN.format(use="  " + use, include=include))
                program = self.built(source, "program", "-fallow-argument-mismatch", compiler="mpif90")
                _, run = self.hooked(program)
                calls = self.calls(run)
                self.assertEqual(calls["MPI_Allreduce"], (RANKS, 6 * RANKS))
                self.assertEqual(calls["MPI_Barrier"], (RANKS, RANKS))
                self.assertEqual(calls[WHOLE], (RANKS, RANKS))

    def test_another_tool_in_front_or_behind(self):
        tool = self.built(SUPPORT / "mpi_tool.c", "tool.so", "-shared", "-fPIC")
        source = self.file("summing.f90", FORTRAN.format(use="  use mpi", include=""))
        in_c = self.built(SUPPORT / "mpi_program.c", "in_c")
        self.built(source, "in_fortran", "-fallow-argument-mismatch", compiler="mpif90")
        behind, run = self.hooked(in_c, env={**self.env, "LD_PRELOAD": str(tool)})
        self.assertEqual(behind.stdout.split(b"\n").count(b"tool: 1"), RANKS, behind.stdout)
        # Its barrier is inside of the call that it wraps.
        self.assertEqual((self.calls(run)["MPI_Allreduce"], self.calls(run).get("MPI_Barrier")), ((RANKS, RANKS), None))
        (self.dir / "results/job.hdf5").unlink()
        front, run = self.hooked("sh", "-c", f"LD_PRELOAD={tool}:$LD_PRELOAD exec {in_c}")
        self.assertEqual(front.stdout.split(b"\n").count(b"tool: 1"), RANKS, front.stdout)
        self.assertEqual((self.calls(run)["MPI_Allreduce"], self.calls(run)["MPI_Barrier"]), ((RANKS, RANKS),) * 2)

    def test_a_call_costs_little(self):
        """Medians of three; the figure itself is in docs/mpi.md, a busy machine only gets a bound."""
        program = self.built(SUPPORT / "mpi_calls.c")
        n, bare, hooked = 100_000, [], []
        for _ in range(3):
            bare.append(float(self.mpirun(program, "loop", n, ranks=1).stdout))
            hooked.append(float(self.hooked(program, "loop", n, ranks=1)[0].stdout))
        cost = sorted(hooked)[1] - sorted(bare)[1]
        print(f"{self.mpi}: {cost:.0f} ns more for a call of {sorted(bare)[1]:.0f} ns")
        self.assertLess(cost, 2000)
        run = self.report("results/job.hdf5")["runs"][0]
        self.assertEqual(self.calls(run)["MPI_Allreduce"], (1, n))


class OpenMpiHooks(Hooks, PerunTest):
    mpi, options = "openmpi", ["--oversubscribe"]

    def test_mpi4py(self):
        """Python loads its MPI for itself alone (RTLD_LOCAL); Debian's mpi4py is for Open MPI."""
        bare = self.mpirun(PYTHON, SUPPORT / "mpi_program.py")
        done, run = self.hooked(PYTHON, SUPPORT / "mpi_program.py")
        self.assertEqual((bare.returncode, done.stdout), (0, bare.stdout))
        calls = self.calls(run)
        for name in ("MPI_Init_thread", "MPI_Allreduce", "MPI_Barrier", "MPI_Finalize", WHOLE):
            self.assertEqual(calls[name], (RANKS, RANKS), name)

    def test_spawned_processes_are_told(self):
        """MPICH as Debian has it cannot spawn (its ch4:ucx does not), with and without perun."""
        program = self.built(SUPPORT / "mpi_calls.c")
        done, run = self.hooked(program, "spawn", ranks=2)
        self.assertEqual(run["mpi"]["spawned_processes"], 2)
        self.assertEqual(len(run["mpi"]["ranks"]), 2)
        self.assertEqual([n["caveat"] for n in run["notes"]].count("mpi"), 1)
        self.assertIn(b"2 more processes by MPI_Comm_spawn", done.stderr)


class MpichHooks(Hooks, PerunTest):
    mpi = "mpich"


class WithoutMpi(PerunTest):
    def hooked(self, *words, **kw):
        return self.monitor("--mpi-hooks", "--backends", "sim:const:100W", *words, **kw)

    def test_a_program_without_mpi_is_not_harmed(self):
        done = self.hooked("sh", "-c", "echo out; echo err >&2; ls /nowhere; exit 7")
        bare = self.bare("sh", "-c", "echo out; echo err >&2; ls /nowhere; exit 7")
        self.assertEqual((done.returncode, done.stdout), (7, b"out\n"))
        self.assertTrue(done.stderr.startswith(bare.stderr), done.stderr)
        run = self.report("results/sh.hdf5")["runs"][0]
        self.assertEqual(("regions" in run, "mpi" in run), (False, False))
        self.assertEqual([n["text"] for n in run["notes"] if n["caveat"] == "mpi"][0].split(":")[0],
                         "--mpi-hooks saw no call of MPI")

    def test_what_was_preloaded_stays(self):
        done = self.hooked("sh", "-c", "echo $LD_PRELOAD", env={**self.env, "LD_PRELOAD": "/lib/x86_64-linux-gnu/libm.so.6"})
        self.assertEqual(done.stdout.decode(), f"{HOOKS}:/lib/x86_64-linux-gnu/libm.so.6\n")
        plain = self.monitor("--backends", "sim:const:100W", "sh", "-c", "echo $LD_PRELOAD")
        self.assertEqual(plain.stdout, b"\n")

    def test_a_path_that_cannot_be_preloaded_is_told(self):
        folder = self.dir / "a b"
        folder.mkdir()
        for file in (pathlib.Path(PERUN), HOOKS):
            os.link(file, folder / file.name) if os.stat(file).st_dev == os.stat(folder).st_dev else \
                subprocess.run(["cp", file, folder], check=True)
        done = self.bare(folder / pathlib.Path(PERUN).name, "monitor", "--mpi-hooks", "true")
        self.assertEqual(done.returncode, 125)
        self.assertIn(b"holds a blank or a colon", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
