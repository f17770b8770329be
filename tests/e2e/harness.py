# SPDX-License-Identifier: BSD-3-Clause
"""What the end-to-end tests share: the built tool, a clean surrounding, a throw-away folder."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import unittest

PERUN = os.environ["PERUN_BIN"]
PYTHON = "/usr/bin/python3"


def clean_environment(home):
    """The environment without anything that configures perun, with a home of its own."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PERUN_", "XDG_", "NO_COLOR", "CLICOLOR"))}
    env.update(HOME=str(home), LC_ALL="C.UTF-8", TERM="dumb")
    return env


class PerunTest(unittest.TestCase):
    """Runs in an empty folder `self.dir`, which is the working directory of every command."""

    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="perun-e2e-"))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.env = clean_environment(self.dir)

    def file(self, name, text, mode=0o644):
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        path.chmod(mode)
        return path

    def bare(self, *words, timeout=60, **kw):
        kw.setdefault("env", self.env)
        kw.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run([str(w) for w in words], cwd=self.dir, capture_output=True, timeout=timeout, **kw)

    def perun(self, *words, **kw):
        return self.bare(PERUN, *words, **kw)

    def monitor(self, *words, **kw):
        return self.perun("monitor", *words, **kw)

    def report(self, file, run="last"):
        """The JSON report of a file as a dict."""
        done = self.perun("report", "--format", "json", "--run", run, file)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return json.loads(done.stdout)

    def assert_as_quick(self, took_s, bare_s, measured, bare):
        """With perun within half a second of without. What a busy machine delays it does not delay every time, what perun
        delays it does: so a few more pairs may show it. `measured` and `bare` run again, and return how long that took."""
        pairs = [(took_s, bare_s)]
        while min(abs(a - b) for a, b in pairs) > 0.5 and len(pairs) < 8:
            pairs.append((measured(), bare()))
        self.assertLessEqual(min(abs(a - b) for a, b in pairs), 0.5, pairs)

    def processes_left(self):
        left = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                name = pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
                cwd = os.readlink(f"/proc/{pid}/cwd")
            except OSError:
                continue
            if name.startswith("perun") and cwd == str(self.dir):
                left.append((pid, name))
        return left

    def assert_nothing_left(self):
        """One second after the end no process of perun is left that belongs to this test's folder."""
        until = time.monotonic() + 1
        while self.processes_left() and time.monotonic() < until:
            time.sleep(0.02)
        left = self.processes_left()
        self.assertEqual(left, [])
