/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The marks file, version 1, and its writer. Programs write, the agent reads; docs/format.md ("Marks") has the same layout in
 * words, for other languages. All numbers are of the machine's own byte order; every field stands at a multiple of its size.
 *
 *   header   4096 bytes            struct perun_marks_header
 *   index    names hashed          perun_index_size x uint64: hash << 32 | id; 0: free
 *   entries  names by id           perun_names x struct perun_name
 *   text     the names' bytes      perun_text bytes
 *   blocks   one per thread        perun_blocks x struct perun_block
 *
 * A block has one writer at a time. The file is sparse: whoever first uses a part makes sure beforehand that the memory is
 * there, since a full /dev/shm would otherwise end the program with SIGBUS.
 */
#ifndef PERUN_REGIONS_MARKS_H
#define PERUN_REGIONS_MARKS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PERUN_MARKS_MAGIC 0x314b524d4e525550ULL /* "PURNMRK1" */
enum {
  perun_marks_version = 1,
  perun_header_size = 4096,
  perun_index_size = 32768,
  perun_names = 16384,
  perun_text = 1 << 20,
  perun_blocks = 512,
  perun_longest_name = 240, /* before "~" and 8 hexadecimal digits */
  perun_deepest = 128,
  perun_slots = 256,
  perun_ring = 8192
};

struct perun_marks_header {
  uint64_t magic;
  uint32_t version;
  uint32_t header_size, index_size, names, text, blocks, block_size; /* as above: a reader of another build compares */
  uint32_t reserved;
  uint32_t attached;           /* processes that attached and marked */
  uint32_t names_used;         /* ids handed out; may run beyond `names` */
  uint32_t text_used;          /* bytes handed out; likewise */
  uint32_t blocks_used;        /* blocks that were ever used */
  uint64_t names_refused;      /* marks whose name found no room; they are counted under id 0 */
  uint64_t threads_refused;    /* marks of threads that found no block or no memory */
  uint8_t ready[perun_blocks]; /* 1: the block has memory and may be looked at */
};

struct perun_name {
  uint32_t offset; /* in text */
  uint32_t size;   /* length + 1; 0: not there yet */
};

/* What a record says. `counter` is followed by a `value` whose t_ns holds the bits of a double. */
enum perun_mark_kind {
  perun_mark_begin = 1,
  perun_mark_end = 2,
  perun_mark_cancel = 3,
  perun_mark_moment = 4,
  perun_mark_counter = 5,
  perun_mark_value = 6,
  perun_mark_thread = 7 /* the block has a new owner: t_ns holds pid << 32 | tid */
};

struct perun_record {
  uint64_t t_ns; /* CLOCK_MONOTONIC */
  uint32_t name;
  uint32_t kind;
};

struct perun_open_call {
  uint64_t begin_ns;
  uint64_t exclusive_ns; /* of its slot before */
  uint32_t name, slot;
};

/* One name in one thread, summed up. */
struct perun_slot {
  uint64_t calls;
  uint64_t inclusive_ns;            /* time with at least one call open */
  uint64_t exclusive_ns;            /* time as the innermost */
  uint64_t since_ns;                /* when the outermost open call began */
  uint64_t shortest_ns, longest_ns; /* of finished calls */
  double sum;                       /* of perun_count */
  uint32_t name;                    /* id + 1; 0: free */
  uint32_t open;                    /* calls open */
};

enum perun_block_state { perun_block_free = 0, perun_block_owned = 1, perun_block_left = 2, perun_block_parked = 3 };

struct perun_block {
  /* the writer's */
  uint32_t state; /* enum perun_block_state */
  int32_t pid, tid;
  uint32_t depth;     /* calls open; only the first perun_deepest are on the stack */
  uint64_t head;      /* records written since ever */
  uint64_t lost;      /* records that found the ring full */
  uint64_t last_ns;   /* of the last mark: up to there exclusive times are summed */
  uint64_t too_deep;  /* calls beyond perun_deepest; they are in the ring, not in the slots */
  uint64_t unmatched; /* ends without a begin */
  uint64_t unended;   /* calls that were open when their thread ended */
  /* the reader's */
  uint64_t tail; /* records read since ever */
  /* the writer's: a process may hold several libperuns (linked, in Python's module, preloaded), which share a thread's block */
  uint64_t image; /* of the process that claimed it, random; 0: not to be shared */
  uint32_t users; /* libperuns that write here */
  uint8_t padding[172];
  struct perun_open_call stack[perun_deepest];
  struct perun_slot
      slots[perun_slots]; /* name at 1 + name % (perun_slots - 1) or behind; [0] is name 0 and what found no room near */
  uint8_t padding2[768];
  struct perun_record ring[perun_ring]; /* record i at i % perun_ring */
};

enum {
  perun_index_at = perun_header_size,
  perun_entries_at = perun_index_at + perun_index_size * 8,
  perun_text_at = perun_entries_at + perun_names * 8,
  perun_blocks_at = perun_text_at + perun_text
};
#define PERUN_MARKS_SIZE (perun_blocks_at + perun_blocks * sizeof(struct perun_block))

/* A mapped marks file. */
struct perun_marks {
  char* base; /* NULL: none */
  char path[256];
};

#ifdef __cplusplus
#define PERUN_PART(type, at) (reinterpret_cast<type*>(at))
#else
#define PERUN_PART(type, at) ((type*)(void*)(at))
#endif
static inline struct perun_marks_header* perun_header_of(const struct perun_marks* m) {
  return PERUN_PART(struct perun_marks_header, m->base);
}
static inline uint64_t* perun_index_of(const struct perun_marks* m) {
  return PERUN_PART(uint64_t, m->base + perun_index_at);
}
static inline struct perun_name* perun_entries_of(const struct perun_marks* m) {
  return PERUN_PART(struct perun_name, m->base + perun_entries_at);
}
static inline char* perun_text_of(const struct perun_marks* m) {
  return m->base + perun_text_at;
}
static inline struct perun_block* perun_block_of(const struct perun_marks* m, uint32_t i) {
  return PERUN_PART(struct perun_block, m->base + perun_blocks_at + i * sizeof(struct perun_block));
}

static inline int perun_is_ready(const struct perun_marks* m, uint32_t i) {
  return __atomic_load_n(&perun_header_of(m)->ready[i % perun_blocks], __ATOMIC_ACQUIRE) == 1;
}

/* Makes an empty marks file, readable and writable by its owner only. 0, or -1 with errno. */
int perun_marks_create(const char* path);

/* Maps a marks file. 0, or -1 with errno; EPROTO: not of this version, or too short. _map also makes sure that there is memory
 * for all but the blocks: for writers. */
int perun_marks_open(struct perun_marks* marks, const char* path);
int perun_marks_map(struct perun_marks* marks, const char* path);
void perun_marks_unmap(struct perun_marks* marks);

/* The id of a name; 0 for one that finds no room. */
uint32_t perun_marks_name(struct perun_marks* marks, const char* name, size_t length);

/* A block for this thread to write, or NULL. */
struct perun_block* perun_marks_claim(struct perun_marks* marks, pid_t pid, pid_t tid);

/* The block that another libperun of this process claimed for this thread, which both then write: a thread has one stack of
 * regions, whoever marks. NULL: there is none. Each user leaves it once. */
struct perun_block* perun_marks_share(struct perun_marks* marks, pid_t pid, pid_t tid);

/* The block that was parked under these numbers, with its open calls; else a new one. One that is in use is waited for, 0.2 s
 * at most: who used it may have been killed. */
struct perun_block* perun_marks_adopt(struct perun_marks* marks, pid_t pid, pid_t tid);
void perun_marks_park(struct perun_block* block);

/* Ends what is open and leaves the block to others; while others use it too, only forgets one user. */
void perun_marks_leave(struct perun_block* block);

/* The marks themselves. `name` is an id; perun_any: the innermost open call's. */
#define PERUN_ANY 0xffffffffu
void perun_marks_begin(struct perun_block* block, uint32_t name);
void perun_marks_end(struct perun_block* block, uint32_t name);
void perun_marks_cancel(struct perun_block* block, uint32_t name);
void perun_marks_moment(struct perun_block* block, uint32_t name);
void perun_marks_count(struct perun_block* block, uint32_t name, double n);

#ifdef __cplusplus
}
#endif
#endif
