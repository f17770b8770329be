! SPDX-License-Identifier: BSD-3-Clause
! perun for Fortran: compile this file with your program and link libperun (-lperun). Names are taken as they are, without
! trailing blanks. Everything does nothing when the program does not run under perun.
!
!   use perun
!   call perun_begin("solve")
!   ...
!   call perun_end("solve")
!
! In inner loops look the name up once: step = perun_region("step"); call perun_enter(step); call perun_leave(step)
module perun
  use, intrinsic :: iso_c_binding, only: c_int, c_int32_t, c_size_t, c_double, c_char
  implicit none
  private
  public :: perun_active, perun_begin, perun_end, perun_cancel, perun_mark, perun_count
  public :: perun_region, perun_enter, perun_leave

  interface
    function c_active() bind(c, name="perun_active")
      import :: c_int
      integer(c_int) :: c_active
    end function
    function c_region(name, length) bind(c, name="perun_region_id_n")
      import :: c_char, c_size_t, c_int32_t
      character(kind=c_char), intent(in) :: name(*)
      integer(c_size_t), value :: length
      integer(c_int32_t) :: c_region
    end function
    subroutine perun_enter(region) bind(c, name="perun_enter")
      import :: c_int32_t
      integer(c_int32_t), value :: region
    end subroutine
    subroutine perun_leave(region) bind(c, name="perun_leave")
      import :: c_int32_t
      integer(c_int32_t), value :: region
    end subroutine
    subroutine c_forget(region) bind(c, name="perun_forget")
      import :: c_int32_t
      integer(c_int32_t), value :: region
    end subroutine
    subroutine c_note(text) bind(c, name="perun_note")
      import :: c_int32_t
      integer(c_int32_t), value :: text
    end subroutine
    subroutine c_add(counter, n) bind(c, name="perun_add")
      import :: c_int32_t, c_double
      integer(c_int32_t), value :: counter
      real(c_double), value :: n
    end subroutine
  end interface

contains

  logical function perun_active()
    perun_active = c_active() /= 0
  end function

  ! The number of a region's name; 0 without perun.
  function perun_region(name) result(region)
    character(len=*), intent(in) :: name
    integer(c_int32_t) :: region
    region = c_region(name, int(len_trim(name), c_size_t))
  end function

  subroutine perun_begin(name)
    character(len=*), intent(in) :: name
    if (c_active() /= 0) call perun_enter(perun_region(name))
  end subroutine

  subroutine perun_end(name)
    character(len=*), intent(in) :: name
    if (c_active() /= 0) call perun_leave(perun_region(name))
  end subroutine

  subroutine perun_cancel(name)
    character(len=*), intent(in) :: name
    if (c_active() /= 0) call c_forget(perun_region(name))
  end subroutine

  subroutine perun_mark(text)
    character(len=*), intent(in) :: text
    if (c_active() /= 0) call c_note(perun_region(text))
  end subroutine

  subroutine perun_count(name, n)
    character(len=*), intent(in) :: name
    real(c_double), intent(in) :: n
    if (c_active() /= 0) call c_add(perun_region(name), n)
  end subroutine

end module perun
