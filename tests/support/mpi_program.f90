! SPDX-License-Identifier: BSD-3-Clause
! A program for tests in Fortran: all ranks sum up their numbers, and end half a second later.
program mpi_program
  use mpi
  implicit none
  integer :: rank, ranks, total, error
  double precision :: begin

  call MPI_Init(error)
  call MPI_Comm_rank(MPI_COMM_WORLD, rank, error)
  call MPI_Comm_size(MPI_COMM_WORLD, ranks, error)
  call MPI_Allreduce(rank, total, 1, MPI_INTEGER, MPI_SUM, MPI_COMM_WORLD, error)
  if (total /= ranks*(ranks - 1)/2) error stop 99
  begin = MPI_Wtime()
  do while (MPI_Wtime() - begin < 0.5d0)
  end do
  call MPI_Finalize(error)
end program mpi_program
