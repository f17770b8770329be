! SPDX-License-Identifier: BSD-3-Clause
program phases
  use perun
  use, intrinsic :: iso_c_binding, only: c_int, c_int32_t, c_double
  implicit none
  interface
    function usleep(us) bind(c, name="usleep")
      import :: c_int, c_int32_t
      integer(c_int32_t), value :: us
      integer(c_int) :: usleep
    end function
  end interface
  integer :: i
  integer(c_int32_t) :: solve

  call perun_begin("setup   ")
  call rest(100)
  call perun_end("setup")
  solve = perun_region("solve")
  do i = 1, 3
    call perun_begin("step")
    call rest(50)
    call perun_enter(solve)
    call rest(100)
    call perun_leave(solve)
    call perun_end("step")
    call perun_count("cells", 1000.0_c_double)
  end do
  call perun_mark("done")
contains
  subroutine rest(ms)
    integer, intent(in) :: ms
    if (usleep(int(ms, c_int32_t) * 1000) /= 0) stop 1
  end subroutine
end program
