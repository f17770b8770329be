# SPDX-License-Identifier: BSD-3-Clause
"""Whether this process is being measured, and the runs that it has measured by itself."""

import os
import threading
import weakref
from collections import deque

from ._native import native
from ._usage import from_report

# Calls of a program wait here while the first readings are taken; a run is everybody's in this process.
_lock = threading.RLock()
_own = None  # the Run of this process, while one is under way
_unmeasured = threading.local()  # warm-up calls
_watchers = []  # called with True when a run of this process has begun, with False before it ends
_asked = deque(maxlen=1024)  # regions of this run that may still be asked for their energy


def active():
    """Whether marks of this process reach a perun: under `perun monitor`, or inside of a decorated call or a measure()."""
    return native.active()


def joined():
    """As active(), and the run is still under way: a process forked inside a run may outlive it."""
    if not native.active():
        return False
    marks = os.environ.get("PERUN_MARKS")
    if _own is not None or marks is None or os.path.exists(marks):
        return True
    native.detach()
    return False


def watch(function):
    """Calls function(True) when a run of this process has begun and function(False) before it ends."""
    _watchers.append(function)


def remember(region):
    """Keeps a region's energy from being lost with the end of a run of this process. The newest 1024 are kept."""
    if _own is not None:
        _asked.append(weakref.ref(region))


class unmeasured:
    """Decorated calls inside are plain calls: for warm-up rounds."""

    def __enter__(self):
        _unmeasured.depth = getattr(_unmeasured, "depth", 0) + 1

    def __exit__(self, *_):
        _unmeasured.depth -= 1


def is_unmeasured():
    return getattr(_unmeasured, "depth", 0) > 0


class Run:
    """A run that this process has measured: `with run.round(): ...`, as often as the words say, then finish()."""

    @classmethod
    def begin(cls, words):
        """None when another thread was quicker: there is one run at a time, and it is everybody's."""
        global _own
        with _lock:
            first = _own
            if first is None and not joined():
                _own = cls(words)
                return _own
        if first is not None:
            first._attached.wait(10)  # marks before that would be lost
        return None

    def __init__(self, words):
        from ._session import Session  # and with it much that a program without a run of its own does not need

        self._session = Session(words)
        self._environment = {}
        self._ended = False
        self._trouble = ""
        self._attached = threading.Event()

    def __enter__(self):
        """One round begins."""
        with _lock:
            self._ended = False
            environment = self._session.start()
            self._environment = {name: os.environ.get(name) for name in environment}
            os.environ.update(environment)
            if "PERUN_MARKS" in environment:
                try:
                    native.attach(environment["PERUN_MARKS"], environment.get("PERUN_SOCK", ""))
                except OSError as error:
                    self._trouble = f"perun: there will be no regions: {error.strerror}\n"
        self._attached.set()
        for watcher in _watchers:
            watcher(True)
        return self

    def __exit__(self, _type, error, _trace):
        self._session.note_end(_exit_code(error))
        for watcher in _watchers:
            watcher(False)
        for reference in _asked:
            region = reference()
            if region is not None:
                region.usage()
        _asked.clear()
        with _lock:
            native.detach()
            self._session.end()
            self._ended = True
            for name, value in self._environment.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value

    def finish(self):
        """(the whole report or None, Usage of the last round or None, what perun has to say)."""
        global _own
        with _lock:
            _own = None
        self._attached.set()
        if not self._ended:
            return None, None, self._session.forget()
        report, text = self._session.finish()
        usage = from_report(report["runs"][-1]) if report and report["runs"] else None
        return report, usage, self._trouble + text

    def abandon_in_child(self):
        self._session.abandon_in_child()


def _exit_code(error):
    """What the interpreter would exit with, if nobody caught this."""
    if error is None or isinstance(error, GeneratorExit):
        return 0
    if isinstance(error, SystemExit):
        if error.code is None:
            return 0
        return error.code & 0xFF if isinstance(error.code, int) else 1
    return 130 if isinstance(error, KeyboardInterrupt) else 1


def _in_child():
    """A forked child belongs to the parent's run and has none of its own."""
    global _own, _lock
    _lock = threading.RLock()
    _asked.clear()
    if _own is not None:
        _own.abandon_in_child()
        _own = None


os.register_at_fork(after_in_child=_in_child)
