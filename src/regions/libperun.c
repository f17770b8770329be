/* SPDX-License-Identifier: BSD-3-Clause */
/* The public calls: which marks file this process has, and which block each thread. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "perun/perun.h"
#include "regions/agent_socket.h"
#include "regions/marks.h"

static struct perun_marks marks;
static char* live;          /* marks.base while attached; the one word that every call looks at */
static uint32_t generation; /* of the attachment: blocks of an older one are not ours any more */
static int announced;       /* 1: the agent was told */
static pthread_mutex_t attaching = PTHREAD_MUTEX_INITIALIZER;
static pthread_key_t at_thread_end;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static __thread struct {
  struct perun_block* block;
  uint32_t generation;
} mine;

static int is_live(void) {
  return __atomic_load_n(&live, __ATOMIC_RELAXED) != NULL;
}

static void leave_block(void* block) {
  if (is_live() && mine.block == block && mine.generation == generation) perun_marks_leave(block);
  mine.block = NULL;
}

/* The parent's block stays the parent's. */
static void in_child(void) {
  mine.block = NULL;
  pthread_setspecific(at_thread_end, NULL);
}

static void prepare(void) {
  pthread_key_create(&at_thread_end, leave_block);
  pthread_atfork(NULL, NULL, in_child);
}

static __attribute__((noinline)) struct perun_block* new_block(void) {
  const int why = errno;
  const pid_t pid = getpid(), tid = (pid_t)syscall(SYS_gettid);
  mine.block = perun_marks_share(&marks, pid, tid);
  if (mine.block == NULL) mine.block = perun_marks_claim(&marks, pid, tid);
  mine.generation = generation;
  if (mine.block != NULL) pthread_setspecific(at_thread_end, mine.block);
  if (!__atomic_exchange_n(&announced, 1, __ATOMIC_RELAXED)) {
    __atomic_fetch_add(&perun_header_of(&marks)->attached, 1, __ATOMIC_RELAXED);
    perun_socket_announce();
  }
  errno = why;
  return mine.block;
}

/* This thread's block, or NULL; a thread that was refused one asks again, in case others ended. */
static inline struct perun_block* block(void) {
  if (__builtin_expect(mine.block != NULL && mine.generation == generation, 1)) return mine.block;
  return new_block();
}

int perun_attach(const char* path, const char* sock) {
  pthread_once(&once, prepare);
  pthread_mutex_lock(&attaching);
  struct perun_marks new_marks;
  int result = -1;
  if (live != NULL) {
    errno = EALREADY;
  } else if (perun_marks_map(&new_marks, path) == 0) {
    marks = new_marks;
    perun_socket_set(sock);
    announced = 0;
    ++generation;
    __atomic_store_n(&live, marks.base, __ATOMIC_RELEASE);
    result = 0;
  }
  pthread_mutex_unlock(&attaching);
  return result;
}

void perun_detach(void) {
  pthread_mutex_lock(&attaching);
  if (live != NULL) {
    if (mine.block != NULL && mine.generation == generation) perun_marks_leave(mine.block);
    mine.block = NULL;
    __atomic_store_n(&live, NULL, __ATOMIC_RELEASE);
    perun_marks_unmap(&marks);
    perun_socket_set(NULL);
  }
  pthread_mutex_unlock(&attaching);
}

__attribute__((constructor)) static void attach_at_start(void) {
  const char* path = getenv("PERUN_MARKS");
  const int why = errno;
  if (path != NULL && *path != '\0') perun_attach(path, getenv("PERUN_SOCK"));
  errno = why;
}

int perun_active(void) {
  return is_live();
}

perun_region perun_region_id_n(const char* name, size_t length) {
  if (!is_live() || name == NULL) return 0;
  return perun_marks_name(&marks, name, length) + 1;
}

perun_region perun_region_id(const char* name) {
  return is_live() && name != NULL ? perun_region_id_n(name, strlen(name)) : 0;
}

#define WITH_BLOCK(call)                      \
  do {                                        \
    struct perun_block* b = block();          \
    if (__builtin_expect(b != NULL, 1)) call; \
  } while (0)

/* A number that nobody handed out could not be told from a name's. */
static int is_region(perun_region r) {
  return r != 0 && r <= perun_names;
}

void perun_enter(perun_region r) {
  if (is_live() && is_region(r)) WITH_BLOCK(perun_marks_begin(b, r - 1));
}
void perun_leave(perun_region r) {
  if (is_live() && is_region(r)) WITH_BLOCK(perun_marks_end(b, r - 1));
}
void perun_forget(perun_region r) {
  if (is_live() && is_region(r)) WITH_BLOCK(perun_marks_cancel(b, r - 1));
}
void perun_note(perun_region r) {
  if (is_live() && is_region(r)) WITH_BLOCK(perun_marks_moment(b, r - 1));
}
void perun_add(perun_region r, double n) {
  if (is_live() && is_region(r)) WITH_BLOCK(perun_marks_count(b, r - 1, n));
}

void perun_begin(const char* name) {
  if (is_live()) perun_enter(perun_region_id(name));
}
void perun_end(const char* name) {
  if (!is_live()) return;
  if (name == NULL)
    WITH_BLOCK(perun_marks_end(b, PERUN_ANY));
  else
    perun_leave(perun_region_id(name));
}
void perun_cancel(const char* name) {
  if (!is_live()) return;
  if (name == NULL)
    WITH_BLOCK(perun_marks_cancel(b, PERUN_ANY));
  else
    perun_forget(perun_region_id(name));
}
void perun_mark(const char* text) {
  if (is_live()) perun_note(perun_region_id(text));
}
void perun_count(const char* name, double n) {
  if (is_live()) perun_add(perun_region_id(name), n);
}
