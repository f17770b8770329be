# SPDX-License-Identifier: BSD-3-Clause
"""The same in Python."""

import time

import perun

perun.begin("setup")
time.sleep(0.1)
perun.end("setup")
for step in range(3):
    with perun.region("step"):
        time.sleep(0.05)
        with perun.region("solve"):
            time.sleep(0.1)
            perun.count(cells=1000)
perun.mark("done")
