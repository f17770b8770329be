#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""By how much sources that are slow to start hold up the start of the program: a made-up NVML that takes 2 s, a management
controller that takes 1 s for each answer, a sensor of one's own whose first value takes 1 s. In pairs with a run without
such a source, in random order; median and 95 % interval (of order statistics) of the differences.

PERUN_BIN and PERUN_FAKE_NVML; late_start.py [PAIRS], 20 if nothing is said. Exit status 1 when a median exceeds 10 ms.
"""

import http.server
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time

PERUN, NVML = os.environ["PERUN_BIN"], os.environ["PERUN_FAKE_NVML"]
MOST_MS = 10.0
SERVICE = {"/redfish/v1/Chassis": {"Members": [{"@odata.id": "/redfish/v1/Chassis/1"}]},
           "/redfish/v1/Chassis/1": {"EnvironmentMetrics": {"@odata.id": "/metrics"}},
           "/metrics": {"PowerWatts": {"Reading": 374}}}


class SlowBmc(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        time.sleep(1)
        body = json.dumps(SERVICE.get(self.path, {})).encode()
        self.send_response(200 if self.path in SERVICE else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            pass

    def log_message(self, *_):
        pass


def start_ms(folder, words, env):
    """From perun's own start to the program's."""
    before = time.time_ns()
    done = subprocess.run([PERUN, "monitor", "-q", *words, "--", "date", "+%s%N"], cwd=folder, env=env, check=True,
                          stdin=subprocess.DEVNULL, capture_output=True)
    return (int(done.stdout) - before) / 1e6


def main():
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), SlowBmc)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    ok = True
    with tempfile.TemporaryDirectory() as folder:
        library = pathlib.Path(folder) / "lib"
        library.mkdir()
        (library / "libnvidia-ml.so.1").symlink_to(NVML)
        script = pathlib.Path(folder) / "fake_nvml"
        script.write_text("driver 550.54.14\nstart 2\ngpu uuid=GPU-a watts=300\n")
        env = os.environ | {"HOME": folder, "XDG_STATE_HOME": folder}
        nvidia = env | {"LD_LIBRARY_PATH": str(library), "FAKE_NVML": str(script)}
        base = ["--backends", "sim:const:10W", "--no-estimate"]
        for what, words, there in (
                ("NVML that starts in 2 s", ["--backends", "sim:const:10W,nvml", "--no-estimate"], nvidia),
                ("Redfish, 1 s an answer", [*base, "--sensor", f"redfish:http://127.0.0.1:{server.server_address[1]}"], env),
                ("a program's first value after 1 s", [*base, "--sensor", "exec:sleep 1; echo 5"], env)):
            differences = []
            for _ in range(pairs):
                first = random.random() < 0.5
                a = start_ms(folder, *((words, there) if first else (base, env)))
                b = start_ms(folder, *((base, env) if first else (words, there)))
                differences.append(a - b if first else b - a)
            differences.sort()
            rank = max(0, round(pairs / 2 - 0.98 * pairs ** 0.5) - 1)
            middle = statistics.median(differences)
            ok = ok and middle <= MOST_MS
            print(f"start of the program with {what}, {pairs} pairs: {middle:+.2f} ms ({differences[rank]:+.2f} .. "
                  f"{differences[-1 - rank]:+.2f}; at most {MOST_MS:g})", flush=True)
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
