# SPDX-License-Identifier: BSD-3-Clause
"""A `perun session` process, which measures this process from start() to end()."""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time

from ._tool import PerunError, need_tool


def _resources():
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return (
        own.ru_utime + children.ru_utime,
        own.ru_stime + children.ru_stime,
        max(own.ru_maxrss, children.ru_maxrss) * 1024,
    )


def _plain(text):
    """What perun said, without its name in front."""
    text = text.strip()
    return text[len("perun: ") :] if text.startswith("perun: ") else text


class Session:
    """One process of perun; as many rounds as it was started for, one after the other."""

    def __init__(self, words):
        command = getattr(sys, "orig_argv", None) or [sys.executable, *sys.argv]
        self._told = tempfile.TemporaryFile()
        process = subprocess.Popen(
            [need_tool(), "session", *words, "--", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._told,
            start_new_session=True,
        )
        self._to, self._from = process.stdin, process.stdout
        process.wait()  # it has gone on in the background: nobody here shall meet a child that he did not start

    def start(self):
        """Waits until the first readings are taken. What a program needs to join in: {variable: value}."""
        line = self._from.readline()
        try:
            message = json.loads(line)
        except ValueError:
            message = {}
        if "ready" not in message:
            raise PerunError(_plain(self.forget()) or "perun session ended without a word")
        self._before = _resources()
        return message.get("environment", {})

    def note_end(self, exit_code):
        """The measured part ends now, with this exit status."""
        at = time.monotonic_ns()
        user, system, _ = self._before
        now = _resources()
        self._end = {
            "mono_ns": at,
            "exit_code": exit_code,
            "user_s": max(0.0, now[0] - user),
            "system_s": max(0.0, now[1] - system),
            "max_rss_bytes": now[2],
        }

    def end(self):
        """Tells perun what note_end() noted."""
        try:
            self._to.write(json.dumps({"end": self._end}).encode() + b"\n")
            self._to.flush()
        except OSError:  # the process was killed; the agent keeps what was sampled
            pass

    def finish(self):
        """After the last round: (report as a dict or None, text for the user)."""
        try:
            report = json.loads(self._from.read())
        except ValueError:
            report = None
        text = self.forget()
        if report is None:
            text += "perun: the measuring process was killed; the next perun command on the data folder stores the run\n"
        return report, text

    def forget(self):
        """Closes everything; what perun had to say."""
        try:
            self._to.close()
        except OSError:  # what end() could not write either
            pass
        self._from.close()
        if self._told is None:
            return ""
        self._told.seek(0)
        text = self._told.read().decode(errors="replace")
        self._told.close()
        self._told = None
        return text

    def abandon_in_child(self):
        """In a forked child: the session is the parent's, and must see when that one is gone."""
        for file in (self._to, self._from, self._told):
            if file is not None:
                file.close()
        self._told = None
