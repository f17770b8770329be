# SPDX-License-Identifier: BSD-3-Clause
"""Exit status, arguments and streams of a program are the same with and without perun."""

import os
import signal
import subprocess
import unittest

from harness import PYTHON, PerunTest

SHOW = r"""#!/usr/bin/python3
import os, sys
os.write(1, b"\0".join(os.fsencode(a) for a in sys.argv[1:]))
"""


class ExitStatus(PerunTest):
    def same(self, *words, **kw):
        bare = self.bare(*words, **kw)
        ours = self.monitor("--", *words, **kw)
        expected = bare.returncode if bare.returncode >= 0 else 128 - bare.returncode
        self.assertEqual(ours.returncode, expected, (words, ours.stderr))
        self.assertEqual(ours.stdout, bare.stdout, words)
        return ours

    def test_every_kind_of_exit_code(self):
        for code in (*range(0, 4), 42, 77, *range(120, 132), 137, 139, 143, 200, 254, 255):
            with self.subTest(code=code):
                self.same("sh", "-c", f"exit {code}")

    def test_every_deadly_signal(self):
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGILL, signal.SIGTRAP, signal.SIGABRT, signal.SIGBUS,
                       signal.SIGFPE, signal.SIGKILL, signal.SIGUSR1, signal.SIGSEGV, signal.SIGUSR2, signal.SIGPIPE,
                       signal.SIGALRM, signal.SIGTERM, signal.SIGXCPU, signal.SIGSYS):
            with self.subTest(signal=number.name):
                self.same("sh", "-c", f"ulimit -c 0; kill -{int(number)} $$")

    def test_arguments_arrive_verbatim(self):
        show = self.file("show.py", SHOW, 0o755)
        for words in (["[1,2]"], ["[]"], [""], ["", ""], ["two\nlines"], ["--help"], ["-h"], ["--"], ["--", "--"], ["--format", "json"],
                      ["-f", "10"], ["a b"], ["it's", '"q"'], ["*"], ["$HOME"], ["%s"], ["-o", "x"], ["--version"], ["W\u00fcrttemberg"],
                      [b"\xff\xfe"], ["=", "-", "---"], ["x" * 100_000], [str(i) for i in range(500)]):
            with self.subTest(words=words[:3]):
                bare = subprocess.run([str(show), *words], cwd=self.dir, capture_output=True, env=self.env)
                ours = subprocess.run([os.environ["PERUN_BIN"], "monitor", str(show), *words], cwd=self.dir, capture_output=True, env=self.env)
                self.assertEqual(ours.returncode, 0, ours.stderr)
                self.assertEqual(ours.stdout, bare.stdout)

    def test_what_cannot_run_is_told_before_anything_is_written(self):
        plain = self.file("plain", "x")
        self.file("raw", "echo hi\n", 0o755)
        bad = self.file("bad", "#!/no/such/interpreter\n", 0o755)
        for words, status in (
            (["nosuchprogram"], 127), (["./nothere"], 127), (["missing.py"], 127), ([""], 127), ([plain], 126), (["/"], 126),
            (["./raw"], 126), ([bad], 127), (["/etc/passwd/x"], 127),
        ):
            with self.subTest(words=words):
                done = self.monitor(*words)
                self.assertEqual(done.returncode, status, done.stderr)
                self.assertEqual(done.stdout, b"")
                self.assertTrue(done.stderr.startswith(b"perun: "), done.stderr)
                self.assertFalse((self.dir / "results").exists(), "nothing may be left")

    def test_python_scripts_behave_as_under_python(self):
        scripts = {
            "exit0": "import sys; sys.exit(0)", "exit3": "import sys; sys.exit(3)", "text": "import sys; sys.exit('told')",
            "error": "raise ValueError('x')", "hard": "import os; os._exit(7)", "plain": "print(1)",
            "main": "import pathlib; print(__name__, pathlib.Path(__file__).name)",
            "pool": "import multiprocessing as m\ndef f(x): return x * x\nif __name__ == '__main__':\n print(m.Pool(2).map(f, [1, 2, 3]))",
            "pickle": "import pickle\nclass C: pass\nprint(type(pickle.loads(pickle.dumps(C()))).__name__)",
            "chdir": "import os; os.chdir('/'); print(os.getcwd())", "stdin": "print(input())",
        }
        for name, text in scripts.items():
            with self.subTest(script=name):
                self.file(f"{name}.py", text)
                bare = self.bare(PYTHON, f"{name}.py", stdin=None, input=b"hello\n")
                ours = self.monitor("-q", f"{name}.py", stdin=None, input=b"hello\n")
                self.assertEqual((ours.returncode, ours.stdout), (bare.returncode, bare.stdout))
                if bare.stderr:
                    self.assertIn(bare.stderr, ours.stderr, "the traceback is the program's own")
                self.assertTrue((self.dir / "results" / f"{name}.hdf5").exists(), "the results are where they were asked for")

    def test_odd_program_names_are_filed_under_something(self):
        for name in (b".hidden", b"with space", b"\xff\xfe", b"new\nline", b"W\xc3\xbcrttemberg.sh", b"x" * 250):
            with self.subTest(name=name):
                path = os.path.join(os.fsencode(self.dir), name)
                with open(path, "wb") as file:
                    file.write(b"#!/bin/sh\nexit 6\n")
                os.chmod(path, 0o755)
                done = subprocess.run([os.environ["PERUN_BIN"], "monitor", "-q", path], cwd=self.dir, env=self.env, capture_output=True)
                self.assertEqual(done.returncode, 6, done.stderr)
        self.assertEqual(len(list((self.dir / "results").glob("*.hdf5"))), 6)

    def test_surroundings_are_untouched(self):
        probe = self.file("probe.py", """
import os, resource, signal, sys
print(os.getcwd(), oct(os.umask(0)), sorted(os.listdir('/proc/self/fd'))[:9])
print(sorted(k for k in os.environ if k not in ('PERUN_ACTIVE', 'PERUN_MARKS', 'PERUN_RUN', 'PERUN_SOCK')))
print([resource.getrlimit(r) for r in range(16)])
print([signal.getsignal(s) for s in range(1, 32) if s not in (9, 19)])
print(open('/proc/self/status').read().split('SigBlk:')[1].split()[0])
print(os.getpgrp() == os.getpgid(os.getppid()), os.getsid(0) == os.getsid(os.getppid()), os.isatty(0))
""")
        bare = self.bare(PYTHON, probe)
        ours = self.monitor(PYTHON, probe)
        self.assertEqual(ours.stdout.decode(), bare.stdout.decode())

    def test_ignored_and_blocked_signals_are_inherited(self):
        look = "import signal; print([signal.getsignal(s) for s in (1, 2, 13, 15, 17)], signal.pthread_sigmask(0, []))"

        def before():
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
            signal.signal(signal.SIGPIPE, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])

        bare = self.bare(PYTHON, "-c", look, preexec_fn=before, restore_signals=False)
        ours = self.monitor(PYTHON, "-c", look, preexec_fn=before, restore_signals=False)
        self.assertEqual(ours.returncode, 0, ours.stderr)
        self.assertEqual(ours.stdout, bare.stdout)

    def test_extra_files_reach_the_program_and_nobody_else(self):
        read, write = os.pipe()
        ours = subprocess.Popen([os.environ["PERUN_BIN"], "monitor", "-q", "sh", "-c", f"echo hi >&{write}; exec {write}>&-; sleep 1"],
                                cwd=self.dir, env=self.env, pass_fds=[write], stderr=subprocess.DEVNULL)
        os.close(write)
        with os.fdopen(read, "rb") as pipe:
            self.assertEqual(pipe.read(), b"hi\n")  # ends when the program closes it
        self.assertIsNone(ours.poll(), "the reader saw the end while the program ran")
        self.assertEqual(ours.wait(), 0)

    def test_closed_streams_stay_closed(self):
        done = self.bare("sh", "-c", f'"{os.environ["PERUN_BIN"]}" monitor -q sh -c "ls -l /proc/self/fd 2>/dev/null | wc -l > n" <&- ; cat n')
        bare = self.bare("sh", "-c", 'sh -c "ls -l /proc/self/fd 2>/dev/null | wc -l > n" <&- ; cat n')
        self.assertEqual(done.stdout, bare.stdout)

    def test_a_gigabyte_of_output_is_identical(self):
        chunk = "bytes(range(256)) * 4096"
        self.file("make.py", f"import os\nchunk = {chunk}\nfor i in range(1000):\n    os.write(1, chunk[i % 251:])\nos._exit(5)\n")
        sums = []
        for words in ([PYTHON, "make.py"], [os.environ["PERUN_BIN"], "monitor", "-q", PYTHON, "make.py"]):
            program = subprocess.Popen(words, cwd=self.dir, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            sums.append(subprocess.run(["sha256sum"], stdin=program.stdout, capture_output=True, check=True).stdout)
            program.stdout.close()
            self.assertEqual(program.wait(), 5)
        self.assertEqual(sums[0], sums[1])


if __name__ == "__main__":
    unittest.main()
