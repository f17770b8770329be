/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libperunmpi.so, preloaded with --mpi-hooks: the calls of MPI in which a rank waits become regions of that name.
 *
 * It knows no MPI: no mpi.h, nothing linked. Every argument of these calls is an integer or a pointer, whatever the MPI: a
 * handle is an int in MPICH and a pointer in Open MPI. On 64-bit Linux (the System V ABI of x86-64, AAPCS64 and those of
 * ppc64le, riscv64 and s390x) each takes one register or one slot of 8 bytes on the stack, and the upper half of an int means
 * nothing; so a wrapper that takes and passes on as many uintptr_t as the call has arguments is right for all of them.
 *
 * Both MPI_X and PMPI_X are wrapped: Fortran's interfaces end in either, in Open MPI in PMPI_X, in MPICH in both, so they need
 * no wrappers of their own; and another tool, in front or behind, calls PMPI_X. A call inside of a call, ours or MPI's own,
 * is not counted again.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "model/mpi_calls.h"
#include "perun/perun.h"

_Static_assert(sizeof(uintptr_t) == 8, "wrappers pass arguments of 8 bytes on");

enum { no_such_call = 16 }; /* what a call returns that the MPI of the program does not have: no MPI's success */

typedef void function(void); /* called as what it is */

enum call {
#define CALL(name, arguments, kind, sizes) call_##name,
  PERUN_MPI_CALLS(CALL)
#undef CALL
      call_whole,
  calls
};

static const char* const names[calls] = {
#define CALL(name, arguments, kind, sizes) "MPI_" #name,
    PERUN_MPI_CALLS(CALL)
#undef CALL
        PERUN_MPI_WHOLE};

static perun_region regions[calls]; /* 0: not looked up yet */
static __thread int depth;          /* calls of MPI that this thread is in */
static uint64_t together;           /* calls of MPI_COMM_WORLD so far that nobody leaves before everybody has entered them */

static perun_region region_of(enum call call) {
  perun_region r = __atomic_load_n(&regions[call], __ATOMIC_RELAXED);
  if (r != 0) return r;
  r = perun_region_id(names[call]);
  __atomic_store_n(&regions[call], r, __ATOMIC_RELAXED);
  return r;
}

/* For dl_iterate_phdr: opens the object that holds an MPI. */
static int open_mpi(struct dl_phdr_info* object, size_t size, void* found) {
  (void)size;
  if (object->dlpi_name == NULL || *object->dlpi_name == '\0') return 0;
  void* const handle = dlopen(object->dlpi_name, RTLD_LAZY | RTLD_NOLOAD);
  if (handle == NULL) return 0;
  Dl_info own, there;
  void* const init = dlsym(handle, "PMPI_Init"); /* perhaps of something it depends on, then not its own */
  if (init != NULL && dladdr(init, &there) != 0 && there.dli_fbase == (void*)object->dlpi_addr &&
      dladdr((void*)regions, &own) != 0 && own.dli_fbase != there.dli_fbase) {
    *(void**)found = handle;
    return 1;
  }
  dlclose(handle);
  return 0;
}

/* The next definition behind this one; of an MPI that Python has loaded for itself alone, the one in its library. */
static void* look_up(const char* symbol) {
  void* const next = dlsym(RTLD_NEXT, symbol);
  if (next != NULL) return next;
  void* mpi = NULL;
  dl_iterate_phdr(open_mpi, &mpi);
  return mpi != NULL ? dlsym(mpi, symbol) : NULL;
}

static function* find(function** known, const char* symbol) {
  function* f = __atomic_load_n(known, __ATOMIC_RELAXED);
  if (f != NULL) return f;
  *(void**)&f = look_up(symbol);
  if (f == NULL) fprintf(stderr, "perun: the program calls %s, which its MPI does not have\n", symbol);
  __atomic_store_n(known, f, __ATOMIC_RELAXED);
  return f;
}

static void enter(enum call call) {
  if (depth++ > 0) return;
  if (call == call_Init || call == call_Init_thread) perun_enter(region_of(call_whole));
  perun_enter(region_of(call));
}

static void leave(enum call call) {
  if (--depth > 0) return;
  perun_leave(region_of(call));
  if (call == call_Finalize) perun_leave(region_of(call_whole));
}

/* MPI_COMM_WORLD of this MPI, 0 where it is not known: an object of Open MPI, a number in MPICH and all that share its ABI. */
static uintptr_t find_world(void) {
  char version[8192] = ""; /* MPI_MAX_LIBRARY_VERSION_STRING is 256 and 8192 in those */
  int length = 0;
  void* const ask = look_up("PMPI_Get_library_version");
  if (ask == NULL || ((int (*)(char*, int*))(uintptr_t)ask)(version, &length) != 0) return 0;
  if (strstr(version, "Open MPI") != NULL) {
    void* const here = dlsym(RTLD_DEFAULT, "ompi_mpi_comm_world"); /* the program's copy of it, if it has one (R_*_COPY) */
    return (uintptr_t)(here != NULL ? here : look_up("ompi_mpi_comm_world"));
  }
  const int mpich =
      strstr(version, "MPICH") != NULL || strstr(version, "MVAPICH") != NULL || strstr(version, "Intel(R) MPI") != NULL;
  return mpich ? 0x44000000u : 0;
}

static int is_world(uintptr_t comm) {
  static uintptr_t world; /* 1: not known */
  uintptr_t w = __atomic_load_n(&world, __ATOMIC_RELAXED);
  if (w == 0) {
    w = find_world();
    if (w == 0) w = 1;
    __atomic_store_n(&world, w, __ATOMIC_RELAXED);
  }
  return w == 0x44000000u ? (uint32_t)comm == w : comm == w;
}

/* What the clocks of nodes are compared by. All ranks call them in the same order, so that they have the same numbers. The
 * first ones are told, and then four whenever their number has doubled. */
static void note_together(uintptr_t comm) {
  enum { first = 16, each = 4 };
  if (depth != 1 || !is_world(comm)) return;
  const uint64_t number = __atomic_fetch_add(&together, 1, __ATOMIC_RELAXED);
  const uint64_t doubled = number < first ? 0 : (uint64_t)1 << (63 - __builtin_clzll(number));
  if (number < first || number < doubled + each) perun_count(PERUN_MPI_TOGETHER, (double)number);
}

#define PARAMETERS_0 void
#define PARAMETERS_1 uintptr_t a
#define PARAMETERS_2 PARAMETERS_1, uintptr_t b
#define PARAMETERS_3 PARAMETERS_2, uintptr_t c
#define PARAMETERS_4 PARAMETERS_3, uintptr_t d
#define PARAMETERS_5 PARAMETERS_4, uintptr_t e
#define PARAMETERS_6 PARAMETERS_5, uintptr_t f
#define PARAMETERS_7 PARAMETERS_6, uintptr_t g
#define PARAMETERS_8 PARAMETERS_7, uintptr_t h
#define PARAMETERS_9 PARAMETERS_8, uintptr_t i
#define PARAMETERS_12 PARAMETERS_9, uintptr_t j, uintptr_t k, uintptr_t l
#define ARGUMENTS_0
#define ARGUMENTS_1 a
#define ARGUMENTS_2 ARGUMENTS_1, b
#define ARGUMENTS_3 ARGUMENTS_2, c
#define ARGUMENTS_4 ARGUMENTS_3, d
#define ARGUMENTS_5 ARGUMENTS_4, e
#define ARGUMENTS_6 ARGUMENTS_5, f
#define ARGUMENTS_7 ARGUMENTS_6, g
#define ARGUMENTS_8 ARGUMENTS_7, h
#define ARGUMENTS_9 ARGUMENTS_8, i
#define ARGUMENTS_12 ARGUMENTS_9, j, k, l

/* `first` is done when the call counts as entered, `then` before it counts as left. */
#define WRAP_AROUND(symbol, call, n, first, then)                      \
  PERUN_API int symbol(PARAMETERS_##n);                                \
  int symbol(PARAMETERS_##n) {                                         \
    static function* next;                                             \
    function* const real = find(&next, #symbol);                       \
    if (real == NULL) return no_such_call;                             \
    enter(call);                                                       \
    first;                                                             \
    const int result = ((int (*)(PARAMETERS_##n))real)(ARGUMENTS_##n); \
    then;                                                              \
    leave(call);                                                       \
    return result;                                                     \
  }
#define WRAP_THEN(symbol, call, n, then) WRAP_AROUND(symbol, call, n, (void)0, then)
#define WRAP(symbol, call, n) WRAP_THEN(symbol, call, n, (void)0)
#define WRAP_own(name, n)
#define WRAP_plain(name, n) WRAP(MPI_##name, call_##name, n) WRAP(PMPI_##name, call_##name, n)
#define WRAP_large(name, n) WRAP_plain(name, n) WRAP(MPI_##name##_c, call_##name, n) WRAP(PMPI_##name##_c, call_##name, n)
#define CALL(name, n, kind, sizes) WRAP_##sizes(name, n)
PERUN_MPI_CALLS(CALL)

/* A count of 0 need not wait for anybody. */
#define WRAP_TOGETHER(symbol, call, n, comm, count) WRAP_AROUND(symbol, call, n, if ((count) != 0) note_together(comm), (void)0)
WRAP_TOGETHER(MPI_Barrier, call_Barrier, 1, a, 1)
WRAP_TOGETHER(PMPI_Barrier, call_Barrier, 1, a, 1)
WRAP_TOGETHER(MPI_Allreduce, call_Allreduce, 6, f, (int)c)
WRAP_TOGETHER(PMPI_Allreduce, call_Allreduce, 6, f, (int)c)
WRAP_TOGETHER(MPI_Allreduce_c, call_Allreduce, 6, f, c)
WRAP_TOGETHER(PMPI_Allreduce_c, call_Allreduce, 6, f, c)

/* Told in the report: those processes are no ranks of this job. Only the root's arguments say how many there are. */
static void note_spawned(uintptr_t comm, uintptr_t root, int processes) {
  static function* comm_rank;
  int rank = -1;
  function* const ask = find(&comm_rank, "PMPI_Comm_rank");
  if (depth > 1 || ask == NULL || ((int (*)(uintptr_t, int*))ask)(comm, &rank) != 0 || rank != (int)root) return;
  perun_count(PERUN_MPI_SPAWNED, processes);
}

static int sum(int n, const int* values) {
  int total = 0;
  for (int i = 0; i < n; ++i) total += values[i];
  return total;
}

#define WRAP_SPAWN(symbol, call, n, comm, root, processes) \
  WRAP_THEN(symbol, call, n, if (result == 0) note_spawned(comm, root, processes))
WRAP_SPAWN(MPI_Comm_spawn, call_Comm_spawn, 8, f, e, (int)c)
WRAP_SPAWN(PMPI_Comm_spawn, call_Comm_spawn, 8, f, e, (int)c)
WRAP_SPAWN(MPI_Comm_spawn_multiple, call_Comm_spawn_multiple, 9, g, f, sum((int)a, (const int*)d))
WRAP_SPAWN(PMPI_Comm_spawn_multiple, call_Comm_spawn_multiple, 9, g, f, sum((int)a, (const int*)d))
