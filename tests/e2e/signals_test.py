# SPDX-License-Identifier: BSD-3-Clause
"""Signals reach the program exactly once, and the terminal works as without perun."""

import os
import pty
import select
import signal
import subprocess
import time
import unittest

from harness import PERUN, PYTHON, PerunTest

COUNT = """
import signal, sys, time
seen = {}
def take(number, frame):
    seen[number] = seen.get(number, 0) + 1
for number in (1, 2, 3, 10, 12, 15, 18, 20, 28, 34):
    signal.signal(number, take)
print('ready', flush=True)
end = time.monotonic() + 1.0
while time.monotonic() < end:
    time.sleep(0.05)
print(sorted(seen.items()), flush=True)
sys.exit(9)
"""


def read_until(fd, text, seconds=10):
    """What a pty gives until `text` appears in it."""
    got = b""
    end = time.monotonic() + seconds
    while text not in got and time.monotonic() < end:
        if select.select([fd], [], [], 0.1)[0]:
            try:
                got += os.read(fd, 4096)
            except OSError:
                break
    return got


class Signals(PerunTest):
    def start(self, **kw):
        script = self.file("count.py", COUNT)
        program = subprocess.Popen([PERUN, "monitor", "-q", PYTHON, str(script)], cwd=self.dir, env=self.env, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, start_new_session=True, **kw)
        self.assertEqual(program.stdout.readline(), b"ready\n")
        return program

    def finish(self, program):
        out, err = program.communicate(timeout=20)
        self.assertEqual(program.returncode, 9, err)
        return out.decode().strip()

    def test_a_signal_to_perun_alone_reaches_the_program_once(self):
        for number in (1, 2, 3, 10, 12, 15, 28, 34):
            with self.subTest(signal=number):
                program = self.start()
                os.kill(program.pid, number)
                self.assertEqual(self.finish(program), f"[({number}, 1)]")

    def test_a_signal_to_the_group_reaches_the_program_once(self):
        for number in (1, 2, 3, 10, 12, 15, 28, 34):
            with self.subTest(signal=number):
                program = self.start()
                os.killpg(program.pid, number)
                self.assertEqual(self.finish(program), f"[({number}, 1)]")

    def test_two_signals_one_after_the_other_are_two(self):
        program = self.start()
        os.kill(program.pid, signal.SIGUSR1)
        time.sleep(0.3)
        os.killpg(program.pid, signal.SIGUSR1)
        self.assertEqual(self.finish(program), "[(10, 2)]")

    def test_sigterm_ends_a_program_and_its_run_is_kept(self):
        program = subprocess.Popen([PERUN, "monitor", "-q", "sleep", "30"], cwd=self.dir, env=self.env, stderr=subprocess.PIPE)
        time.sleep(0.5)
        begin = time.monotonic()
        program.terminate()
        self.assertEqual(program.wait(timeout=10), 143)
        self.assertLess(time.monotonic() - begin, 1.5)
        program.stderr.close()
        run = self.report("results/sleep.hdf5")["runs"][0]
        self.assertEqual(run["outcome"]["signal"], 15)
        self.assertAlmostEqual(run["duration_s"], 0.5, delta=0.4)
        self.assert_nothing_left()

    def test_a_stopped_program_stops_perun_and_both_go_on(self):
        program = subprocess.Popen([PERUN, "monitor", "-q", "sh", "-c", "kill -STOP $$; exit 4"], cwd=self.dir, env=self.env,
                                   stderr=subprocess.DEVNULL, start_new_session=True)
        pid, status = os.waitpid(program.pid, os.WUNTRACED)
        self.assertTrue(os.WIFSTOPPED(status), "the shell must see the job stop")
        os.killpg(pid, signal.SIGCONT)
        self.assertEqual(program.wait(timeout=10), 4)


class Terminal(PerunTest):
    def on_pty(self, *words):
        """perun as the foreground job of a new terminal; (pid, master side)."""
        pid, master = pty.fork()
        if pid == 0:
            os.chdir(self.dir)
            os.execve(PERUN, [PERUN, *words], self.env)
        self.addCleanup(os.close, master)
        return pid, master

    def test_control_c_reaches_the_program_once(self):
        script = self.file("count.py", COUNT)
        pid, master = self.on_pty("monitor", "-q", PYTHON, str(script))
        read_until(master, b"ready")
        os.write(master, b"\x03")
        out = read_until(master, b"]")
        self.assertIn(b"[(2, 1)]", out)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 9)

    def test_control_c_ends_a_plain_program_with_130(self):
        pid, master = self.on_pty("monitor", "-q", "sleep", "30")
        time.sleep(0.5)
        os.write(master, b"\x03")
        read_until(master, b"perun:")
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 130)

    def test_the_program_owns_the_terminal(self):
        pid, master = self.on_pty("monitor", "-q", PYTHON, "-c",
                                  "import os; print([os.isatty(i) for i in range(3)], os.tcgetpgrp(0) == os.getpgrp(), input())")
        time.sleep(0.4)
        os.write(master, b"typed\n")
        self.assertIn(b"[True, True, True] True typed", read_until(master, b"True typed"))
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)

    def test_control_z_stops_the_job_in_an_interactive_shell_and_fg_resumes_it(self):
        pid, master = pty.fork()
        if pid == 0:
            os.chdir(self.dir)
            os.execve("/bin/bash", ["bash", "--norc", "--noprofile", "-i"], {**self.env, "PS1": "shell> "})
        self.addCleanup(os.close, master)
        read_until(master, b"shell> ")
        os.write(master, f"{PERUN} monitor -q sleep 1.5; echo status=$?\n".encode())
        time.sleep(0.6)
        os.write(master, b"\x1a")
        self.assertIn(b"Stopped", read_until(master, b"Stopped", 5))
        read_until(master, b"shell> ", 1)
        os.write(master, b"jobs -l; fg; echo after=$?\n")
        out = read_until(master, b"after=0", 10)
        self.assertIn(b"after=0", out)
        os.write(master, b"exit\n")
        os.waitpid(pid, 0)
        run = self.report("results/sleep.hdf5")["runs"][0]
        self.assertGreater(run["duration_s"], 1.4)


if __name__ == "__main__":
    unittest.main()
