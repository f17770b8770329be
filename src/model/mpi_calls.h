/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The calls of MPI in which a rank waits for others, once: libperunmpi wraps them, and the analysis knows a region of such a
 * name for one of them. X(NAME, ARGUMENTS, KIND, SIZES): MPI_NAME; `large` has a form MPI_NAME_c for counts beyond an
 * int, `own` a wrapper written by hand. C and C++.
 */
#ifndef PERUN_MODEL_MPI_CALLS_H
#define PERUN_MODEL_MPI_CALLS_H

/* clang-format off */
#define PERUN_MPI_CALLS(X) \
  X(Barrier, 1, collective, own) \
  X(Bcast, 5, collective, large) \
  X(Reduce, 7, collective, large) \
  X(Allreduce, 6, collective, own) \
  X(Gather, 8, collective, large) \
  X(Gatherv, 9, collective, large) \
  X(Scatter, 8, collective, large) \
  X(Scatterv, 9, collective, large) \
  X(Allgather, 7, collective, large) \
  X(Allgatherv, 8, collective, large) \
  X(Alltoall, 7, collective, large) \
  X(Alltoallv, 9, collective, large) \
  X(Alltoallw, 9, collective, large) \
  X(Scan, 6, collective, large) \
  X(Exscan, 6, collective, large) \
  X(Reduce_scatter, 6, collective, large) \
  X(Reduce_scatter_block, 6, collective, large) \
  X(Neighbor_allgather, 7, collective, large) \
  X(Neighbor_allgatherv, 8, collective, large) \
  X(Neighbor_alltoall, 7, collective, large) \
  X(Neighbor_alltoallv, 9, collective, large) \
  X(Neighbor_alltoallw, 9, collective, large) \
  X(Comm_dup, 2, collective, plain) \
  X(Comm_create, 3, collective, plain) \
  X(Comm_split, 4, collective, plain) \
  X(Comm_split_type, 5, collective, plain) \
  X(Cart_create, 6, collective, plain) \
  X(Send, 6, point_to_point, large) \
  X(Bsend, 6, point_to_point, large) \
  X(Ssend, 6, point_to_point, large) \
  X(Rsend, 6, point_to_point, large) \
  X(Recv, 7, point_to_point, large) \
  X(Sendrecv, 12, point_to_point, large) \
  X(Sendrecv_replace, 9, point_to_point, large) \
  X(Probe, 4, point_to_point, plain) \
  X(Mprobe, 5, point_to_point, plain) \
  X(Mrecv, 5, point_to_point, large) \
  X(Wait, 2, point_to_point, plain) \
  X(Waitany, 4, point_to_point, plain) \
  X(Waitall, 3, point_to_point, plain) \
  X(Waitsome, 5, point_to_point, plain) \
  X(Win_fence, 2, one_sided, plain) \
  X(Win_start, 3, one_sided, plain) \
  X(Win_complete, 1, one_sided, plain) \
  X(Win_wait, 1, one_sided, plain) \
  X(Win_lock, 4, one_sided, plain) \
  X(Win_lock_all, 2, one_sided, plain) \
  X(Win_unlock, 2, one_sided, plain) \
  X(Win_unlock_all, 1, one_sided, plain) \
  X(Win_flush, 2, one_sided, plain) \
  X(Win_flush_all, 1, one_sided, plain) \
  X(File_open, 5, file, plain) \
  X(File_close, 1, file, plain) \
  X(File_sync, 1, file, plain) \
  X(File_read_all, 5, file, large) \
  X(File_write_all, 5, file, large) \
  X(File_read_at_all, 6, file, large) \
  X(File_write_at_all, 6, file, large) \
  X(Comm_spawn, 8, processes, own) \
  X(Comm_spawn_multiple, 9, processes, own) \
  X(Init, 2, processes, plain) \
  X(Init_thread, 4, processes, plain) \
  X(Finalize, 0, processes, plain)
/* clang-format on */

/* The region from the begin of MPI_Init to the end of MPI_Finalize, in which those of the calls lie. */
#define PERUN_MPI_WHOLE "MPI_Init..MPI_Finalize"

/* The counter of processes that were started. */
#define PERUN_MPI_SPAWNED "processes of MPI_Comm_spawn"

/* The counter that stands in a call of MPI_COMM_WORLD that nobody leaves before everybody has entered it; its value is the call's
 * number among those of the process, the same in all ranks. */
#define PERUN_MPI_TOGETHER "calls of MPI_COMM_WORLD together"

#endif
