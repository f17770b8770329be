# SPDX-License-Identifier: BSD-3-Clause
"""Counters of energy that follow a known curve, as RAPL shows them."""

import os
import pathlib
import subprocess
import time

COUNTERFS = os.environ["PERUN_COUNTERFS"]


def machine(test, curve, *extra):
    """Starts a machine of that curve, for as long as the test takes, and returns the folder that stands in for /sys."""
    mount = pathlib.Path(test.dir / "sys")
    mount.mkdir()
    # A user who may not mount gets plain files that are written each millisecond.
    plain = [] if os.access("/dev/fuse", os.R_OK | os.W_OK) else ["--plain"]
    server = subprocess.Popen([COUNTERFS, *plain, str(mount), curve, *map(str, extra)], stderr=subprocess.DEVNULL)

    def stop():
        server.terminate()
        server.wait(10)
    test.addCleanup(stop)
    zone = mount / "class/powercap/intel-rapl:0/name"
    end = time.monotonic() + 10
    while not zone.exists() and time.monotonic() < end:
        time.sleep(0.01)
    test.assertTrue(zone.exists(), "the machine did not come up")
    return mount
