#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Programs that perun's authors did not write, from Debian: HPC Challenge (Open MPI) and ScaLAPACK's LU factorization (Open MPI
and MPICH). They check their results themselves; the report must make sense."""

import pathlib
import re
import unittest

from harness import PERUN, PerunTest

HPCC_EXAMPLE = pathlib.Path("/usr/share/doc/hpcc/examples/_hpccinf.txt")
SCALAPACK = "usr/lib/*/scalapack"
LU = """'LU factorization'
'x'
'LU.out' output file name
6 device out
1 number of problems sizes
{n} values of M
{n} values of N
1 number of NB's
32 values of NB
1 number of NRHS's
1 values of NRHS
1 Number of NBRHS's
1 values of NBRHS
1 number of process grids
2 values of P
1 values of Q
1.0 threshold
F Test Cond. Est. and Iter. Ref. Routines
"""


class MpiBenchmarks(PerunTest):
    mpirun = {"openmpi": ["mpirun.openmpi", "--oversubscribe"], "mpich": ["mpirun.mpich"]}

    def setUp(self):
        super().setUp()
        self.env.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")

    def job(self, mpi, *words):
        done = self.bare(*self.mpirun[mpi], "-n", "2", *words, timeout=240)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return done.stdout.decode()

    def measured(self, mpi, program):
        out = self.job(mpi, PERUN, "monitor", "--mpi-hooks", "--name", "job", "--backends", "sim:const:100W,proc", program)
        return out, self.report("results/job.hdf5")["runs"][0]

    def check(self, run):
        """Energy of the simulated 100 W, all of it somewhere; and ranks that were busy or waited, but not more than there was."""
        self.assertEqual([r["status"] for r in run["job"]["ranks"]], ["ok", "ok"])
        self.assertAlmostEqual(run["energy_J"], 100 * run["duration_s"], delta=0.05 * run["energy_J"])
        parts = [r["exclusive_energy_J"] for r in run["regions"]["regions"]] + [run["regions"]["unmarked"]["energy_J"]]
        self.assertAlmostEqual(sum(parts), run["energy_J"], delta=1e-4)
        mpi = run["mpi"]
        for rank in mpi["ranks"]:
            self.assertGreater(rank["waiting_s"], 0)
            self.assertGreater(rank["outside_s"], 0)
            self.assertLessEqual(rank["time_s"], run["duration_s"])
        self.assertLess(mpi["waiting"]["energy_J"], run["energy_J"])
        self.assertLessEqual(mpi["waiting"]["imbalance_J"], mpi["waiting"]["energy_J"])
        self.assertTrue(0.5 <= mpi["load_balance"] <= 1, mpi["load_balance"])  # of two ranks never below

    def test_hpcc(self):
        lines = HPCC_EXAMPLE.read_text().split("\n")
        lines[5], lines[10], lines[11] = "600 Ns", "1 Ps", "2 Qs"
        self.file("hpccinf.txt", "\n".join(lines))
        _, run = self.measured("openmpi", "hpcc")
        found = dict(re.findall(r"^(\w+)=(.*)$", (self.dir / "hpccoutf.txt").read_text(), re.MULTILINE))
        self.assertEqual((found["Success"], found["CommWorldProcs"], found["HPL_N"]), ("1", "2", "600"))
        self.check(run)
        # Its parts for latency and bandwidth send many messages; faster than single marks are kept, and none is missing.
        self.assertGreater(run["mpi"]["calls"]["point_to_point"]["calls"], 20_000)
        self.assertGreater(run["mpi"]["calls"]["collective"]["calls"], 2_000)

    def test_lu_of_scalapack(self):
        calls = {}
        for mpi in self.mpirun:
            with self.subTest(mpi):
                (self.dir / "results/job.hdf5").unlink(missing_ok=True)
                program = next(pathlib.Path("/").glob(f"{SCALAPACK}/{mpi}-tests/xdlu"))
                self.file("LU.dat", LU.format(n=600))
                bare = self.job(mpi, program)
                out, run = self.measured(mpi, program)
                for text in (bare, out):
                    self.assertIn("1 tests completed and passed residual checks", text)
                self.check(run)
                calls[mpi] = {r["name"]: r["calls"] for r in run["regions"]["regions"]}
        # The same program calls the same, whichever MPI it is, but for what an MPI itself calls to make communicators.
        for name in ("MPI_Recv", "MPI_Waitall", "MPI_Allreduce", "MPI_Reduce", "MPI_Bcast"):
            self.assertEqual(calls["openmpi"].get(name), calls["mpich"].get(name), name)


if __name__ == "__main__":
    unittest.main(verbosity=2)
