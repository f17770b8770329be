# SPDX-License-Identifier: BSD-3-Clause
"""A program for tests with mpi4py: all ranks sum up their numbers, and end half a second later."""

import array
import time

from mpi4py import MPI

world = MPI.COMM_WORLD
total = array.array("i", [0])
world.Allreduce(array.array("i", [world.rank]), total)
assert total[0] == world.size * (world.size - 1) // 2
time.sleep(0.5)
world.Barrier()
