// SPDX-License-Identifier: BSD-3-Clause
// Another tool that listens to MPI, as they do: it wraps MPI_X and calls PMPI_X. It says how many calls it saw.
#include <mpi.h>
#include <stdio.h>

static int calls;

int MPI_Init(int* argc, char*** argv) {
  return PMPI_Init(argc, argv);
}
int MPI_Allreduce(const void* in, void* out, int n, MPI_Datatype type, MPI_Op op, MPI_Comm comm) {
  ++calls;
  PMPI_Barrier(comm);
  return PMPI_Allreduce(in, out, n, type, op, comm);
}
int MPI_Finalize(void) {
  printf("tool: %d\n", calls);
  fflush(stdout);
  return PMPI_Finalize();
}
