/* SPDX-License-Identifier: BSD-3-Clause */
#define _GNU_SOURCE
#include "regions/agent_socket.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "perun/perun.h"

enum { patience_ms = 2000 };

static struct sockaddr_un agent; /* sun_family 0: none */

void perun_socket_set(const char* path) {
  memset(&agent, 0, sizeof agent);
  if (path == NULL || *path == '\0' || strlen(path) >= sizeof agent.sun_path) return;
  strcpy(agent.sun_path, path);
  agent.sun_family = AF_UNIX;
}

/* A socket connected to the agent that has got the request, or -1. */
static int ask(struct perun_request request) {
  if (agent.sun_family == 0) return errno = ENOTCONN, -1;
  const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  request.version = 1;
  if (connect(fd, (const struct sockaddr*)&agent, sizeof agent) == 0 &&
      send(fd, &request, sizeof request, MSG_NOSIGNAL) == (ssize_t)sizeof request)
    return fd;
  close(fd);
  return errno = ENOTCONN, -1;
}

void perun_socket_announce(void) {
  const int fd = ask((struct perun_request){.type = perun_request_attached});
  if (fd >= 0) close(fd);
}

static int64_t now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int energy_of(struct perun_request request, struct perun_energy* energy) {
  memset(energy, 0, sizeof *energy);
  energy->kind = PERUN_UNAVAILABLE;
  const int fd = ask(request);
  if (fd < 0) return -1;
  const int64_t until_ms = now_ms() + patience_ms;
  int why = ETIMEDOUT;
  for (int64_t left = patience_ms; left > 0; left = until_ms - now_ms()) {
    struct pollfd ready = {fd, POLLIN, 0};
    if (poll(&ready, 1, (int)left) <= 0) continue;
    const ssize_t n = recv(fd, energy, sizeof *energy, 0);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    why = n == (ssize_t)sizeof *energy ? 0 : ENOTCONN;
    break;
  }
  close(fd);
  if (energy->devices > PERUN_MOST_DEVICES) energy->devices = PERUN_MOST_DEVICES;
  if (why == 0) return 0;
  memset(energy, 0, sizeof *energy);
  energy->kind = PERUN_UNAVAILABLE;
  return errno = why, -1;
}

int perun_read(struct perun_energy* energy) {
  return energy_of((struct perun_request){.type = perun_request_energy}, energy);
}

int perun_read_between(int64_t from_ns, int64_t to_ns, struct perun_energy* energy) {
  return energy_of((struct perun_request){.type = perun_request_between, .from_ns = from_ns, .to_ns = to_ns}, energy);
}
