/* SPDX-License-Identifier: BSD-3-Clause */
#include <perun/perun.h>
#include <unistd.h>

static void rest(int ms) {
  usleep((useconds_t)ms * 1000);
}

int main(void) {
  perun_begin("setup");
  rest(100);
  perun_end("setup");
  for (int i = 0; i < 3; ++i) {
    perun_begin("step");
    rest(50);
    perun_begin("solve");
    rest(100);
    perun_end("solve");
    perun_end("step");
    perun_count("cells", 1000);
  }
  perun_mark("done");
  return 0;
}
