/* SPDX-License-Identifier: BSD-3-Clause */
/* What is read back from the file is only ever used after masking or comparing: another process may have spoilt it, and the
 * program must not suffer for that. */
#define _GNU_SOURCE
#include "regions/marks.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

_Static_assert(sizeof(struct perun_block) % 4096 == 0, "blocks begin with a page");
_Static_assert(offsetof(struct perun_block, ring) % 4096 == 0, "so does the ring");
_Static_assert(sizeof(struct perun_marks_header) <= perun_header_size, "the header has room");

enum { probes = 16, index_probes = 64, own_blocks_first = 64 };

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Fills the header in before the file bears its name: nobody maps half a file. */
int perun_marks_create(const char* path) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < PERUN_MARKS_SIZE) return errno = EFBIG, -1;
  const int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return -1;
  const struct perun_marks_header header = {.magic = PERUN_MARKS_MAGIC,
                                            .version = perun_marks_version,
                                            .header_size = perun_header_size,
                                            .index_size = perun_index_size,
                                            .names = perun_names,
                                            .text = perun_text,
                                            .blocks = perun_blocks,
                                            .block_size = sizeof(struct perun_block),
                                            .names_used = 1};
  if (ftruncate(fd, (off_t)PERUN_MARKS_SIZE) == 0 && pwrite(fd, &header, sizeof header, 0) == (ssize_t)sizeof header) {
    close(fd);
    return 0;
  }
  const int why = errno;
  close(fd);
  unlink(path);
  errno = why;
  return -1;
}

/* Makes sure that a part of the file has memory. */
static int reserve(const struct perun_marks* m, size_t at, size_t length) {
  if (madvise(m->base + at, length, MADV_POPULATE_WRITE) == 0) return 0;
  if (errno != EINVAL) return -1;
  const int fd = open(m->path, O_RDWR | O_CLOEXEC); /* a kernel before 5.14 */
  if (fd < 0) return -1;
  const int failed = fallocate(fd, 0, (off_t)at, (off_t)length);
  close(fd);
  return failed;
}

int perun_marks_open(struct perun_marks* m, const char* path) {
  m->base = NULL;
  if (strlen(path) >= sizeof m->path) return errno = ENAMETOOLONG, -1;
  const int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return -1;
  struct stat info;
  struct perun_marks_header h;
  const int ours = fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && (size_t)info.st_size == PERUN_MARKS_SIZE &&
                   pread(fd, &h, sizeof h, 0) == (ssize_t)sizeof h && h.magic == PERUN_MARKS_MAGIC &&
                   h.version == perun_marks_version && h.block_size == sizeof(struct perun_block) && h.names == perun_names &&
                   h.index_size == perun_index_size && h.text == perun_text && h.blocks == perun_blocks;
  void* const base = ours ? mmap(NULL, PERUN_MARKS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
  const int why = ours ? errno : EPROTO;
  close(fd);
  if (base == MAP_FAILED) return errno = why, -1;
  m->base = base;
  strcpy(m->path, path);
  return 0;
}

int perun_marks_map(struct perun_marks* m, const char* path) {
  if (perun_marks_open(m, path) != 0) return -1;
  if (reserve(m, 0, perun_blocks_at) == 0) return 0;
  perun_marks_unmap(m);
  return errno = ENOMEM, -1;
}

void perun_marks_unmap(struct perun_marks* m) {
  if (m->base != NULL) munmap(m->base, PERUN_MARKS_SIZE);
  m->base = NULL;
}

/* Names: eight bytes at a time, the last ones filled up with zeros. */
static uint64_t stir(uint64_t h, uint64_t word) {
  h = (h ^ word) * 0x9e3779b97f4a7c15u;
  return h ^ h >> 29;
}
static uint32_t hash_of(const char* name, size_t length) {
  uint64_t h = length, word;
  for (; length >= 8; length -= 8, name += 8) {
    memcpy(&word, name, 8);
    h = stir(h, word);
  }
  if (length > 0) {
    word = 0;
    if (length & 4) memcpy((char*)&word, name, 4);
    if (length & 2) memcpy((char*)&word + (length & 4), name + (length & 4), 2);
    if (length & 1) memcpy((char*)&word + (length & 6), name + (length & 6), 1);
    h = stir(h, word);
  }
  return (uint32_t)(h >> 16);
}

static int is_named(const struct perun_marks* m, uint32_t id, const char* name, size_t length) {
  const struct perun_name* e = &perun_entries_of(m)[id & (perun_names - 1)];
  const uint32_t size = __atomic_load_n(&e->size, __ATOMIC_ACQUIRE);
  return size == length + 1 && e->offset <= perun_text - length && memcmp(perun_text_of(m) + e->offset, name, length) == 0;
}

/* Stores a new name; 0 when there is no room. Two threads that do so at once may both: one of the ids is then never used. */
static uint32_t store_name(struct perun_marks* m, const char* name, size_t length) {
  struct perun_marks_header* h = perun_header_of(m);
  if (__atomic_load_n(&h->names_used, __ATOMIC_RELAXED) >= perun_names ||
      __atomic_load_n(&h->text_used, __ATOMIC_RELAXED) > perun_text - length)
    return 0;
  const uint32_t offset = __atomic_fetch_add(&h->text_used, (uint32_t)length, __ATOMIC_RELAXED);
  const uint32_t id = __atomic_fetch_add(&h->names_used, 1, __ATOMIC_RELAXED);
  if (id >= perun_names || offset > perun_text - length) return 0;
  memcpy(perun_text_of(m) + offset, name, length);
  perun_entries_of(m)[id].offset = offset;
  __atomic_store_n(&perun_entries_of(m)[id].size, (uint32_t)length + 1, __ATOMIC_RELEASE);
  return id;
}

static uint32_t look_up(struct perun_marks* m, const char* name, size_t length, uint32_t hash) {
  uint64_t mine = 0;
  for (uint32_t i = 0; i < index_probes; ++i) {
    uint64_t* const place = &perun_index_of(m)[(hash + i) & (perun_index_size - 1)];
    uint64_t there = __atomic_load_n(place, __ATOMIC_ACQUIRE);
    if (there == 0) {
      if (mine == 0) mine = store_name(m, name, length);
      if (mine == 0) return 0;
      const uint64_t entry = (uint64_t)hash << 32 | mine;
      if (__atomic_compare_exchange_n(place, &there, entry, 0, __ATOMIC_RELEASE, __ATOMIC_ACQUIRE)) return (uint32_t)mine;
    }
    if ((uint32_t)(there >> 32) == hash && is_named(m, (uint32_t)there, name, length))
      return (uint32_t)there & (perun_names - 1);
  }
  return 0;
}

uint32_t perun_marks_name(struct perun_marks* m, const char* name, size_t length) {
  const uint32_t hash = hash_of(name, length);
  char cut[perun_longest_name + 16];
  uint32_t id;
  if (length > perun_longest_name) {
    size_t keep = perun_longest_name;
    while (keep > perun_longest_name - 4 && ((unsigned char)name[keep] & 0xc0) == 0x80) --keep; /* whole UTF-8 letters */
    memcpy(cut, name, keep);
    length = keep + (size_t)snprintf(cut + keep, sizeof cut - keep, "~%08x", (unsigned)hash);
    id = look_up(m, cut, length, hash_of(cut, length));
  } else {
    id = look_up(m, name, length, hash);
  }
  if (id == 0) __atomic_fetch_add(&perun_header_of(m)->names_refused, 1, __ATOMIC_RELAXED);
  return id;
}

/* Blocks. */
static int take_over(struct perun_block* b, uint32_t state) {
  return __atomic_compare_exchange_n(&b->state, &state, perun_block_owned, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static void put(struct perun_block* b, uint64_t t_ns, uint32_t name, uint32_t kind) {
  const uint64_t head = b->head;
  if (head - __atomic_load_n(&b->tail, __ATOMIC_ACQUIRE) >= perun_ring) {
    ++b->lost;
    return;
  }
  struct perun_record* r = &b->ring[head & (perun_ring - 1)];
  r->t_ns = t_ns;
  r->name = name;
  r->kind = kind;
  __atomic_store_n(&b->head, head + 1, __ATOMIC_RELEASE);
}

/* Tells processes apart that had the same number after each other; the same for all that is loaded into one. */
static uint64_t image_of_process(void) {
  uint64_t image = 0;
  const char* const random = (const char*)getauxval(AT_RANDOM); /* 16 bytes, anew with every exec */
  if (random != NULL) memcpy(&image, random, sizeof image);
  return image;
}

static struct perun_block* introduce(struct perun_block* b, pid_t pid, pid_t tid) {
  b->pid = pid;
  b->tid = tid;
  b->image = image_of_process();
  b->users = 1;
  b->slots[0].name = 1;
  put(b, (uint64_t)(uint32_t)pid << 32 | (uint32_t)tid, 0, perun_mark_thread);
  return b;
}

static struct perun_block* take_used(struct perun_marks* m, uint32_t used, int dead) {
  for (uint32_t i = 0; i < used; ++i) {
    if (!perun_is_ready(m, i)) continue;
    struct perun_block* b = perun_block_of(m, i);
    if (!dead && b->state == perun_block_left && take_over(b, perun_block_left)) return b;
    if (dead && b->state == perun_block_owned && kill(b->pid, 0) != 0 && errno == ESRCH) {
      b->users = 1;
      perun_marks_leave(b);
      if (take_over(b, perun_block_left)) return b;
    }
  }
  return NULL;
}

static struct perun_block* take_fresh(struct perun_marks* m) {
  struct perun_marks_header* h = perun_header_of(m);
  uint32_t i = __atomic_load_n(&h->blocks_used, __ATOMIC_RELAXED);
  do {
    if (i >= perun_blocks) return NULL;
  } while (!__atomic_compare_exchange_n(&h->blocks_used, &i, i + 1, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
  struct perun_block* b = perun_block_of(m, i);
  if (reserve(m, (size_t)((char*)b - m->base), sizeof *b) != 0 || !take_over(b, perun_block_free)) return NULL;
  __atomic_store_n(&h->ready[i], 1, __ATOMIC_RELEASE);
  return b;
}

struct perun_block* perun_marks_claim(struct perun_marks* m, pid_t pid, pid_t tid) {
  const int why = errno;
  struct perun_marks_header* h = perun_header_of(m);
  uint32_t used = __atomic_load_n(&h->blocks_used, __ATOMIC_ACQUIRE);
  if (used > perun_blocks) used = perun_blocks;
  struct perun_block* b = used >= own_blocks_first ? take_used(m, used, 0) : NULL;
  if (b == NULL) b = take_fresh(m);
  if (b == NULL) b = take_used(m, used, 0);
  if (b == NULL) b = take_used(m, used, 1);
  if (b == NULL) __atomic_fetch_add(&h->threads_refused, 1, __ATOMIC_RELAXED);
  errno = why;
  return b == NULL ? NULL : introduce(b, pid, tid);
}

struct perun_block* perun_marks_share(struct perun_marks* m, pid_t pid, pid_t tid) {
  const uint64_t image = image_of_process();
  const uint32_t used = __atomic_load_n(&perun_header_of(m)->blocks_used, __ATOMIC_ACQUIRE);
  for (uint32_t i = 0; image != 0 && i < used && i < perun_blocks; ++i) {
    if (!perun_is_ready(m, i)) continue;
    struct perun_block* b = perun_block_of(m, i);
    if (b->pid != pid || b->tid != tid || b->image != image || b->state != perun_block_owned) continue;
    ++b->users;
    return b;
  }
  return NULL;
}

struct perun_block* perun_marks_adopt(struct perun_marks* m, pid_t pid, pid_t tid) {
  enum { looks = 200 };
  for (int look = 0; look < looks; ++look) {
    struct perun_block* busy = NULL;
    const uint32_t used = __atomic_load_n(&perun_header_of(m)->blocks_used, __ATOMIC_ACQUIRE);
    for (uint32_t i = 0; i < used && i < perun_blocks; ++i) {
      if (!perun_is_ready(m, i)) continue;
      struct perun_block* b = perun_block_of(m, i);
      if (b->pid != pid || b->tid != tid) continue;
      if (b->state == perun_block_parked && take_over(b, perun_block_parked)) return b;
      if (b->state == perun_block_owned || b->state == perun_block_parked) busy = b;
    }
    if (busy == NULL) break;
    if (look + 1 == looks) return busy;
    nanosleep(&(struct timespec){0, 1000000}, NULL);
  }
  return perun_marks_claim(m, pid, tid);
}

void perun_marks_park(struct perun_block* b) {
  __atomic_store_n(&b->state, perun_block_parked, __ATOMIC_RELEASE);
}

void perun_marks_leave(struct perun_block* b) {
  if (b->users > 1) {
    --b->users;
    return;
  }
  while (b->depth > 0) {
    ++b->unended;
    perun_marks_end(b, PERUN_ANY);
  }
  __atomic_store_n(&b->state, perun_block_left, __ATOMIC_RELEASE);
}

/* Marks. */
static uint32_t slot_of(struct perun_block* b, uint32_t name) {
  if (name == 0) return 0;
  uint32_t i = 1 + name % (perun_slots - 1);
  for (int n = 0; n < probes; ++n) {
    struct perun_slot* s = &b->slots[i];
    if (s->name == name + 1) return i;
    if (s->name == 0) {
      s->shortest_ns = UINT64_MAX;
      __atomic_store_n(&s->name, name + 1, __ATOMIC_RELEASE);
      return i;
    }
    if (++i == perun_slots) i = 1;
  }
  return 0;
}

static uint32_t on_stack(const struct perun_block* b) {
  return b->depth < perun_deepest ? b->depth : perun_deepest;
}

static struct perun_slot* slot_at(struct perun_block* b, uint32_t level) {
  return &b->slots[b->stack[level].slot & (perun_slots - 1)];
}

/* The time since the last mark belongs to the innermost region. */
static void pass_time(struct perun_block* b, uint64_t t_ns) {
  const uint32_t n = on_stack(b);
  if (n > 0) slot_at(b, n - 1)->exclusive_ns += t_ns - b->last_ns;
  b->last_ns = t_ns;
}

void perun_marks_begin(struct perun_block* b, uint32_t name) {
  const uint32_t slot = slot_of(b, name), depth = b->depth;
  const uint64_t t = now_ns();
  pass_time(b, t);
  b->depth = depth + 1;
  if (depth < perun_deepest) {
    struct perun_slot* s = &b->slots[slot];
    ++s->calls;
    if (s->open++ == 0) s->since_ns = t;
    b->stack[depth] = (struct perun_open_call){.begin_ns = t, .exclusive_ns = s->exclusive_ns, .name = name, .slot = slot};
  } else {
    ++b->too_deep;
  }
  put(b, t, name, perun_mark_begin);
}

/* The level of the innermost open call of `name`, or perun_deepest. */
static uint32_t find(const struct perun_block* b, uint32_t name) {
  uint32_t i = on_stack(b);
  while (i > 0) {
    --i;
    if (name == PERUN_ANY || b->stack[i].name == name) return i;
  }
  return perun_deepest;
}

static struct perun_open_call take_out(struct perun_block* b, uint32_t level) {
  const struct perun_open_call call = b->stack[level];
  const uint32_t n = on_stack(b);
  for (uint32_t i = level; i + 1 < n; ++i) b->stack[i] = b->stack[i + 1];
  --b->depth;
  return call;
}

void perun_marks_end(struct perun_block* b, uint32_t name) {
  const uint64_t t = now_ns();
  if (b->depth > perun_deepest) {
    --b->depth;
    put(b, t, name, perun_mark_end);
    return;
  }
  const uint32_t level = find(b, name);
  if (level == perun_deepest) {
    ++b->unmatched;
    if (b->depth > perun_deepest) b->depth = 0;
    return;
  }
  pass_time(b, t);
  struct perun_slot* s = slot_at(b, level);
  const struct perun_open_call call = take_out(b, level);
  const uint64_t took = t - call.begin_ns;
  if (took < s->shortest_ns) s->shortest_ns = took;
  if (took > s->longest_ns) s->longest_ns = took;
  if (s->open > 0 && --s->open == 0) s->inclusive_ns += t - s->since_ns;
  put(b, t, call.name, perun_mark_end);
}

void perun_marks_cancel(struct perun_block* b, uint32_t name) {
  const uint64_t t = now_ns();
  const uint32_t level = b->depth > perun_deepest ? perun_deepest : find(b, name);
  if (level == perun_deepest) {
    ++b->unmatched;
    return;
  }
  pass_time(b, t);
  struct perun_slot* s = slot_at(b, level);
  const struct perun_open_call call = take_out(b, level);
  const uint64_t own = s->exclusive_ns - call.exclusive_ns;
  s->exclusive_ns = call.exclusive_ns;
  if (level > 0) slot_at(b, level - 1)->exclusive_ns += own;
  --s->calls;
  if (s->open > 0) --s->open;
  put(b, t, call.name, perun_mark_cancel);
}

void perun_marks_moment(struct perun_block* b, uint32_t name) {
  put(b, now_ns(), name, perun_mark_moment);
}

void perun_marks_count(struct perun_block* b, uint32_t name, double n) {
  b->slots[slot_of(b, name)].sum += n;
  if (b->head - __atomic_load_n(&b->tail, __ATOMIC_ACQUIRE) > perun_ring - 2) {
    b->lost += 2;
    return;
  }
  uint64_t bits;
  memcpy(&bits, &n, sizeof bits);
  put(b, now_ns(), name, perun_mark_counter);
  put(b, bits, name, perun_mark_value);
}
