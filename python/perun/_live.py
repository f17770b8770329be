# SPDX-License-Identifier: BSD-3-Clause
"""Figures of the run while it goes on, for loggers and progress bars."""

import sys
import threading
import time

from . import _regions, _runs
from ._usage import NAN, Usage


class Live(Usage):
    """Usage of the run so far, and power_now_W: mean watts since the call before (of the first: since the run's begin)."""

    __slots__ = ("power_now_W",)

    def __init__(self, usage, before):
        super().__init__(usage.energy_J, usage.uncertainty_J, usage.time_s, usage.by_device, usage.kind)
        joules, seconds = (0.0, 0.0) if before is None else (before.energy_J, before.time_s)
        elapsed = usage.time_s - seconds
        self.power_now_W = (usage.energy_J - joules) / elapsed if elapsed > 0 else NAN

    def __repr__(self):
        return f"<perun.Live {self}>"


class _Caller:
    """Calls one function, in a thread of its own, as long as a run is under way."""

    def __init__(self, function, every):
        self.function, self.every = function, every
        self._thread = self._stop = self._before = None

    def start(self):
        self._stop, self._before = threading.Event(), None
        self._thread = threading.Thread(target=self._work, args=(self._stop,), name="perun-live", daemon=True)
        self._thread.start()

    def stop(self, last):
        """Once more if `last`, and then no more."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._stop.set()
        if thread is not threading.current_thread() and thread.is_alive():
            thread.join()
            if last:
                self._call()

    def _work(self, stop):
        due = time.monotonic() + self.every
        while not stop.wait(max(0.0, due - time.monotonic())):
            if not _runs.active():
                return
            if not self._call():
                return
            due = max(due + self.every, time.monotonic())  # a slow function is called less often

    def _call(self):
        usage = _regions.read()
        if usage.time_s == 0:  # no answer: the run is over
            return True
        self._before = live = Live(usage, self._before)
        try:
            self.function(live)
            return True
        except Exception:  # its own business, and none of the program's: told, and not called again
            sys.stderr.write("perun: this callback failed and is not called any more:\n")
            sys.excepthook(*sys.exc_info())
            _callers.pop(self.function, None)
            return False


_callers = {}


def register_callback(function, every=1.0):
    """Calls function(live) every so many seconds while a run is under way, and once more before it ends.

    `live` has the figures of the run so far (energy_J, uncertainty_J, time_s, power_W, by_device, kind) and power_now_W, the
    mean since the call before. Calls come from a thread of their own in this process; sampling happens in another process
    and never waits for them. A function that raises is not called again. Returns `function`, so it may be a decorator.
    """
    if not callable(function):
        raise TypeError(f"perun.register_callback takes a function, not {function!r}")
    if not every > 0:
        raise ValueError(f"every must be above 0 s, not {every!r}")
    unregister_callback(function)
    caller = _callers[function] = _Caller(function, every)
    if _runs.active():
        caller.start()
    return function


def unregister_callback(function):
    """Calls it no more; nothing happens if it was not registered."""
    caller = _callers.pop(function, None)
    if caller is not None:
        caller.stop(last=False)


def _on_run(begins):
    for caller in list(_callers.values()):
        if begins:
            caller.start()
        else:
            caller.stop(last=True)


_runs.watch(_on_run)
