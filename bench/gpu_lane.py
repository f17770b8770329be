# SPDX-License-Identifier: BSD-3-Clause
"""What 16 GPUs cost the sampling process at 10 Hz, against none, and what their blocking calls cost the other sensors: the
library is a made-up one that answers from memory (tests/support/fake/nvml.cpp)."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

PERUN = os.environ["PERUN_BIN"]
SECONDS = int(os.environ.get("PERUN_GPU_LANE_SECONDS", "20"))
MOST_PERCENT = 1.0  # of a core, for 144 values ten times a second


def node(folder, gpus, delay_s=0.0):
    lines = [f"gpu name=NVIDIA_A100-SXM4-40GB arch=7 uuid=GPU-{i:08x}-0 watts=100 delay={delay_s}\n" for i in range(gpus)]
    (folder / "fake").write_text("driver 550.54.14\n" + "".join(lines))
    env = {**os.environ, "LD_LIBRARY_PATH": str(folder / "lib"), "FAKE_NVML": str(folder / "fake"), "FAKE_NVML_ONCE": "1"}
    words = ["monitor", "--data_out", str(folder / "out"), "--backends", "nvml,sim:const:100W" if gpus else "sim:const:100W"]
    words += ["--frequency", "10", "-f", "json", "-o", "-", "--", "sleep", str(SECONDS)]
    done = subprocess.run([PERUN, *words], env=env, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)["runs"][0]["nodes"][0]


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "lib").mkdir()
        (folder / "lib/libnvidia-ml.so.1").symlink_to(os.environ["PERUN_FAKE_NVML"])
        rows = [("no GPU", node(folder, 0)), ("16 GPUs", node(folder, 16)), ("16 GPUs, 30 ms a call", node(folder, 16, 0.03))]
    costs = {}
    for what, n in rows:
        costs[what] = 100 * n["quality"]["agent_cpu_s"] / n["duration_s"]
        sampling = n["quality"]
        print(f"{what:22} {costs[what]:.3f} % of a core, {sampling['late']} of {sampling['ticks'] + sampling['late']} ticks late")
    if costs["16 GPUs"] - costs["no GPU"] > MOST_PERCENT:
        sys.exit(f"16 GPUs cost more than {MOST_PERCENT} % of a core")


if __name__ == "__main__":
    main()
