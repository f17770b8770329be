// SPDX-License-Identifier: BSD-3-Clause
// A program for tests: `mpi_program WHAT [RANK]`: one rank ends in some way after half a second, the others wait for it.
#include <mpi.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char** argv) {
  const char* what = argc > 1 ? argv[1] : "ok";
  const int who = argc > 2 ? atoi(argv[2]) : 1;
  int rank, size, sum = 0;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  if (sum != size * (size - 1) / 2) return 99;
  usleep(500000);
  if (rank == who) {
    if (!strcmp(what, "exit3")) exit(3);
    if (!strcmp(what, "_exit0")) _exit(0);
    if (!strcmp(what, "_exit3")) _exit(3);
    if (!strcmp(what, "segv")) raise(SIGSEGV);
    if (!strcmp(what, "abort")) abort();
    if (!strcmp(what, "kill")) raise(SIGKILL);
    if (!strcmp(what, "MPI_Abort")) MPI_Abort(MPI_COMM_WORLD, 7);
  }
  if (strcmp(what, "ok")) sleep(20);
  MPI_Finalize();
  return 0;
}
