# SPDX-License-Identifier: BSD-3-Clause
"""bench/gpu_logs on a log made up: a meter of known energy, and a GPU that tells 95 % of it and 2 W more."""

import os
import subprocess
import unittest

from harness import PerunTest

BEGIN = 1700000000000  # ms
LENGTH = 8000


def watts(ms):
    """60 W, from the second to the sixth second 250 W."""
    return 250 if 2000 <= ms < 6000 else 60


class GpuLogsTest(PerunTest):
    def log(self, name, header, columns):
        (self.dir / name).mkdir()
        meter = "".join(f"{BEGIN + ms},{watts(ms)}.00\n" for ms in range(LENGTH))
        self.file(f"{name}/pmd_1khz.csv", "t_ms_epoch,power_w\n" + meter)
        rows = []
        for ms in range(-200, LENGTH + 200, 10):  # read every 10 ms, renewed every 100
            seen = ms // 100 * 100
            rows.append(f"{BEGIN + ms},0,P0,50,1000," + ",".join(f"{column(seen):.2f}" for column in columns))
        self.file(f"{name}/nvsmi.csv", header + "\n" + "\n".join(rows) + "\n")
        return str(self.dir / name)

    def figures(self, *folders):
        done = subprocess.run([os.environ["PERUN_GPU_LOGS"], *folders], capture_output=True, text=True, timeout=60, check=True)
        return [[cell.strip() for cell in line.split("|")[1:-1]] for line in done.stdout.splitlines()[2:]]

    def test_gain_and_offset_of_a_board_are_what_is_told(self):
        head = "t_ms_epoch,utilization.gpu,pstate,temperature.gpu,clocks.current.sm,power.draw"
        told = lambda w: 0.95 * w + 2
        mean = lambda ms: sum(told(watts(t)) for t in range(ms - 1000, ms, 10)) / 100
        moment = self.log("moment", head, [lambda ms: told(watts(ms))])
        both = self.log("both", head + ",power.draw.average,power.draw.instant", [mean, mean, lambda ms: told(watts(ms))])
        rows = self.figures(moment, both)
        truth = 60 * 4 + 250 * 4
        expected = 0.95 * truth + 2 * 8
        self.assertEqual([r[1] for r in rows], ["power.draw", "power.draw", "power.draw.average", "power.draw.instant"])
        for row in rows:
            self.assertAlmostEqual(float(row[3]), truth, delta=1, msg=row)
            joules, plus_minus = (float(x) for x in row[5].split("+-"))
            self.assertAlmostEqual(joules, expected, delta=0.02 * truth, msg=row)
            self.assertLessEqual(abs(joules - expected), plus_minus, row)
            self.assertEqual(row[7], "yes", row)

    def test_a_folder_without_a_log_is_told(self):
        done = subprocess.run([os.environ["PERUN_GPU_LOGS"], str(self.dir)], capture_output=True, text=True, timeout=60)
        self.assertIn("no nvsmi.csv", done.stderr)


if __name__ == "__main__":
    unittest.main()
