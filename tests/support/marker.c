/* SPDX-License-Identifier: BSD-3-Clause */
/* Marks as its arguments say, one after the other: b:NAME begin, e:NAME end, m:TEXT, c:NAME=N, s:MS sleep, w:MS spin,
 * hot:N calls of "hot" as fast as it goes, threads:N the rest in N threads, fork the rest in a child too, read prints the
 * energy so far, segv, exit. */
#define _GNU_SOURCE
#include <perun/perun.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static void* run(void* arguments);

static void in_threads(char** rest, int n) {
  pthread_t threads[64];
  for (int i = 0; i < n && i < 64; ++i) pthread_create(&threads[i], NULL, run, rest);
  for (int i = 0; i < n && i < 64; ++i) pthread_join(threads[i], NULL);
}

static void print_energy(void) {
  struct perun_energy e;
  if (perun_read(&e) != 0)
    perror("perun_read");
  else
    printf("%.6f J +- %.6f after %.6f s, kind %u, %s %.6f J\n", e.energy_J, e.uncertainty_J,
           (double)(e.t_ns - e.begin_ns) * 1e-9, e.kind, e.device[0].id, e.device[0].energy_J);
  fflush(stdout);
}

static void hot(long n) {
  const perun_region region = perun_region_id("hot");
  for (long i = 0; i < n; ++i) {
    perun_enter(region);
    perun_leave(region);
  }
}

static void* run(void* arguments) {
  for (char** a = arguments; *a != NULL; ++a) {
    char* value = strchr(*a, ':');
    value = value == NULL ? *a + strlen(*a) : value + 1;
    if (strncmp(*a, "threads:", 8) == 0) return in_threads(a + 1, atoi(value)), NULL;
    if (strcmp(*a, "fork") == 0) {
      if (fork() == 0) run(a + 1), _exit(0);
      run(a + 1);
      while (wait(NULL) > 0) {
      }
      return NULL;
    }
    if (strcmp(*a, "read") == 0)
      print_energy();
    else if (strcmp(*a, "segv") == 0)
      raise(SIGSEGV);
    else if (strcmp(*a, "exit") == 0)
      _exit(3);
    else if (strncmp(*a, "hot:", 4) == 0)
      hot(atol(value));
    else if (**a == 'b')
      perun_begin(value);
    else if (**a == 'e')
      perun_end(*value == '\0' ? NULL : value);
    else if (**a == 'm')
      perun_mark(value);
    else if (**a == 's')
      usleep((useconds_t)atoi(value) * 1000);
    else if (**a == 'w')
      for (const double end = now_ms() + atof(value); now_ms() < end;) {
      }
    else if (**a == 'c') {
      char* number = strchr(value, '=');
      *number = '\0';
      perun_count(value, atof(number + 1));
      *number = '=';
    }
  }
  return NULL;
}

int main(int argc, char** argv) {
  (void)argc;
  run(argv + 1);
  return 0;
}
