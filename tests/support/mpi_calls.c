// SPDX-License-Identifier: BSD-3-Clause
// A program for tests of --mpi-hooks: `mpi_calls all` makes every rank call what MPI offers for waiting, and checks what
// came of it: arguments must get through, in registers and on the stack. `mpi_calls late MS`: rank 0 is late at a barrier.
// `mpi_calls loop N`: N times the least that can be waited for; prints ns per call. `mpi_calls spawn`: starts two more.
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int rank, size;

static void check(int ok, const char* what) {
  if (ok) return;
  fprintf(stderr, "rank %d: wrong after %s\n", rank, what);
  MPI_Abort(MPI_COMM_WORLD, 98);
}

static void collectives(void) {
  enum { most = 16 };
  int mine = rank + 1, sum = size * (size + 1) / 2, got = 0, all[most], to[most], count[most], at[most];
  MPI_Barrier(MPI_COMM_WORLD);
  got = rank == 1 ? 42 : 0;
  MPI_Bcast(&got, 1, MPI_INT, 1, MPI_COMM_WORLD), check(got == 42, "Bcast");
  MPI_Reduce(&mine, &got, 1, MPI_INT, MPI_SUM, 0, MPI_COMM_WORLD), check(rank != 0 || got == sum, "Reduce");
  MPI_Allreduce(MPI_IN_PLACE, &mine, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD), check(mine == sum, "Allreduce");
  mine = rank + 1;
  MPI_Gather(&mine, 1, MPI_INT, all, 1, MPI_INT, 0, MPI_COMM_WORLD), check(rank != 0 || all[size - 1] == size, "Gather");
  for (int i = 0; i < size; ++i) count[i] = 1, at[i] = size - 1 - i, to[i] = 10 * rank + i;
  MPI_Gatherv(&mine, 1, MPI_INT, all, count, at, MPI_INT, 0, MPI_COMM_WORLD), check(rank != 0 || all[0] == size, "Gatherv");
  MPI_Scatter(to, 1, MPI_INT, &got, 1, MPI_INT, 1, MPI_COMM_WORLD), check(got == 10 + rank, "Scatter");
  MPI_Scatterv(to, count, at, MPI_INT, &got, 1, MPI_INT, 1, MPI_COMM_WORLD), check(got == 10 + size - 1 - rank, "Scatterv");
  MPI_Allgather(&mine, 1, MPI_INT, all, 1, MPI_INT, MPI_COMM_WORLD), check(all[size - 1] == size, "Allgather");
  MPI_Allgatherv(&mine, 1, MPI_INT, all, count, at, MPI_INT, MPI_COMM_WORLD), check(all[0] == size, "Allgatherv");
  MPI_Alltoall(to, 1, MPI_INT, all, 1, MPI_INT, MPI_COMM_WORLD), check(all[1] == 10 + rank, "Alltoall");
  MPI_Alltoallv(to, count, at, MPI_INT, all, count, at, MPI_INT, MPI_COMM_WORLD);
  check(all[size - 2] == 10 + size - 1 - rank, "Alltoallv");
  MPI_Scan(&mine, &got, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD), check(got == (rank + 1) * (rank + 2) / 2, "Scan");
  MPI_Exscan(&mine, &got, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD), check(rank == 0 || got == rank * (rank + 1) / 2, "Exscan");
  MPI_Reduce_scatter_block(all, &got, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
  MPI_Reduce_scatter(all, &got, count, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
  MPI_Comm half;
  MPI_Comm_split(MPI_COMM_WORLD, rank % 2, rank, &half);
  MPI_Comm_rank(half, &got), check(got == rank / 2, "Comm_split");
  MPI_Comm_free(&half);
}

static void point_to_point(void) {
  const int next = (rank + 1) % size, last = (rank + size - 1) % size;
  int mine = rank, got = -1;
  MPI_Status status;
  MPI_Sendrecv(&mine, 1, MPI_INT, next, 7, &got, 1, MPI_INT, last, 7, MPI_COMM_WORLD, &status);
  check(got == last && status.MPI_SOURCE == last && status.MPI_TAG == 7, "Sendrecv");
  MPI_Sendrecv_replace(&mine, 1, MPI_INT, next, 8, last, 8, MPI_COMM_WORLD, &status), check(mine == last, "Sendrecv_replace");
  MPI_Request request[2];
  got = -1, mine = rank;
  MPI_Irecv(&got, 1, MPI_INT, last, 9, MPI_COMM_WORLD, &request[0]);
  MPI_Isend(&mine, 1, MPI_INT, next, 9, MPI_COMM_WORLD, &request[1]);
  MPI_Waitall(2, request, MPI_STATUSES_IGNORE), check(got == last, "Waitall");
  if (rank == 0) {
    MPI_Send(&mine, 1, MPI_INT, 1, 10, MPI_COMM_WORLD);
    MPI_Ssend(&mine, 1, MPI_INT, 1, 11, MPI_COMM_WORLD);
  } else if (rank == 1) {
    MPI_Probe(0, 10, MPI_COMM_WORLD, &status);
    MPI_Recv(&got, 1, MPI_INT, 0, 10, MPI_COMM_WORLD, &status), check(got == 0 && status.MPI_TAG == 10, "Recv");
    MPI_Recv(&got, 1, MPI_INT, MPI_ANY_SOURCE, 11, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  }
}

static void loop(long n) {
  int in = 1, out = 0;
  struct timespec a, b;
  clock_gettime(CLOCK_MONOTONIC, &a);
  for (long i = 0; i < n; ++i) MPI_Allreduce(&in, &out, 1, MPI_INT, MPI_SUM, MPI_COMM_SELF);
  clock_gettime(CLOCK_MONOTONIC, &b);
  if (rank == 0) printf("%.1f\n", ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / (double)n);
}

static void spawn(char* self) {
  MPI_Comm parent, children;
  MPI_Comm_get_parent(&parent);
  if (parent == MPI_COMM_NULL)
    MPI_Comm_spawn(self, MPI_ARGV_NULL, 2, MPI_INFO_NULL, 0, MPI_COMM_WORLD, &children, MPI_ERRCODES_IGNORE);
  else
    children = parent;
  MPI_Comm_disconnect(&children);
}

int main(int argc, char** argv) {
  const char* what = argc > 1 ? argv[1] : "spawn";
  int provided;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  if (!strcmp(what, "all")) collectives(), point_to_point();
  if (!strcmp(what, "late")) {
    if (rank == 0) usleep(1000u * (unsigned)atoi(argv[2]));
    MPI_Barrier(MPI_COMM_WORLD);
  }
  if (!strcmp(what, "loop")) loop(atol(argv[2]));
  if (!strcmp(what, "spawn")) spawn(argv[0]);
  MPI_Finalize();
  return 0;
}
