# SPDX-License-Identifier: BSD-3-Clause
"""`perun live` on a terminal of its own (a pty whose screen pyte draws), as text, and as lines of JSON."""

import fcntl
import json
import os
import pathlib
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
import unittest

import pyte

from harness import PERUN, PerunTest

SENSORS = "sim:square:20W:200W:1s:name=gpu:domain=gpu,sim:const:50W:name=pkg,proc"
PHASES = 'for i in 1 2 3 4; do "$PERUN_BIN" mark begin train; echo "epoch $i"; sleep 1; "$PERUN_BIN" mark end train; done\n'


class Terminal:
    """A program on a pty of so many columns and lines; `screen` is what a person would see."""

    def __init__(self, words, columns, lines, cwd, env):
        self.screen = pyte.Screen(columns, lines)
        self.stream = pyte.ByteStream(self.screen)
        self.fd, child = pty.openpty()
        self.size(columns, lines)
        self.process = subprocess.Popen(
            [str(w) for w in words], cwd=cwd, env=env, stdin=child, stdout=child, stderr=child, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(child)
        self.written = b""

    def size(self, columns, lines):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.screen.resize(lines, columns)

    def read(self, seconds):
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if not select.select([self.fd], [], [], left)[0]:
                return
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                return  # the other end is closed
            self.written += data
            self.stream.feed(data)

    def text(self):
        return "\n".join(line.rstrip() for line in self.screen.display)

    def until(self, pattern, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.read(0.1)
            if re.search(pattern, self.text()):
                return self.text()
        raise AssertionError(f"no {pattern!r} on\n{self.text()}")

    def press(self, keys):
        os.write(self.fd, keys.encode())

    def end(self, seconds=60):
        end = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < end:
            self.read(0.1)
        self.read(0.3)
        status = self.process.wait(timeout=5)
        os.close(self.fd)
        return status


class Live(PerunTest):
    def setUp(self):
        super().setUp()
        self.env.update(TERM="xterm-256color", PERUN_BIN=PERUN)
        self.program = self.file("train.sh", PHASES)

    def terminal(self, columns, lines, *words, env=None):
        return Terminal([PERUN, "live", *words], columns, lines, self.dir, env or self.env)

    def live_program(self, columns, lines, *words, env=None):
        return self.terminal(columns, lines, "--backends", SENSORS, "-f", "20", *words, "sh", self.program, env=env)

    def test_a_program_at_80x24(self):
        t = self.live_program(80, 24)
        seen = t.until(r"▸ train +[12] ")
        self.assertRegex(seen, r"(?m)^perun live  train  \S+  00:00:0\d  region: train +20 Hz$")
        self.assertRegex(seen, r"(?m)^Power [\d.]+ W   Energy [\d.]+ k?J   CO2e ")
        self.assertRegex(seen, r"(?m)^DEVICE +POWER +ENERGY$")
        self.assertRegex(seen, r"(?m)^pkg +(50\.\d+|49\.\d+) W ")
        self.assertRegex(seen, r"(?m)^OUTPUT\nepoch 1$")
        self.assertRegex(seen, r"\[q\]uit")
        t.press("u")
        self.assertRegex(t.until(r"Energy [\d.]+ m?Wh"), "Wh")
        t.press("g")
        t.until(r"1 x GPU")
        t.press("h")
        t.until(r"(?m)^Keys")
        t.press("h")
        t.until(r"DEVICE")
        t.size(60, 12)
        t.process.send_signal(signal.SIGWINCH)
        seen = t.until(r"(?m)^perun live .{40,}20 Hz$")
        self.assertIn("[q]uit", seen.splitlines()[11])
        self.assertEqual(t.end(), 0)
        after = t.written.decode()
        self.assertIn("epoch 4", after[after.rindex("\x1b[?1049l"):])  # printed on the screen that the user had before
        self.assertIn("perun: train  run 0", after)
        self.assertAlmostEqual(self.report("results/train.hdf5")["runs"][0]["power_mean_W"], 160, delta=30)
        self.assert_nothing_left()

    def test_60x12_in_ascii_without_colour(self):
        t = self.live_program(60, 12, env={**self.env, "LC_ALL": "C", "NO_COLOR": "1"})
        seen = t.until(r"> train")
        t.read(1)
        self.assertRegex(seen, r"(?m)^Power ")
        self.assertRegex(seen, r"(?m)^\|[ _.=*#-]+\|")
        self.assertTrue(all(b < 0x80 for b in t.written))
        self.assertNotRegex(t.written.decode(), r"\x1b\[[\d;]*3[0-7]m")
        t.press("q")
        self.assertEqual(t.end(), 0)

    def test_leaving_the_view_does_not_end_the_program(self):
        t = self.live_program(80, 24)
        t.until(r"epoch 1")
        t.press("q")
        self.assertEqual(t.end(), 0)
        self.assertIn("epoch 4", t.written.decode())

    def test_the_interrupt_key_is_the_programs(self):
        self.file("trap.sh", "trap 'echo caught; exit 7' INT; while :; do sleep 0.1; done\n")
        t = self.terminal(80, 24, "--backends", "sim:const:50W", "sh", "trap.sh")
        t.until(r"DEVICE")
        t.press("\x03")
        self.assertEqual(t.end(), 7)
        self.assertEqual(t.written.decode().count("caught"), 1)

    def test_this_machine(self):
        before = set(os.listdir("/tmp"))
        t = self.terminal(80, 24, "--backends", "sim:const:50W", "-f", "10")
        t.until(r"Power (50\.|49\.)")
        t.press("q")
        self.assertEqual(t.end(), 0)
        self.assertEqual([n for n in set(os.listdir("/tmp")) - before if n.startswith("perun-live")], [])
        self.assertEqual(os.listdir(self.dir), ["train.sh"])
        self.assert_nothing_left()

    def test_processes_marks_and_reports(self):
        """At both sizes: who works, what an hour takes, a mark that the report has, a report so far."""
        self.file("busy.sh", '"$PERUN_BIN" mark begin train\nwhile :; do :; done\n')
        for number, (columns, lines) in enumerate(((80, 24), (60, 12))):
            t = self.terminal(columns, lines, "--backends", SENSORS, "-f", "20", "sh", "busy.sh")
            seen = t.until(r"(?m)^sh +\d+ +[1-9]\d* % +[\d.]+ k?J$")
            self.assertRegex(seen, r"(?m)^PROCESS +PID +CPU +ENERGY\(share\)$")
            # On the low screen only where no process of perun mark takes its line for a moment.
            t.until(r"(?m)^forecast: [\d.]+ [kM]J  [\d.]+ k?g CO2e  [\d.]+ (ct|EUR) an hour$")
            self.assertIn("[m]ark [e]xport", seen.splitlines()[lines - 1])
            t.press("m")
            t.until(r"(?m)^marked: live mark 1$")
            t.press("m")
            t.until(r"(?m)^marked: live mark 2$")
            t.press("e")
            name = re.search(r"(?m)^written: (busy-\d+s\.json)$", t.until(r"(?m)^(written|not written): "))[1]
            so_far = json.loads((self.dir / name).read_text())["runs"][0]
            self.assertEqual(so_far["regions"]["regions"][0]["name"], "train")
            self.assertGreater(so_far["energy_J"], 0)
            t.process.send_signal(signal.SIGTERM)
            self.assertEqual(t.end(), 143)
            run = self.report("results/busy.hdf5")["runs"][number - 1]
            self.assertEqual(run["regions"]["marks"]["moments"], 2)
            self.assertGreater(run["energy_J"], so_far["energy_J"])
        self.assert_nothing_left()

    def test_a_report_that_cannot_be_written_is_told(self):
        self.file("sleeps.sh", "sleep 60\n")
        t = self.terminal(80, 24, "--backends", "sim:const:50W", "-f", "20", "--data_out", self.dir / "results", "sh", "sleeps.sh")
        t.until(r"forecast")
        for second in range(60):
            (self.dir / f"sleeps-{second}s.json").mkdir(exist_ok=True)
        t.press("e")
        self.assertRegex(t.until(r"(?m)^not written: .*sleeps-\d+s"), "not written")
        t.process.send_signal(signal.SIGTERM)
        self.assertEqual(t.end(), 143)

    def start(self, *words):
        run = subprocess.Popen([PERUN, "monitor", "--backends", SENSORS, "-f", "20", *words, "sh", self.program],
                               cwd=self.dir, env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(run.wait)
        until = time.monotonic() + 20
        while self.perun("report", "--running").returncode != 0 and time.monotonic() < until:
            time.sleep(0.1)
        return run

    def test_a_run_in_progress(self):
        run = self.start("--name", "other")
        once = self.perun("live", "--run", "--once")
        self.assertEqual(once.returncode, 0, once.stderr)
        self.assertRegex(once.stdout.decode(), r"(?m)^perun live  other  ")
        self.assertNotIn("\x1b", once.stdout.decode())
        self.assertTrue(all(line.strip() for line in once.stdout.decode().splitlines()), once.stdout.decode())
        line = json.loads(self.perun("live", "--run", "--once", "--json").stdout)
        self.assertEqual(line["schema"], "perun-live/1")
        lines = self.perun("live", "--run", line["run"][:18], "--json").stdout.decode().splitlines()  # up to its end
        last = json.loads(lines[-1])
        run.wait()
        self.assertTrue(last["over"])
        truth = self.report("results/other.hdf5")["runs"][0]
        self.assertAlmostEqual(last["energy_J"] / truth["energy_J"], 1, delta=0.03)
        train = truth["regions"]["regions"][0] if isinstance(truth["regions"], dict) else truth["regions"][0]
        self.assertAlmostEqual(last["regions"][0]["wall_s"] / train["wall_s"], 1, delta=0.05)
        self.assertEqual(last["regions"][0]["calls"], 4)

    def test_what_cannot_be(self):
        for words, status, what in ((["--run", "--once"], 1, "no run is in progress"), (["--run", "x", "y"], 2, "one ID"),
                                    (["--once", "true"], 2, "--once looks at"), (["true"], 2, "needs a terminal")):
            done = self.perun("live", *words)
            self.assertEqual(done.returncode, status, done.stderr)
            self.assertIn(what, done.stderr.decode())
        t = Terminal([PERUN, "live", "true"], 80, 24, self.dir, {**self.env, "TERM": "nonsense"})
        self.assertEqual(t.end(), 1)
        self.assertIn("is not known", t.written.decode())

    def test_its_program_fails_to_start_or_prints_a_lot(self):
        t = self.terminal(80, 24, "nothing-like-this")
        self.assertEqual(t.end(), 127)
        self.assertIn("nothing-like-this", t.written.decode())
        self.file("much.sh", "seq 1 30000; exit 5\n")
        t = self.terminal(80, 24, "--backends", "sim:const:50W", "sh", "much.sh")
        self.assertEqual(t.end(120), 5)
        self.assertIn("29999\r\n30000\r\n", t.written.decode())

    def test_a_line_of_progress_where_the_terminal_is_nobody_elses(self):
        words = f"{PERUN} monitor --backends sim:const:50W -f 10 sh -c 'echo out; echo err >&2; sleep 3.5'"
        for where, progress in ((">out 2>err", True), (">out", False), ("2>err", False)):
            env = {k: v for k, v in self.env.items() if k != "CI"}
            t = Terminal(["sh", "-c", f"exec {words} {where}"], 80, 24, self.dir, env)
            self.assertEqual(t.end(), 0)
            seen = t.written.decode()
            self.assertEqual("perun: sh  00:00:0" in seen, progress, (where, seen))
            if progress:
                self.assertRegex(seen, r"perun: sh  00:00:0[123]  (49|50)\.\d+ W  \d+\.\d+ J  [\d.]+ mg CO2e")
                self.assertTrue(seen.endswith("\r\x1b[K"))
                self.assertEqual(t.text().strip(), "")
                self.assertEqual((self.dir / "out").read_text(), "out\n")
                self.assertTrue((self.dir / "err").read_text().startswith("err\nperun: sh  run"))
        quiet = Terminal(["sh", "-c", f"exec {words.replace('monitor', 'monitor -q')} >out 2>err"], 80, 24, self.dir, self.env)
        self.assertEqual(quiet.end(), 0)
        self.assertEqual(quiet.written, b"")
        self.assert_nothing_left()

    def test_costs_next_to_nothing(self):
        """Below 0.5 % of a core for a view at 80x24 that follows 20 sensors at 100 Hz."""
        sensors = ",".join(f"sim:sine:20W:200W:{i + 1}s:name=s{i}" for i in range(20))
        run = subprocess.Popen([PERUN, "monitor", "--backends", sensors, "-f", "100", "sleep", "40"], cwd=self.dir, env=self.env,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(1.5)
        t = self.terminal(80, 24, "--run")
        t.until(r"s19|more")
        took = pathlib.Path(f"/proc/{t.process.pid}/schedstat")
        self.addCleanup(run.wait)
        self.addCleanup(run.terminate)
        before, begin = int(took.read_text().split()[0]), time.monotonic()
        t.read(10)
        share = (int(took.read_text().split()[0]) - before) * 1e-9 / (time.monotonic() - begin)
        self.assertIsNone(run.poll(), "all the while there was something to see")
        t.press("q")
        t.end()
        print(f"the view took {100 * share:.2f} % of a core")
        self.assertLess(share, 0.005)


if __name__ == "__main__":
    unittest.main()
