/* SPDX-License-Identifier: BSD-3-Clause */
/* What a measured program and its agent say to each other over PERUN_SOCK: a SOCK_SEQPACKET socket, one packet each. */
#ifndef PERUN_REGIONS_AGENT_SOCKET_H
#define PERUN_REGIONS_AGENT_SOCKET_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum perun_request_type {
  perun_request_attached = 1, /* there will be marks: no answer */
  perun_request_energy = 2,   /* read now: the answer is a struct perun_energy */
  perun_request_between = 3   /* read now: the answer is a struct perun_energy of from_ns to to_ns */
};

struct perun_request {
  uint32_t version; /* 1 */
  uint32_t type;
  int64_t from_ns, to_ns; /* CLOCK_MONOTONIC */
};

/* Where the agent listens; NULL: nowhere. */
void perun_socket_set(const char* path);

/* Tells the agent that this process marks. Never waits, never fails. */
void perun_socket_announce(void);

#ifdef __cplusplus
}
#endif
#endif
