/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * perun: mark what a program is doing, and ask what it used.
 *
 * Under `perun monitor` each call writes a few bytes into memory that perun reads: no system call and no allocation, but for
 * the first call of a thread. Without perun a call does nothing and costs a load and a branch. Nothing here fails, waits or
 * prints; whatever does not fit is counted and told in the report.
 *
 * Regions nest, recur and may overlap; each thread has its own. All functions may be called from any thread, at any time,
 * also in forked children; not from signal handlers. Names are bytes, best UTF-8; beyond 240 bytes they are cut and end in
 * "~" and eight digits that keep them apart.
 *
 * This interface only grows: what is compiled against it works with every later libperun of the same major version.
 */
#ifndef PERUN_H
#define PERUN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PERUN_API __attribute__((visibility("default")))

/* 1 while marks reach a perun, else 0. */
PERUN_API int perun_active(void);

/* Opens and closes a call of the region `name`. perun_end closes the innermost open call of that name in this thread; NULL: of
 * any name. An end without a begin is counted. A region that a thread leaves open ends with the thread. */
PERUN_API void perun_begin(const char* name);
PERUN_API void perun_end(const char* name);

/* Forgets the innermost open call of `name` (NULL: of any): it is not counted, and its energy goes to what surrounds it. */
PERUN_API void perun_cancel(const char* name);

/* A moment worth finding again. */
PERUN_API void perun_mark(const char* text);

/* Adds to a counter: perun_count("tokens", 128) lets the report tell joules per token. */
PERUN_API void perun_count(const char* name, double n);

/* The quick way: look the name up once, then enter and leave by number. Numbers belong to what the process is attached to;
 * 0 is no region, and what perun_region_id returns without perun. `_n`: the name need not end in a zero byte. */
typedef uint32_t perun_region;
PERUN_API perun_region perun_region_id(const char* name);
PERUN_API perun_region perun_region_id_n(const char* name, size_t length);
PERUN_API void perun_enter(perun_region region);
PERUN_API void perun_leave(perun_region region);
PERUN_API void perun_forget(perun_region region);         /* as perun_cancel */
PERUN_API void perun_note(perun_region text);             /* as perun_mark */
PERUN_API void perun_add(perun_region counter, double n); /* as perun_count */

/* Under perun a process is attached when it starts. These are for programs that start a perun of their own: `marks` is a
 * marks file, `sock` the agent's socket or NULL. 0, or -1 with errno (EPROTO: not a marks file of this version). Detach only
 * when no other thread is inside a call; marks after it do nothing. */
PERUN_API int perun_attach(const char* marks, const char* sock);
PERUN_API void perun_detach(void);

enum perun_kind { PERUN_MEASURED = 0, PERUN_ESTIMATED = 1, PERUN_UNAVAILABLE = 2, PERUN_MIXED = 3 };

#define PERUN_MOST_DEVICES 64

struct perun_device {
  char id[56];      /* as in reports: "rapl:package-0" */
  double energy_J;  /* since the run's begin */
  uint32_t kind;    /* enum perun_kind */
  uint32_t counted; /* 1: part of the total */
};

/* What the run has used so far on this node. */
struct perun_energy {
  int64_t t_ns;         /* CLOCK_MONOTONIC of the reading */
  int64_t begin_ns;     /* and of the run's begin */
  double energy_J;      /* of the counted devices, each joule once; 0 when kind is PERUN_UNAVAILABLE */
  double uncertainty_J; /* 95 %, half width, of a difference of two readings */
  uint32_t kind;        /* enum perun_kind */
  uint32_t devices;     /* used entries of device[] */
  struct perun_device device[PERUN_MOST_DEVICES];
};

/* Has every quick sensor read now; takes some 50 us and at most 3 ms more where a counter's next step is waited for. 0, or -1
 * with errno: ENOTCONN not under perun, ETIMEDOUT no answer within 2 s. The energy of a stretch is the difference of two
 * readings. */
PERUN_API int perun_read(struct perun_energy* energy);

/* The same of a stretch of time, CLOCK_MONOTONIC up to now: of a region that is over, or so far. Energies are those of the
 * stretch, begin_ns and t_ns its ends. Best asked soon: the agent remembers the last 4,000 readings of each meter, and what
 * was before ever more coarsely, which uncertainty_J tells. */
PERUN_API int perun_read_between(int64_t from_ns, int64_t to_ns, struct perun_energy* energy);

#ifdef __cplusplus
}
#endif
#endif
